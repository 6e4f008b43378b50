package launcher

import (
	"strings"
)

// renderScript renders a shell script. It preserves every byte except NUL, even
// if it is not UTF-8, and passes on its own arguments.
func renderScript(s Spec) ([]File, error) {
	text := "#!/bin/sh\n" +
		"# Made by modelrun; \"modelrun launcher repair\" writes it anew.\n" +
		"cd " + shell(s.Dir) + " || exit 125\n" +
		"exec " + shellWords(s.argv()) + " \"$@\"\n"
	return []File{{Name: s.Name, Data: []byte(text), Mode: 0o755}}, nil
}

// throughShell wraps a command in sh, for a kind that cannot name its program. The
// shell then replaces itself with the program.
func throughShell(argv []string) []string {
	return append([]string{"/bin/sh", "-c", `exec "$0" "$@"`}, argv...)
}

// shellWords quotes and joins words.
func shellWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shell(w)
	}
	return strings.Join(quoted, " ")
}

// shell quotes one word for a POSIX shell. The word must come after a command's
// name, where "=" is not an assignment. It omits quotes if they are
// unnecessary.
func shell(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+,@=:", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
