package launcher

import (
	"strings"
	"unicode"
)

// renderSupervisord is a section for supervisord; the settings are those of
// docs/services.md. A name there holds no space, colon or bracket.
func renderSupervisord(s Spec) ([]File, error) {
	if strings.ContainsAny(s.Name, ":[]") || strings.ContainsFunc(s.Name, unicode.IsSpace) {
		return nil, cannot(s, "the name", s.Name, "supervisord takes no space, colon or bracket in it")
	}
	if err := plainText(s, "\n\t"); err != nil {
		return nil, err
	}
	if d := s.Dir; apart(d) != d || strings.TrimSpace(d) != d {
		return nil, cannot(s, "the folder", d, "what follows a blank and ; or # is a comment there")
	}
	words := s.argv()
	for i, w := range words {
		words[i] = supervisordWord(w)
	}
	text := "[program:" + s.Name + "]\n" +
		"command=" + strings.Join(words, " ") + "\n" +
		"directory=" + percent(s.Dir) + "\n"
	if s.Account != "" {
		text += "user=" + percent(s.Account) + "\n"
	}
	text += "autorestart=unexpected\nexitcodes=0\nstartsecs=10\nstartretries=20\n" +
		"stopsignal=TERM\nstopwaitsecs=30\nkillasgroup=true\nredirect_stderr=true\n"
	return []File{{Name: s.Name + ".conf", Data: []byte(text), Mode: 0o644}}, nil
}

// percent: supervisord puts variables in for %(name)s.
func percent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// supervisordWord is one word of command, which Python's shlex splits. Before
// that the line ends at a blank with ; or # behind it, quoted or not: so the
// quotes end between the two.
func supervisordWord(s string) string {
	return apart("'" + strings.ReplaceAll(percent(s), "'", `'"'"'`) + "'")
}

// apart puts two quotes between a blank of any kind and a ; or #.
func apart(s string) string {
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
