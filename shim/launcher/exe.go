package launcher

import (
	"fmt"
	"path"
	"strings"
	"unicode"
)

// renderExe renders a copy of modelrun named NAME, and NAME.toml, which that copy
// reads: see cli.ApplyAlias.
func renderExe(s Spec) ([]File, error) {
	ext := ""
	if strings.EqualFold(path.Ext(s.Program), ".exe") {
		ext = ".exe"
	}
	if err := checkText(s); err != nil {
		return nil, err
	}
	text := "# What is typed after " + s.Name + ext + " goes to the program. Made by modelrun launcher, which checks and repairs it.\n" +
		"cwd = " + tomlString(s.Dir) + "\noptions = " + tomlStrings(s.Options) + "\ncommand = " + tomlStrings(s.Command) + "\n"
	return []File{
		{Name: s.Name + ext, Copy: s.Program, Mode: 0o755},
		{Name: s.Name + ".toml", Data: []byte(text), Mode: 0o644},
	}, nil
}

// tomlString formats a TOML string. It prefers the form without escapes, which
// keeps paths on Windows readable.
func tomlString(s string) string {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\t' }
	if !strings.ContainsRune(s, '\'') && !strings.ContainsFunc(s, control) {
		return "'" + s + "'"
	}
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case control(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return `"` + out.String() + `"`
}

// tomlStrings formats a TOML array of strings.
func tomlStrings(list []string) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = tomlString(s)
	}
	return "[" + strings.Join(words, ", ") + "]"
}
