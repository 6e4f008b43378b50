package fault

import (
	"regexp"
	"strings"
)

// Mask hides the user:password@ of every URL in a text, and the values of query
// parameters whose names say that they are secret. What is written to a
// terminal, a log or a file that others read goes through it.
//
// Everything from :// to the last @ of the word goes: a password may hold a
// slash, a quote or an @ that nobody escaped.
func Mask(s string) string {
	if strings.Contains(s, "@") {
		s = regexp.MustCompile(`(://)[^\s"<>]*@`).ReplaceAllString(s, "${1}***@")
	}
	if strings.ContainsAny(s, "?&") || strings.Contains(s, `\u0026`) { // the last is & in JSON
		s = regexp.MustCompile(`(?i)((?:[?&]|\\u0026)[^=&\s]*(?:token|key|password|secret|auth|sig)[^=&\s]*=)[^&\s"'<>)\\]+`).ReplaceAllString(s, "${1}***")
	}
	return s
}
