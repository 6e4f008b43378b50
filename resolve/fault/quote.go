package fault

import (
	"runtime"
	"strings"
)

// Quote makes a word that can be pasted into a POSIX shell, on Windows into
// cmd.exe or PowerShell: a remedy is pasted, and the name of a folder may hold
// anything.
func Quote(s string) string {
	safe := "/._-:=,+@~"
	if runtime.GOOS == "windows" {
		safe += `\`
	}
	first := s != "" && strings.IndexByte("~=", s[0]) < 0 // a home, or in zsh a program
	if first && !strings.ContainsFunc(s, func(r rune) bool {
		return !(strings.ContainsRune(safe, r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r > 127)
	}) {
		return s
	}
	if runtime.GOOS == "windows" {
		return `"` + s + `"` // no name there holds one
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Remove is the command that removes a folder and all in it.
func Remove(dir string) string { return Shell("rm -r ", "rmdir /s /q ", dir) }

// Shell is a command for a file, as a shell of POSIX or one of Windows has it.
func Shell(posix, windows, file string) string {
	if runtime.GOOS == "windows" {
		posix = windows
	}
	return posix + Quote(file)
}
