package launcher

import (
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// maxBatchLine is the longest line that cmd.exe reads, in UTF-16 units.
// https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation
const maxBatchLine = 8191

// renderBatch renders NAME.cmd. It passes its arguments to the program, and
// returns the program's exit code. It sets the folder with modelrun's -C,
// because cmd.exe's cd supports no shares and no folders with long names.
//
// Not guaranteed: after Ctrl-C cmd.exe asks "Terminate batch job (Y/N)?". A
// caller that writes `call NAME` doubles each ^ in its arguments before we see
// them.
func renderBatch(s Spec) ([]File, error) {
	if err := checkLine(s, "a command file"); err != nil {
		return nil, err
	}
	line := forCmd(execx.QuoteArg(s.Program)) + " " + forCmdEach(modelrunArgs(s, s.Dir)) + " %*"
	if n := units(line); n > maxBatchLine {
		return nil, fault.New(fault.BadUsage, "the line of %s.cmd has %d characters, and cmd.exe reads %d", s.Name, n, maxBatchLine).Fix(useExe)
	}
	return []File{{Name: s.Name + ".cmd", Data: commandFile("", line, "exit /b %ERRORLEVEL%"), Mode: 0o644}}, nil
}

// commandFile returns a batch file. line starts a command or a block in
// parentheses.
//
// cmd.exe reads each line or block in the console's current code page. If line
// is not ASCII, the file switches to UTF-8 before it, and back to the old code
// page before the command starts.
func commandFile(about, line string, after ...string) []byte {
	lines := []string{"@echo off", "rem Made by modelrun launcher, which checks and repairs it." + about,
		"setlocal EnableExtensions DisableDelayedExpansion"}
	if !ascii(line) {
		lines = append(lines,
			`for /f "tokens=2 delims=:." %%c in ('%SystemRoot%\System32\chcp.com') do set "_codepage=%%c"`,
			`%SystemRoot%\System32\chcp.com 65001 >nul`)
		back := `set "_codepage=" & %SystemRoot%\System32\chcp.com %_codepage% >nul`
		if block, ok := strings.CutPrefix(line, "(\r\n"); ok {
			line = "(\r\n" + back + "\r\n" + block
		} else {
			line = back + " & " + line
		}
	}
	return []byte(strings.Join(append(append(lines, line), after...), "\r\n") + "\r\n")
}
