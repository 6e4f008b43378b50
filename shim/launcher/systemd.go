package launcher

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// renderSystemd is a unit of the user, or of the system.
//
// Type=exec: most model programs never say READY=1, so the unit counts as
// started when modelrun is, and no time limit meets a first start that makes
// the env. NotifyAccess=exec lets modelrun's STATUS= be heard. The exit codes
// are those of docs/services.md.
func renderSystemd(s Spec) ([]File, error) {
	if why := systemdPath(s.Dir); why != "" {
		return nil, cannot(s, "the folder", s.Dir, why)
	}
	argv := s.argv()
	if strings.ContainsAny(s.Program, "\"'\\") || notPlain(s.Program, "\n\t") != "" { // systemd takes no program of such a name
		argv = throughShell(argv)
	}
	words := []string{`"` + systemdValue(argv[0]) + `"`} // no variable is looked for in the first one
	for _, w := range argv[1:] {
		words = append(words, systemdWord(w))
	}
	var b strings.Builder
	target := "default.target"
	b.WriteString("[Unit]\nDescription=" + systemdValue(s.Name) + "\n")
	if s.System {
		target = "multi-user.target"
		b.WriteString("Wants=network-online.target\nAfter=network-online.target\n")
	}
	b.WriteString("\n[Service]\nType=exec\nNotifyAccess=exec\n")
	if s.Account != "" {
		b.WriteString("User=" + systemdValue(s.Account) + "\n")
	}
	b.WriteString("WorkingDirectory=" + systemdValue(s.Dir) + "\n")
	b.WriteString("ExecStart=" + strings.Join(words, " ") + "\n")
	b.WriteString("# modelrun that is stopped while it creates ends with 143.\nSuccessExitStatus=143\n")
	b.WriteString("Restart=on-failure\nRestartSec=30\nRestartPreventExitStatus=125 126 127\nKillMode=mixed\n")
	b.WriteString("\n[Install]\nWantedBy=" + target + "\n")
	return []File{{Name: unitName(s.Name), Data: []byte(b.String()), Mode: 0o644}}, nil
}

// unitName is the file's name: what a unit's name cannot hold is written \x20,
// as systemd-escape does. "@" would make it an instance of a template.
func unitName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_.-", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String() + ".service"
}

// systemdPath says why a path cannot stand in a unit, where it is not quoted:
// blanks at its ends go, a backslash at its end joins lines, and what is no
// text is refused.
func systemdPath(p string) string {
	if why := notPlain(p, "\n\t"); why != "" {
		return why
	}
	if strings.HasSuffix(p, `\`) || strings.HasSuffix(p, " ") {
		return "it ends in a backslash or a space"
	}
	return ""
}

// systemdValue is a setting's value that is not split into words: "%" begins a specifier.
func systemdValue(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// systemdWord is one argument of ExecStart: quotes and escapes as in C, "$"
// begins a variable, "%" a specifier (systemd.service(5), "Command lines").
// Bytes that are no text are written \xff.
func systemdWord(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\' || r == '"':
			b.WriteString(`\` + s[i:i+n])
		case r == '$' || r == '%':
			b.WriteString(s[i:i+n] + s[i:i+n])
		case r == utf8.RuneError && n == 1, r < ' ', r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String() + `"`
}
