package config

import (
	"path/filepath"
	"strings"
)

// IsProgram reports whether a word may begin the program's part without "--": a
// python, or a script.
func IsProgram(word string) bool {
	return IsPython(word) || strings.EqualFold(filepath.Ext(word), ".py")
}

// IsPython reports whether a word names the env's interpreter.
func IsPython(word string) bool {
	switch strings.TrimSuffix(strings.ToLower(word), ".exe") {
	case "python", "python3", "pythonw":
		return true
	}
	return false
}

// ScriptOf returns the script that a command line starts, or "". It reads only
// python's own options, never the program's arguments.
func ScriptOf(program []string) string {
	if len(program) == 0 {
		return ""
	}
	if !IsPython(program[0]) {
		if IsProgram(program[0]) {
			return program[0]
		}
		return ""
	}
	for i := 1; i < len(program); i++ {
		switch word := program[i]; {
		case word == "-" || word == "--" && i+1 == len(program):
			return ""
		case word == "--":
			return program[i+1] //nolint:gosec // there is a next word: i+1 == len was handled above
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

// shortOptions reads a cluster such as "uBX". stop reports -c or -m, which start no
// script. next reports that the last letter takes the following word.
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
