package execx

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplitLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		`modelrun`:                           {"modelrun"},
		`"C:\a b\modelrun.exe" x`:            {`C:\a b\modelrun.exe`, "x"},
		`C:\a" "b\m.exe x`:                   {`C:\a b\m.exe`, "x"},
		`m "a b c" d e`:                      {"m", "a b c", "d", "e"},
		`m "ab\"c" "\\" d`:                   {"m", `ab"c`, `\`, "d"},
		`m a\\\b d"e f"g h`:                  {"m", `a\\\b`, "de fg", "h"},
		`m a\\\"b c d`:                       {"m", `a\"b`, "c", "d"},
		`m a\\\\"b c" d e`:                   {"m", `a\\b c`, "d", "e"},
		`m a"b"" c d`:                        {"m", `ab" c d`},
		`m "a""b c"`:                         {"m", `a"b c`},
		`m """a"""`:                          {"m", `"a"`},
		"m  a\t\tb  ":                        {"m", "a", "b"},
		"m \"\" ''":                          {"m", "", "''"},
		"m \"a\nb\" never":                   {"m", "a\nb", "never"},
		`m "not closed \`:                    {"m", `not closed \`},
		``:                                   {""},
		` leading`:                           {"", "leading"},
		`m 日本 "é ☃"`:                         {"m", "日本", "é ☃"},
		`m ` + strings.Repeat(`\`, 9) + `"a`: {"m", strings.Repeat(`\`, 4) + `"a`},
	} {
		args, starts := SplitLine(line)
		require.Equal(t, want, args, line)
		require.Len(t, starts, len(args))
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a", `b"c\`, " ")
	f.Add("", `\\"`, "\t\n")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if strings.ContainsAny(a+b+c, "\x00") {
			t.Skip("no line holds a zero")
		}
		words := []string{`C:\p q\x.exe`, a, b, c}
		line := commandLine(words, "")
		args, starts := SplitLine(line)
		require.Equal(t, words, args, line)
		for i := range words { // a tail splits as it did in the whole line
			again, _ := SplitLine(`"p" ` + line[starts[i]:])
			if i > 0 {
				require.Equal(t, words[i:], again[1:])
			}
		}
	})
}

func TestBatchLine(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		`plain`:     `plain`,
		``:          `""`,
		`a b`:       `"a b"`,
		`"&calc&"`:  `"""&calc&"""`,
		`%PATH%`:    `"%%cd:~,%PATH%%cd:~,%"`,
		`back\`:     `"back\\"`,
		`a\"b`:      `"a\\""b"`,
		`a^b|c<d>e`: `"a^b|c<d>e"`,
		`é☃`:        `é☃`,
	} {
		line, err := batchLine(`C:\my dir\x.cmd`, []string{arg})
		require.NoError(t, err)
		require.Equal(t, `/e:ON /v:OFF /d /c ""C:\my dir\x.cmd" `+want+`"`, line)
	}
	_, err := batchLine(`C:\x.cmd`, []string{"a\nb"})
	require.ErrorContains(t, err, "line break")
	_, err = batchLine(`C:\%PATH%\x.cmd`, nil)
	require.ErrorContains(t, err, "batch file")
}
