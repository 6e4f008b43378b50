package launcher

import (
	"strings"
)

// renderDesktop renders a desktop entry:
// https://specifications.freedesktop.org/desktop-entry-spec/latest/
//
// Each word of Exec is quoted, and then the line is escaped like every string
// in the file. "%" begins a field code. GLib searches for the program before it
// replaces "%%", and the specification does not allow "=" in its path. A
// program with one of these characters is started by sh.
func renderDesktop(s Spec) ([]File, error) {
	if err := checkPlainText(s, ""); err != nil {
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

// desktopWord quotes one argument of Exec, before the line is escaped as a
// string.
func desktopWord(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`, `%`, `%%`).Replace(s) + `"`
}

// desktopString escapes a value of the file. Readers drop a space at the
// beginning, which our values never have, and may drop one at the end.
func desktopString(s string) string {
	s = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s)
	if strings.HasSuffix(s, " ") {
		s = s[:len(s)-1] + `\s`
	}
	return s
}
