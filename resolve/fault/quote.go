package fault

import (
	"runtime"
	"strings"
)

// Quote quotes a word for pasting into a POSIX shell, or on Windows into
// cmd.exe or PowerShell. Hints are pasted, and a folder can have any name.
func Quote(s string) string {
	safe := "/._-:=,+@~"
	if runtime.GOOS == "windows" {
		safe += `\`
	}
	first := s != "" && strings.IndexByte("~=", s[0]) < 0 // ~ is a home folder; in zsh = is a program
	if first && !strings.ContainsFunc(s, func(r rune) bool {
		return !(strings.ContainsRune(safe, r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r > 127)
	}) {
		return s
	}
	if runtime.GOOS == "windows" {
		return windowsQuoted(s)
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// windowsQuoted quotes a word, which as a name on Windows contains no ". Between quotes
// PowerShell runs $(…), and takes a typographic quote for the end. The ` before these is
// right there; cmd.exe then finds no such file, which does no harm.
func windowsQuoted(s string) string {
	return `"` + strings.NewReplacer("`", "``", "$(", "`$(", "“", "`“", "”", "`”", "„", "`„").Replace(s) + `"`
}

// Remove returns the command that removes a folder with its content.
func Remove(dir string) string { return Shell("rm -r ", "rmdir /s /q ", dir) }

// Shell returns a command for a file: posix on POSIX systems, windows on
// Windows.
func Shell(posix, windows, file string) string {
	if runtime.GOOS == "windows" {
		posix = windows
	}
	return posix + Quote(file)
}
