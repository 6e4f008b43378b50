package health_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
)

func TestModelType(t *testing.T) {
	t.Parallel()
	unknown := "the model is of type qwen99, which transformers 4.57.3 in environment torch-cu121-transformers does not know; a newer one may, " +
		"and so may a newer modelrun: modelrun -e torch-cu121-transformers --with " + fault.Quote("transformers>5.24.0") + " -- …"
	for name, tt := range map[string]struct {
		kind   string
		change func(*testing.T, *env)
		want   []string
	}{
		"has a folder":        {kind: "llama"},
		"is spelled with -":   {kind: "xlm-roberta"},
		"is in the registry":  {kind: "openai-gpt"},
		"is in the newer one": {kind: "gemma3_text"},
		"is not known":        {kind: "qwen99", want: []string{unknown}},
		"is nothing":          {kind: ""},
		"cannot be told without a registry": {kind: "qwen99", change: func(t *testing.T, e *env) {
			require.NoError(t, os.RemoveAll(e.path("transformers/models/auto")))
		}},
		"does not matter to another family": {kind: "qwen99", change: func(t *testing.T, e *env) {
			e.Imports = []profile.Import{{Module: "torch", Dist: "torch"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, envdir.Shared)
			for _, dir := range []string{"llama", "xlm_roberta"} {
				write(t, e.path("transformers/models/"+dir+"/__init__.py"), "")
			}
			write(t, e.path("transformers/models/auto/configuration_auto.py"), `NAMES = {"openai-gpt": "OpenAIGPTConfig"}`)
			write(t, e.path("transformers/models/auto/auto_mappings.py"), `NAMES = {'gemma3_text': 'Gemma3TextConfig'}`)
			e.ModelType, e.Start = tt.kind, "modelrun -e torch-cu121-transformers"
			if tt.change != nil {
				tt.change(t, &e)
			}
			c, probes := checker(t)
			for range 2 { // from the probe, then from the cache
				v, err := c.Check(t.Context(), e.Subject)
				require.NoError(t, err)
				require.Equal(t, health.Healthy, v.State, v.Reason)
				require.Equal(t, tt.want, append([]string(nil), v.Warnings...))
			}
			// Another model in the same env shares the verdict.
			e.ModelType = "llama"
			v, err := c.Check(t.Context(), e.Subject)
			require.NoError(t, err)
			require.Empty(t, v.Warnings)
			require.Equal(t, 1, probes())
		})
	}
}
