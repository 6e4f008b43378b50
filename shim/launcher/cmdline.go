package launcher

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// modelrunArgs returns modelrun's arguments. They include -C if dir is set;
// otherwise the starter itself sets the folder.
func modelrunArgs(s Spec, dir string) []string {
	var args []string
	if dir != "" {
		args = append(args, "-C", dir)
	}
	args = append(args, s.Options...)
	return append(append(args, "--"), s.Command...)
}

// useExe is the hint for a launcher whose starter cannot represent a part of it.
const useExe = "make it the kind that holds everything: modelrun launcher add --kind exe …"

// checkText returns an error for words that are not text: no launcher file can
// represent them.
func checkText(s Spec) error {
	for _, word := range s.texts() {
		if !utf8.ValidString(word) || strings.Contains(word, "\x00") {
			return fault.New(fault.BadUsage, "%q is no text, and a launcher's file holds only text", word).Fix("give files and arguments names that are text")
		}
	}
	return nil
}

// checkLine returns an error for words that a line of a command file or shortcut
// cannot represent.
func checkLine(s Spec, where string) error {
	for _, word := range s.texts() {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
			return fault.New(fault.BadUsage, "%q has a line break or another control character, which %s cannot hold", word, where).Fix(useExe)
		}
	}
	return checkText(s)
}

// texts returns all texts of a launcher.
func (s Spec) texts() []string {
	words := append([]string{s.Name, s.Program, s.Dir, s.Icon, s.Account}, s.Options...)
	return append(words, s.Command...)
}

// mayExpand reports whether a reader that expands %NAME% could find a variable in a
// text.
func mayExpand(text string) bool { return strings.Count(text, "%") > 1 }

// verbatim returns a command line for a reader that expands %NAME%, as the
// shell does with a shortcut's arguments and NSSM with those of a service. It
// puts quotes inside every possible name: no variable has such a name, and the
// program removes the quotes.
func verbatim(args []string) string {
	line := execx.JoinLine(args)
	if !mayExpand(line) {
		return line
	}
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = execx.JoinLine(args[i : i+1]); strings.Contains(arg, "%") {
			parts := strings.Split(arg, "%")
			for j, part := range parts {
				if part != "" {
					parts[j] = execx.QuoteArg(part)
				}
			}
			words[i] = strings.Join(parts, "%")
		}
	}
	return strings.Join(words, " ")
}

// forCmd escapes a part of a command line for cmd.exe, which reads it from a
// batch file. cmd.exe does not understand \", so it would misinterpret the
// quotes of such a word. All of the line is then escaped, including its quotes.
// https://learn.microsoft.com/archive/blogs/twistylittlepassagesallalike/everyone-quotes-command-line-arguments-the-wrong-way
func forCmd(line string) string {
	var out strings.Builder
	escaped := strings.Contains(line, `\"`)
	quoted := false
	for _, r := range line {
		switch {
		case r == '%':
			out.WriteByte('%')
		case r == '"' && !escaped:
			quoted = !quoted
		case !quoted && strings.ContainsRune(`&|<>^()"!`, r):
			out.WriteByte('^')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// forCmdEach applies forCmd to each word, so that words without a quote stay
// readable.
func forCmdEach(args []string) string {
	words := make([]string, len(args))
	for i := range args {
		words[i] = forCmd(execx.JoinLine(args[i : i+1]))
	}
	return strings.Join(words, " ")
}

// units returns the length of a text in UTF-16 units, as Windows counts it.
func units(text string) int { return len(utf16.Encode([]rune(text))) }

// ascii reports whether a text is ASCII, and thus the same in every code page.
func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
