package uv

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/pylock"
)

func TestConflictReason(t *testing.T) {
	t.Parallel()
	pin := profile.Pin{Name: "huggingface_hub", Version: "0.27.1"}
	lock := Lock{Packages: []pylock.Package{{Name: "transformers", Version: "4.57.3"}}}
	for words, want := range map[string]string{
		"Because transformers>=4.57.3 depends on huggingface-hub>=0.34.0,<1.0 and huggingface-hub==0.27.1, no.":                   "transformers 4.57.3 needs >=0.34",
		"Because transformers==4.57.3 depends on huggingface-hub>=0.34.0,<1.0 and you require huggingface-hub==0.27.1, no.":       "transformers 4.57.3 needs >=0.34",
		"Because transformers[torch]==4.57.3 depends on huggingface-hub[cli]>=0.34.0,<1.0. And":                                   "transformers 4.57.3 needs >=0.34",
		"Because a==1 depends on huggingface-hub<0.20 and b":                                                                      "a needs <0.20",
		"Because a==1 depends on huggingface-hub==0.20.1, we":                                                                     "a needs ==0.20.1",
		"Because there is no version of huggingface-hub==0.27.1 and you require huggingface-hub==0.27.1, your requirements":       "the index has no such version",
		"Because there are no versions of huggingface-hub and":                                                                    "the index has no such version",
		"Because all versions of transformers depend on huggingface-hub>=0.34.0,<1.0 and you require huggingface-hub==0.27.1, we": "transformers 4.57.3 needs >=0.34",
		"Because there is no version of huggingface-hub==0.27.1 and modelrun-env depends on huggingface-hub==0.27.1, your":        "the index has no such version",
		"Because all of it is new": "it does not go together with the versions before it",
	} {
		require.Equal(t, want, conflictReason(pin, words, lock), words)
	}
}

func TestViolatedClause(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ version, spec, want string }{
		"lower":     {"0.27.1", ">=0.34.0,<1.0", ">=0.34"},
		"upper":     {"1.2", ">=0.34.0,<1.0", "<1.0"},
		"strict":    {"2", ">2", ">2"},
		"at most":   {"2.1", "<=2", "<=2"},
		"exact":     {"1.0", "==2.0.0", "==2.0.0"},
		"excluded":  {"1.0", "!=1.0", "!=1.0"},
		"satisfied": {"1.0", ">=0.5", ">=0.5"},
		"two zeros": {"1", ">=2.0.0", ">=2.0"},
	} {
		require.Equal(t, c.want, violatedClause(c.version, c.spec), name)
	}
}
