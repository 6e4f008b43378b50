package profile

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLines(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][2]bool{
		"llama": {true, true}, "qwen3_5": {false, true}, "kimi_k25": {false, true}, "xlm-roberta": {true, true}, "transfo-xl": {true, false},
		"qwen99": {}, "": {}, "llam": {}, "lama": {}, "llama 4": {}, "llama 45\n": {},
	} {
		in4, in5 := Lines(kind)
		require.Equal(t, want, [2]bool{in4, in5}, kind)
	}
}

// TestTypes checks the form of the generated list.
func TestTypes(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.Trim(types, "\n"), "\n")
	require.Greater(t, len(lines), 800)
	require.True(t, slices.IsSortedFunc(lines, func(a, b string) int { return strings.Compare(strings.Fields(a)[0], strings.Fields(b)[0]) }))
	for _, line := range lines {
		require.Regexp(t, `^[A-Za-z0-9_.-]+ (4|5|45)$`, line)
	}
	require.Equal(t, []int{4, 5}, []int{LineOf(typesVersion4), LineOf(typesVersion5)})
}
