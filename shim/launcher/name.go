package launcher

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/modelrun/modelrun/resolve/envdir"
)

// maxName leaves space for an extension, and for \x20 in kinds that escape:
// file names have at most 255 bytes.
const maxName = 60

// nameProblem returns the reason why a file cannot have this name on every system,
// or "". https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func nameProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case !utf8.ValidString(name) || strings.ContainsRune(name, utf8.RuneError):
		return "is not UTF-8"
	case len(name) > maxName:
		return "is longer than 60 bytes"
	case name[0] == '.' || name[0] == '-' || name[0] == ' ':
		return "begins with a dot, a dash or a space"
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		return "ends in a dot or a space, which Windows drops"
	case strings.ContainsAny(name, `/\<>:"|?*`):
		return `holds one of / \ < > : " | ? *, which no file's name can hold everywhere`
	case envdir.DeviceName(name):
		return "is the name of a device of Windows"
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		return "holds a control character"
	}
	return ""
}

// plainTextProblem returns the reason why a text file of a kind cannot contain a
// word, or "". more lists further forbidden characters.
func plainTextProblem(word, more string) string {
	switch i := strings.IndexFunc(word, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\n' || strings.ContainsRune(more, r)
	}); {
	case !utf8.ValidString(word):
		return "it is not UTF-8"
	case i >= 0:
		r, _ := utf8.DecodeRuneInString(word[i:])
		return "no such file holds " + strings.Trim(strconv.QuoteRuneToASCII(r), "'")
	}
	return ""
}
