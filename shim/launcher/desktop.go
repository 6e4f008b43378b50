package launcher

import (
	"strings"
)

// renderDesktop is a desktop entry:
// https://specifications.freedesktop.org/desktop-entry-spec/latest/
//
// A word of Exec is quoted, and the line is then escaped once more as every
// string of the file is. "%" begins a field code. GLib looks for the program
// before it undoes "%%", and the specification allows it no "=": such a program
// is started by sh.
func renderDesktop(s Spec) ([]File, error) {
	if err := plainText(s, ""); err != nil {
		return nil, err
	}
	words := s.argv()
	if strings.ContainsAny(s.Program, "%=") {
		words = throughShell(words)
	}
	for i, w := range words {
		words[i] = desktopWord(w)
	}
	var b strings.Builder
	b.WriteString("[Desktop Entry]\nType=Application\n")
	b.WriteString("Name=" + desktopString(s.Name) + "\n")
	b.WriteString("Exec=" + desktopString(strings.Join(words, " ")) + "\n")
	b.WriteString("Path=" + desktopString(s.Dir) + "\n")
	if s.Icon != "" {
		b.WriteString("Icon=" + desktopString(s.Icon) + "\n")
	}
	b.WriteString("Terminal=" + map[bool]string{true: "false", false: "true"}[s.Windowed] + "\n")
	return []File{{Name: s.Name + ".desktop", Data: []byte(b.String()), Mode: 0o644}}, nil
}

// desktopWord is one argument of Exec, before the line is escaped as a string.
func desktopWord(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`, `%`, `%%`).Replace(s) + `"`
}

// desktopString is a value of the file. None of ours begins with a space, which
// would be dropped, as one at the end may be.
func desktopString(s string) string {
	s = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s)
	if strings.HasSuffix(s, " ") {
		s = s[:len(s)-1] + `\s`
	}
	return s
}
