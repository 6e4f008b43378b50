package launcher

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// modelrunArgs is what modelrun is started with: from a folder, where one is
// named here and not by the starter itself.
func modelrunArgs(s Spec, dir string) []string {
	var args []string
	if dir != "" {
		args = append(args, "-C", dir)
	}
	args = append(args, s.Options...)
	return append(append(args, "--"), s.Command...)
}

// asExe is the way out where a starter cannot hold what a launcher needs.
const asExe = "make it the kind that holds everything: modelrun launcher add --kind exe …"

// checkText refuses what is no text: no file of a launcher holds it.
func checkText(s Spec) error {
	for _, word := range s.words() {
		if !utf8.ValidString(word) || strings.Contains(word, "\x00") {
			return fault.New(fault.BadUsage, "%q is no text, and a launcher's file holds only text", word).Fix("give files and arguments names that are text")
		}
	}
	return nil
}

// checkLine refuses what no line of a command file or shortcut holds.
func checkLine(s Spec, where string) error {
	for _, word := range s.words() {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
			return fault.New(fault.BadUsage, "%q has a line break or another control character, which %s cannot hold", word, where).Fix(asExe)
		}
	}
	return checkText(s)
}

// words is all that a launcher says.
func (s Spec) words() []string {
	words := append([]string{s.Name, s.Program, s.Dir, s.Icon, s.Account}, s.Options...)
	return append(words, s.Command...)
}

// named reports whether who expands %NAME% could take a part of a text for a
// variable.
func named(text string) bool { return strings.Count(text, "%") > 1 }

// verbatim is a command line for a reader that replaces %NAME% by a variable's
// value, as the shell does with a shortcut's arguments and NSSM with those of a
// service. Quotes, which the program takes off again, then stand within every
// name, and no variable is called so.
func verbatim(args []string) string {
	line := execx.JoinLine(args)
	if !named(line) {
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

// forCmd writes a part of a command line so that cmd.exe, which reads a batch
// file, hands it on as it is. cmd.exe knows no \" and would see the quotes of
// such a word the wrong way round: all of it is then escaped, its quotes too.
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

// forCmdEach is forCmd of each word: those without a quote stay readable.
func forCmdEach(args []string) string {
	words := make([]string, len(args))
	for i := range args {
		words[i] = forCmd(execx.JoinLine(args[i : i+1]))
	}
	return strings.Join(words, " ")
}

// units is the length of a text as Windows counts it.
func units(text string) int { return len(utf16.Encode([]rune(text))) }

// ascii reports whether a text is the same in every code page.
func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
