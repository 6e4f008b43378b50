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
func Remove(dir string) string { return command("rm -r ", "rmdir /s /q ") + Quote(dir) }

// Mkdir is the command that makes a folder and those above it.
func Mkdir(dir string) string { return command("mkdir -p ", "mkdir ") + Quote(dir) }

// Move is the command that gives a file another name.
func Move(from, to string) string { return command("mv ", "move ") + Quote(from) + " " + Quote(to) }

// Look is the command that shows who may read a file or a folder.
func Look(path string) string { return command("ls -ld ", "icacls ") + Quote(path) }

// Account is the command that shows an account.
func Account(name string) string { return command("id ", "net user ") + Quote(name) }

// command is how a shell of POSIX or one of Windows calls it.
func command(posix, windows string) string {
	if runtime.GOOS == "windows" {
		return windows
	}
	return posix
}
