package need

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
)

func TestHubName(t *testing.T) {
	t.Parallel()
	for id, want := range map[envdir.ID]string{
		"meta-llama__Llama-3.1-8B": "meta-llama/Llama-3.1-8B",
		"org__my_model":            "org/my_model",
		"local_0123456789ab":       "",
		"gpt2":                     "",
		"a__b__c":                  "", // a/b__c or a__b/c
		"a___b":                    "a/_b",
		"__b":                      "",
		"a__":                      "",
		"":                         "",
	} {
		got := HubName(id)
		require.Equal(t, want, got, id)
		if got != "" {
			require.Equal(t, id, envdir.HubID(got))
		}
	}
}
