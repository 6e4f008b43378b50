package execx

import (
	"fmt"
	"strings"
)

// SplitLine splits a Windows command line like the C runtime of a program built
// since 2008, and like python. It also returns where in the line each argument
// begins. os.Args follows an older rule for `""` inside quotes, so the two can
// disagree about where the program's part begins.
// https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
func SplitLine(line string) (args []string, starts []int) {
	program, i := firstWord(line)
	args, starts = append(args, program), append(starts, 0)
	for {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if i == len(line) {
			return args, starts
		}
		starts = append(starts, i)
		var arg string
		arg, i = nextWord(line, i)
		args = append(args, arg)
	}
}

// firstWord reads the program's name, in which a backslash is not an escape.
func firstWord(line string) (word string, end int) {
	var out []byte
	quoted := false
	for ; end < len(line); end++ {
		switch c := line[end]; {
		case c == '"':
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return string(out), end
		default:
			out = append(out, c)
		}
	}
	return string(out), end
}

// nextWord reads the argument that begins at i. 2n backslashes before a quote
// are n backslashes, and the quote opens or closes. 2n+1 are n backslashes and
// a literal quote. Inside quotes "" is a literal quote.
func nextWord(line string, i int) (word string, end int) {
	var out []byte
	quoted := false
	for i < len(line) {
		slashes := 0
		for i < len(line) && line[i] == '\\' {
			slashes++
			i++
		}
		quote := i < len(line) && line[i] == '"'
		if !quote {
			out = append(out, strings.Repeat(`\`, slashes)...)
			if i == len(line) || !quoted && (line[i] == ' ' || line[i] == '\t') {
				break
			}
			out = append(out, line[i])
			i++
			continue
		}
		out = append(out, strings.Repeat(`\`, slashes/2)...)
		switch {
		case slashes%2 == 1:
			out = append(out, '"')
		case quoted && i+1 < len(line) && line[i+1] == '"':
			out = append(out, '"')
			i++
		default:
			quoted = !quoted
		}
		i++
	}
	return string(out), i
}

// JoinLine joins arguments so that [SplitLine] splits them again, after the
// program's name.
func JoinLine(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = arg; arg == "" || strings.ContainsAny(arg, " \t\n\v\"") {
			words[i] = QuoteArg(arg)
		}
	}
	return strings.Join(words, " ")
}

// QuoteArg puts one argument in quotes, even if that is not necessary.
func QuoteArg(arg string) string {
	var out strings.Builder
	out.WriteByte('"')
	slashes := 0
	for i := range len(arg) {
		switch c := arg[i]; c {
		case '\\':
			slashes++
			continue
		case '"':
			out.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			out.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		out.WriteByte(arg[i])
	}
	out.WriteString(strings.Repeat(`\`, 2*slashes))
	out.WriteByte('"')
	return out.String()
}

// commandLine returns a program's name with its arguments: tail as it was
// typed, or else argv[1:] quoted. The name is always quoted, so that no reader
// of the line takes a part of it for the program.
func commandLine(argv []string, tail string) string {
	line := `"` + argv[0] + `"`
	if tail == "" {
		tail = JoinLine(argv[1:])
	}
	if tail == "" {
		return line
	}
	return line + " " + tail
}

// batchLine returns the command line with which cmd.exe runs a batch file with
// exactly these arguments. cmd.exe has its own rules, under which an argument
// such as `"&calc&"` would be a command (CVE-2024-24576, CVE-2024-3566). As in
// Rust's standard library, quotes are doubled, and a variable that is always
// empty separates a % from the text after it.
func batchLine(script string, args []string) (string, error) {
	if strings.ContainsAny(script, `"%`) {
		return "", fmt.Errorf("the path of a batch file cannot hold %q or %q: cmd.exe would read them", '"', '%')
	}
	line := `/e:ON /v:OFF /d /c ""` + script + `"`
	for _, arg := range args {
		if strings.ContainsAny(arg, "\x00\r\n") {
			return "", fmt.Errorf("argument %q cannot be handed to a batch file: cmd.exe ends a line at a line break", arg)
		}
		line += " " + batchArg(arg)
	}
	return line + `"`, nil
}

// batchArg quotes one argument for batchLine.
func batchArg(arg string) string {
	plain := func(r rune) bool {
		return r > 0x7f || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune(`#$*+-./:?@\_`, r)
	}
	quote := arg == "" || strings.HasSuffix(arg, `\`) || strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) >= 0
	var out strings.Builder
	if quote {
		out.WriteByte('"')
	}
	slashes := 0
	for i := range len(arg) {
		switch c := arg[i]; c {
		case '\\':
			slashes++
		case '"':
			out.WriteString(strings.Repeat(`\`, slashes) + `"`) // doubled: the quote itself follows
			slashes = 0
		case '%':
			out.WriteString("%%cd:~,")
			slashes = 0
		default:
			slashes = 0
		}
		out.WriteByte(arg[i])
	}
	if quote {
		out.WriteString(strings.Repeat(`\`, slashes) + `"`)
	}
	return out.String()
}
