package launcher

import (
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// maxBatchLine is the longest line that cmd.exe reads, in UTF-16 units.
// https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation
const maxBatchLine = 8191

// renderBatch is NAME.cmd: what is typed after its name goes to the program,
// whose exit code is the file's. The folder is modelrun's -C and not cmd.exe's
// cd, which goes to no share and to no folder with a long name.
//
// Not guaranteed: after Ctrl-C cmd.exe asks "Terminate batch job (Y/N)?", and a
// caller that writes `call NAME` doubles each ^ of its arguments before we see them.
func renderBatch(s Spec) ([]File, error) {
	if err := checkLine(s, "a command file"); err != nil {
		return nil, err
	}
	line := forCmd(execx.QuoteArg(s.Program)) + " " + forCmdEach(modelrunArgs(s, s.Dir)) + " %*"
	if n := units(line); n > maxBatchLine {
		return nil, fault.New(fault.BadUsage, "the line of %s.cmd has %d characters, and cmd.exe reads %d", s.Name, n, maxBatchLine).Fix(asExe)
	}
	return []File{{Name: s.Name + ".cmd", Data: commandFile("", line, "exit /b %ERRORLEVEL%"), Mode: 0o644}}, nil
}

// commandFile is a batch file; its line begins a command or a block.
//
// cmd.exe reads each line, or block in parentheses, in the console's code page
// of that moment. Beyond ASCII that is UTF-8 for this one, and the old one
// again before what stands in the line starts.
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
