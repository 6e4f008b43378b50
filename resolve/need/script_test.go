package need

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

func TestScript(t *testing.T) {
	t.Parallel()
	const open, end = "# /// script\n", "# ///\n"
	cases := map[string]struct {
		text, toml string
		line       int
		err        string
	}{
		"none":                     {text: "print(1)\n"},
		"empty":                    {},
		"a block":                  {text: open + "# a = 1\n" + end, toml: "a = 1\n", line: 1},
		"after a shebang":          {text: "#!/usr/bin/env python3\n\n" + open + "#\n#  a = 1\n" + end + "import x\n", toml: "\n a = 1\n", line: 3},
		"no newline at the end":    {text: open + "# a\n# ///", toml: "a\n", line: 1},
		"CRLF":                     {text: "import x\r\n# /// script\r\n# a = 1\r\n#\r\n# ///\r\n", toml: "a = 1\n\n", line: 2},
		"a BOM":                    {text: "\xEF\xBB\xBF" + open + "# a\n" + end, toml: "a\n", line: 1},
		"unclosed":                 {text: "import x\n" + open + "# a\n\n" + end, err: ":2: the block of script metadata has no end"},
		"unclosed at the end":      {text: open + "# a\n", err: ":1: the block of script metadata has no end"},
		"empty block":              {text: open + end},
		"the last end counts":      {text: open + "# a\n" + end + "# b\n" + end, toml: "a\n///\nb\n", line: 1},
		"comment after the end":    {text: open + "# a\n" + end + "# b\n", toml: "a\n", line: 1},
		"a line without its space": {text: open + "#a\n" + end, err: ":1: the block of script metadata has no end"},
		"indented":                 {text: " # /// script\n # a\n # ///\n"},
		"a space too many":         {text: "# /// script \n# a\n" + end},
		"another type":             {text: "# /// other\n# a\n" + end},
		"another type before":      {text: "# /// other\n# a\n" + end + "\n" + open + "# b\n" + end, toml: "b\n", line: 5},
		"inside of another":        {text: "# /// other\n" + open + "# b\n" + end},
		"two":                      {text: open + "# a\n" + end + "\n" + open + "# b\n" + end, err: ":5: a second block"},
		"two, one unclosed":        {text: open + "# a\n\n" + open + "# b\n" + end, toml: "b\n", line: 4},
		"behind 256 KiB":           {text: strings.Repeat("x\n", maxScript/2) + open + "# a\n" + end},
		"cut at 256 KiB":           {text: open + "# a\n" + strings.Repeat("# x\n", maxScript/4) + end, err: ":1: the block of script metadata goes on behind"},
		"an end before the cut":    {text: open + "# a\n" + end + strings.Repeat("# x\n", maxScript/4) + end, err: ":1: the block of script metadata goes on behind"},
		"a long script":            {text: open + "# a\n" + end + "\n" + strings.Repeat("# x\n", maxScript/4), toml: "a\n", line: 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mein ü.py")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o644))
			meta, found, err := Script(path)
			if c.err != "" {
				require.ErrorContains(t, err, path+c.err)
				require.Equal(t, fault.BadScript, fault.CodeOf(err))
				require.NotEmpty(t, fault.RemedyOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.line > 0, found)
			require.Equal(t, ScriptMeta{Path: path, TOML: meta.TOML, Line: c.line}, meta)
			require.Equal(t, c.toml, string(meta.TOML))
		})
	}
}

func TestScriptNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "gone.py")} {
		_, found, err := Script(path)
		require.NoError(t, err)
		require.False(t, found)
	}
}

// FuzzScript checks that the scanner finds the same blocks as the PEP's reference
// implementation, which is a regular expression. RE2 is leftmost-first, so it
// matches like Python's.
func FuzzScript(f *testing.F) {
	for _, s := range []string{"# /// script\n# a\n# ///\n", "# /// script\n# ///\n# ///", "# /// a\n# /// script\n# b\n# ///\n", "# /// script\n#a\n# ///", "\n\n# /// script\n#\n# ///\n# x\n# ///\n\n# /// script\n# y\n# ///"} {
		f.Add([]byte(s))
	}
	reference := regexp.MustCompile(`(?m)^# /// ([a-zA-Z0-9-]+)\n((?:#(?:| [^\n]*)\n)+)# ///$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.ContainsRune(data, '\r') || bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")) || len(data) > maxScript {
			_, _, _ = scan("x.py", data)
			return
		}
		var want []string
		for _, m := range reference.FindAllSubmatch(data, -1) {
			if string(m[1]) == "script" {
				want = append(want, string(regexp.MustCompile(`(?m)^# ?`).ReplaceAll(m[2], nil)))
			}
		}
		meta, found, err := scan("x.py", data)
		switch len(want) {
		case 0:
			rest := reference.ReplaceAll(data, nil)
			if !regexp.MustCompile(`(?m)^# /// script$`).Match(rest) {
				require.NoError(t, err)
			} // otherwise the block may have no end
			require.False(t, found)
		case 1:
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, want[0], string(meta.TOML))
			require.Equal(t, "# /// script", strings.Split(string(data), "\n")[meta.Line-1])
		default:
			require.Error(t, err)
		}
	})
}
