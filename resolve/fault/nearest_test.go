package fault

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	settings := []string{"family", "profile", "root"}
	profiles := []string{"ada_cu124", "ampere_cu121", "blackwell_cu124", "cuda_cu121"}
	for name, tt := range map[string]struct {
		word  string
		names []string
		want  string
	}{
		"a letter is missing":      {"famly", settings, "family"},
		"a short word":             {"rot", settings, "root"},
		"the word itself":          {"root", settings, "root"},
		"nothing is near":          {"zebra", settings, ""},
		"no word":                  {"", settings, ""},
		"no letter in common":      {"x", []string{"y"}, ""},
		"no names":                 {"root", nil, ""},
		"two letters swapped":      {"ampere_cu112", profiles, "ampere_cu121"},
		"a long name":              {"blackwel_cu124", profiles, "blackwell_cu124"},
		"the first of equals":      {"ab", []string{"ac", "ad"}, "ac"},
		"the nearer of two":        {"cuda_cu12", []string{"cuda_cu1213", "cuda_cu121"}, "cuda_cu121"},
		"a third and one more":     {"abcdef", []string{"abcxyz"}, "abcxyz"},
		"more than that":           {"abcdefg", []string{"abcwxyz"}, ""},
		"something else than them": {"something-else", profiles, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, Nearest(tt.word, tt.names))
		})
	}
}
