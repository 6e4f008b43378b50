package launcher

import (
	"strings"
)

// renderLaunchd renders a property list for launchd in the user's session. The
// service restarts after every failure, because launchd.plist(5) only
// distinguishes success and failure, not exit codes.
func renderLaunchd(s Spec) ([]File, error) {
	if err := checkPlainText(s, "\ufffe\uffff"); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
`)
	b.WriteString("\t<key>Label</key>\n\t" + xmlString(launchdLabel(s.Name)) + "\n")
	b.WriteString("\t<key>ProgramArguments</key>\n\t<array>\n")
	for _, w := range s.argv() {
		b.WriteString("\t\t" + xmlString(w) + "\n")
	}
	b.WriteString("\t</array>\n")
	b.WriteString("\t<key>WorkingDirectory</key>\n\t" + xmlString(s.Dir) + "\n")
	b.WriteString(`	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>30</integer>
	<key>ExitTimeOut</key>
	<integer>30</integer>
</dict>
</plist>
`)
	return []File{{Name: launchdLabel(s.Name) + ".plist", Data: []byte(b.String()), Mode: 0o644}}, nil
}

// launchdLabel returns the label of a service.
func launchdLabel(name string) string { return "modelrun." + name }

// xmlString formats a <string> element.
func xmlString(s string) string {
	return "<string>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s) + "</string>"
}
