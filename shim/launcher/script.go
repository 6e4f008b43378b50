package launcher

import (
	"strings"
)

// renderScript is a shell script. Every byte but NUL survives, also those that
// are not UTF-8. What its caller adds is passed on.
func renderScript(s Spec) ([]File, error) {
	text := "#!/bin/sh\n" +
		"# Made by modelrun; \"modelrun launcher repair\" writes it anew.\n" +
		"cd " + shell(s.Dir) + " || exit 125\n" +
		"exec " + shellWords(s.argv()) + " \"$@\"\n"
	return []File{{Name: s.Name, Data: []byte(text), Mode: 0o755}}, nil
}

// throughShell starts a program that a kind cannot name as its first word. The
// shell becomes it.
func throughShell(argv []string) []string {
	return append([]string{"/bin/sh", "-c", `exec "$0" "$@"`}, argv...)
}

func shellWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shell(w)
	}
	return strings.Join(quoted, " ")
}

// shell is one word of a POSIX shell that stands behind a command's name: "="
// assigns nothing there. Quotes are left out where they cannot be needed.
func shell(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+,@=:", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
