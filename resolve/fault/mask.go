package fault

import (
	"regexp"
	"strings"
)

// Mask hides the user:password@ of every URL in a text. What is written to a
// terminal, a log or a file that others read goes through it.
func Mask(s string) string {
	if !strings.Contains(s, "@") {
		return s // the usual case compiles no pattern
	}
	return regexp.MustCompile(`(://)[^/@\s"']+@`).ReplaceAllString(s, "${1}***@")
}
