package fault

import (
	"regexp"
	"strings"
)

// Mask hides the user:password@ of every URL in a text, and the values of query
// parameters with the names of secrets. Apply it to everything that is written
// to a terminal, a log or a file that others read.
//
// It hides everything from :// to the last @ of the word: a password may
// contain an unescaped slash, quote or @.
func Mask(s string) string {
	if strings.Contains(s, "@") {
		s = regexp.MustCompile(`(://)[^\s"<>]*@`).ReplaceAllString(s, "${1}***@")
	}
	if strings.ContainsAny(s, "?&") || strings.Contains(s, `\u0026`) { // \u0026 is & in JSON
		s = regexp.MustCompile(`(?i)((?:[?&]|\\u0026)[^=&\s]*(?:token|key|password|secret|auth|sig)[^=&\s]*=)[^&\s"'<>)\\]+`).ReplaceAllString(s, "${1}***")
	}
	return s
}
