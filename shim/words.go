package shim

import (
	"path/filepath"
	"strings"
)

// words is the command line taken apart: what is ours, and the program's tail
// of os.Args, byte for byte (kong rewrites bytes that are not UTF-8).
type words struct {
	sub     string   // sub-command; "run" when none is named
	verb    string   // of a sub-command that has several: "add"; "" elsewhere
	options []string // for kong; empty on the plain path, where kong is not built
	program []string // nil: no command was given
}

// done reports that parsing the words was all that there is to do.
func (w words) done() bool {
	return w.sub == "version" || w.sub == "completion" || w.sub == completeWord
}

// look reports that the sub-command only looks: it runs nothing from a root and
// changes nothing.
func (w words) look() bool {
	switch w.sub {
	case "which", "explain", "list", "doctor", "profiles":
		return true
	}
	return false
}

// subcommands are reached by a first word that cannot be mistaken for a
// command; a program called "list" is `modelrun -- list`.
var subcommands = [...]string{
	"run", "which", "explain", "ensure", "list", "doctor", "prune", "migrate", "launcher", "config", "profiles", "completion", "version",
}

// splitPlain takes apart what needs no option parser: `modelrun -- cmd …`,
// `modelrun python …`, `modelrun x.py …`. ok is false when there is an option
// or a sub-command in front.
func splitPlain(args []string) (w words, ok bool) {
	switch {
	case len(args) > 0 && args[0] == "--":
		return words{sub: "run", program: args[1:]}, true
	case len(args) > 0 && isProgram(args[0]):
		return words{sub: "run", program: args}, true
	}
	return words{}, false
}

// isProgram reports whether a word may start the program's part without "--":
// a python, or a script.
func isProgram(word string) bool {
	return isPython(word) || strings.EqualFold(filepath.Ext(word), ".py")
}

// isPython reports whether a word names the env's interpreter.
func isPython(word string) bool {
	switch strings.TrimSuffix(strings.ToLower(word), ".exe") {
	case "python", "python3", "pythonw":
		return true
	}
	return false
}

// scriptOf is the script that a command line starts, "" when it starts none.
// Only python's own options are read, never the program's arguments.
func scriptOf(program []string) string {
	if len(program) == 0 {
		return ""
	}
	if !isPython(program[0]) {
		if isProgram(program[0]) {
			return program[0]
		}
		return ""
	}
	for i := 1; i < len(program); i++ {
		switch word := program[i]; {
		case word == "-" || word == "--" && i+1 == len(program):
			return ""
		case word == "--":
			return program[i+1] //nolint:gosec // there is a next word: i+1 == len was told apart above
		case !strings.HasPrefix(word, "-"):
			return word
		case strings.HasPrefix(word, "--"):
			if word == "--check-hash-based-pycs" {
				i++
			}
		default:
			next, stop := shortOptions(word[1:])
			if stop {
				return ""
			}
			if next {
				i++
			}
		}
	}
	return ""
}

// shortOptions reads a cluster such as "uBX": stop for -c and -m, which start
// no script; next when the last letter takes the following word.
func shortOptions(cluster string) (next, stop bool) {
	for i := 0; i < len(cluster); i++ {
		switch cluster[i] {
		case 'c', 'm':
			return false, true
		case 'W', 'X':
			return i+1 == len(cluster), false
		}
	}
	return false, false
}
