package requirement

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTerms checks that terms change the hash, that a secret does not, and that a
// seal gives them back.
func TestTerms(t *testing.T) {
	t.Parallel()
	rich, err := Parse("rich>=13")
	require.NoError(t, err)
	list := []Requirement{rich}
	terms := Terms{
		DefaultIndex: "https://me:one@example.org/simple", Indexes: []string{"https://b/simple", "https://a/simple"},
		Constraints: list, Hashes: []Checksum{{"rich", "sha256:00", "r.txt:1"}},
	}
	lines := terms.Written(list)
	require.Equal(t, []string{
		"rich>=13", "--constraint rich>=13", "--hash rich sha256:00", "--index https://b/simple", "--index https://a/simple", "--default-index https://***@example.org/simple",
	}, lines)

	again, read := ReadWritten(lines)
	require.Equal(t, lines, read.Written(again))
	require.Equal(t, terms.Hash(list), read.Hash(again))

	other := terms
	other.DefaultIndex = "https://me:two@example.org/simple"
	require.Equal(t, terms.Hash(list), other.Hash(list), "a password may change")
	other.Indexes = []string{"https://a/simple", "https://b/simple"}
	require.NotEqual(t, terms.Hash(list), other.Hash(list), "the first index that has a package serves it")
	require.NotEqual(t, Terms{}.Hash(list), terms.Hash(list))
	require.Equal(t, []string{"rich>=13", "--index u", "2 hashes"}, Brief([]string{"rich>=13", "--hash rich sha256:00", "--hash rich sha256:01", "--index u"}))
	require.True(t, Terms{Options: " --x"}.Empty())
}
