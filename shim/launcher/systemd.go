package launcher

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// renderSystemd renders a unit, of the user or of the system.
//
// Type=exec: most model programs never send READY=1. The unit therefore counts
// as started once modelrun runs, and no time limit applies to a first start
// that creates the env. NotifyAccess=exec accepts modelrun's STATUS=.
// docs/services.md explains the exit codes.
func renderSystemd(s Spec) ([]File, error) {
	if why := systemdPath(s.Dir); why != "" {
		return nil, unsupported(s, "the folder", s.Dir, why)
	}
	argv := s.argv()
	if strings.ContainsAny(s.Program, "\"'\\") || plainTextProblem(s.Program, "\n\t") != "" { // systemd does not accept these in a program's name
		argv = throughShell(argv)
	}
	words := []string{`"` + systemdValue(argv[0]) + `"`} // systemd expands no variables in the first word
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

// unitName returns the file's name. Bytes that a unit's name cannot contain
// become \x20, as with systemd-escape. "@" would make the unit an instance of a
// template.
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

// systemdPath returns the reason why a unit cannot contain a path, or "". Paths
// in units are not quoted. Spaces at the end are dropped, a backslash at the
// end joins lines, and anything but text is refused.
func systemdPath(p string) string {
	if why := plainTextProblem(p, "\n\t"); why != "" {
		return why
	}
	if strings.HasSuffix(p, `\`) || strings.HasSuffix(p, " ") {
		return "it ends in a backslash or a space"
	}
	return ""
}

// systemdValue escapes a value that is not split into words: "%" begins a
// specifier.
func systemdValue(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// systemdWord quotes one argument of ExecStart. Quotes and escapes are those of
// C; "$" begins a variable and "%" a specifier (systemd.service(5), "Command
// lines"). Bytes that are not UTF-8 become \xff.
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
