package header

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCardLibrary(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "",
		"# A model without front matter\n---\nlibrary_name: peft\n---\n":           "",
		"---\nlibrary_name: peft\n":                                                "", // never ends
		"---\n---\nlibrary_name: peft\n":                                           "",
		"---\nlibrary_name: peft\n---\n":                                           "peft",
		"---\ntags:\n- a\nlibrary_name: peft\nbase_model: x/y\n---\n# Text\n---\n": "peft",
		"---\nx:\n  library_name: peft\n---\n":                                     "", // of something else
		"\xEF\xBB\xBF---\r\nlibrary_name: peft\r\n---\r\n":                         "peft",
		"\n \n---  \nlibrary_name: peft\n---":                                      "peft",
		"\xFF\xFE-\x00-\x00-\x00\n\x00":                                            "",
		"---\nlibrary_name: 'a # b' # it is\n---\n":                                "a # b",
		"---\nlibrary_name: \"a b\" # \"c\"\n---\n":                                "a b",
		"---\nlibrary_name: peft # not lora\n---\n":                                "peft",
		"---\nlibrary_name: null\n---\n":                                           "",
		"---\nlibrary_name: ~\n---\n":                                              "",
		"---\nlibrary_name:\n---\n":                                                "",
		"---\nlibrary_name: \"peft\n---\n":                                         "",
		"---\nlibrary_name: '\n---\n":                                              "",
		"---\nlibrary_name:peft\n---\n":                                            "",
		"---\nlibrary_name: {a: b}\n---\n":                                         "",
		"---\nlibrary_name: >-\n  peft\n---\n":                                     "",
		"---\nlibrary_name: a: b\n---\n":                                           "",
		"---\nlibrary_name: \"\xff\"\n---\n":                                       "",
		"---\nlibrary_name: " + strings.Repeat("x", maxLibrary+1) + "\n---\n":      "",
		"---\nlibrary_name: peft\n" + strings.Repeat("#", maxCard) + "\n---\n":     "",
	} {
		got, err := CardLibrary(write(t, text))
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", text)
	}
	r := endless("---\n")
	got, err := cardLibrary(r)
	require.NoError(t, err)
	require.Empty(t, got)
	require.LessOrEqual(t, r.n, maxCard)
}

func FuzzCard(f *testing.F) {
	for _, text := range []string{
		"---\nlicense: other\nlicense_link: >-\n  https://example.com\nlibrary_name: cosmos\nbase_model:\n- Qwen/Qwen3-VL-8B-Instruct\n---\n",
		"\xEF\xBB\xBF---\r\nlibrary_name: 'c' # d\r\n---\r\n", "---\nlibrary_name: '\n]\n---", "---\nlibrary_name: \"\\\n---",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		library, err := cardLibrary(strings.NewReader(text))
		require.NoError(t, err)
		require.LessOrEqual(t, len(library), maxLibrary)
		require.NotContains(t, library, "\n")
	})
}
