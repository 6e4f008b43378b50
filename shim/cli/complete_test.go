package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/shim/config"
)

func TestUnquote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":               "",
		`models/llama`:   "models/llama",
		`my\ model`:      "my model",
		`"my model"`:     "my model",
		`'my \ model'`:   `my \ model`,
		`"a \"b\" c"`:    `a "b" c`,
		`"C:\models\ä"`:  `C:\models\ä`,
		`"a\$b\\"`:       `a$b\`,
		`C:\\models`:     `C:\models`,
		`a'b c'd`:        "ab cd",
		`"still open`:    "still open",
		`ends with \`:    `ends with \`,
		`$(touch /x)`:    `$(touch /x)`, // runs nothing
		`'it'\''s good'`: "it's good",
	} {
		require.Equal(t, want, unquote(in), in)
	}
}

// FuzzComplete checks that Tab answers any input with lines that a shell can read,
// or with nothing.
func FuzzComplete(f *testing.F) {
	for _, words := range []string{"", "wh", "-m\x00", "--env=\x00=\x00x", "--\x00a", "-qm\x00x\x00--family\x00v", "\"\\\x00-C\x00/\x00-e\x00"} {
		f.Add("bash", words)
		f.Add("powershell", words)
	}
	g := Grammar{Settings: config.Settings(), Subs: []Sub{{Name: "which", Help: "Print."}}}
	lookup := func(string, string, config.Flags) []Offer {
		return []Offer{{Word: "a b\x1b", Help: "help"}, {Word: "c"}}
	}
	f.Fuzz(func(t *testing.T, shell, words string) {
		var out strings.Builder
		require.NoError(t, Complete(append([]string{shell}, strings.Split(words, "\x00")...), g, lookup, &out))
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		require.Regexp(t, `^(words|files|dirs|program \d+)$`, lines[0])
		for _, l := range lines[1:] {
			require.Equal(t, 1, strings.Count(l, "\t"), l)
		}
	})
}
