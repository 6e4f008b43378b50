package launcher

import (
	"strings"
	"unicode"
)

// renderSupervisord renders a section for supervisord, with the settings in
// docs/services.md. A name in supervisord cannot contain a space, colon or
// bracket.
func renderSupervisord(s Spec) ([]File, error) {
	if strings.ContainsAny(s.Name, ":[]") || strings.ContainsFunc(s.Name, unicode.IsSpace) {
		return nil, unsupported(s, "the name", s.Name, "supervisord takes no space, colon or bracket in it")
	}
	if err := checkPlainText(s, "\n\t"); err != nil {
		return nil, err
	}
	if d := s.Dir; breakComments(d) != d || strings.TrimSpace(d) != d {
		return nil, unsupported(s, "the folder", d, "what follows a blank and ; or # is a comment there")
	}
	words := s.argv()
	for i, w := range words {
		words[i] = supervisordWord(w)
	}
	text := "[program:" + s.Name + "]\n" +
		"command=" + strings.Join(words, " ") + "\n" +
		"directory=" + escapePercent(s.Dir) + "\n"
	if s.Account != "" {
		text += "user=" + escapePercent(s.Account) + "\n"
	}
	text += "autorestart=unexpected\nexitcodes=0\nstartsecs=10\nstartretries=20\n" +
		"stopsignal=TERM\nstopwaitsecs=30\nkillasgroup=true\nredirect_stderr=true\n"
	return []File{{Name: s.Name + ".conf", Data: []byte(text), Mode: 0o644}}, nil
}

// escapePercent escapes %, because supervisord expands %(name)s.
func escapePercent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// supervisordWord quotes one word of command, which Python's shlex splits.
// Before that, the line ends at a blank with ; or # after it, even in quotes.
// So the quotes are closed and opened again between the two.
func supervisordWord(s string) string {
	return breakComments("'" + strings.ReplaceAll(escapePercent(s), "'", `'"'"'`) + "'")
}

// breakComments puts two quotes between any blank and a following ; or #.
func breakComments(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range s {
		if blank && (r == ';' || r == '#') {
			b.WriteString("''")
		}
		b.WriteRune(r)
		blank = unicode.IsSpace(r)
	}
	return b.String()
}
