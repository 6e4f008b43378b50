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
// contain an unescaped slash, quote or @. After git+ the last @ may come before a
// branch or tag, which stays.
func Mask(s string) string {
	if strings.Contains(s, "@") {
		s = regexp.MustCompile(`(git\+\w+)?://[^\s"<>]*@`).ReplaceAllStringFunc(s, maskUser)
	}
	if strings.ContainsAny(s, "?&") || strings.Contains(s, `\u0026`) { // \u0026 is & in JSON
		s = regexp.MustCompile(`(?i)((?:[?&]|\\u0026)[^=&\s]*(?:token|key|password|secret|auth|sig)[^=&\s]*=)[^&\s"'<>)\\]+`).ReplaceAllString(s, "${1}***")
	}
	return s
}

// maskUser masks a text from the scheme of a URL to its last @.
func maskUser(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	host, path, ok := strings.Cut(rest, "/")
	user := ""
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		user, host = "***@", host[i+1:]
	}
	_, port, _ := strings.Cut(host, ":")
	if !ok || scheme == "" || strings.Trim(port, "0123456789") != "" { // a password with a slash looks like a port
		return scheme + "://***@"
	}
	return scheme + "://" + user + host + "/" + path
}
