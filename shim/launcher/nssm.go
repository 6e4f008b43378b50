package launcher

import (
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// renderNSSM renders NAME.nssm.cmd. An administrator runs it once, and again
// after a repair. It defines the service or updates it. NSSM stores the
// arguments as one text. They are therefore quoted for modelrun, and the whole
// text is quoted for NSSM.
func renderNSSM(s Spec) ([]File, error) {
	if err := checkLine(s, "a command file"); err != nil {
		return nil, err
	}
	for _, value := range []string{s.Program, s.Dir} {
		if mayExpand(value) {
			return nil, fault.New(fault.BadUsage, "%s has two %%, and NSSM takes what is between them for a variable", value).Fix("rename that folder")
		}
	}
	log := strings.TrimRight(s.Dir, `\`) + `\` + s.Name + ".log"
	set := [][]string{
		{"Application", s.Program},
		{"AppParameters", verbatim(modelrunArgs(s, ""))},
		{"AppDirectory", s.Dir},
		{"AppStdout", log},
		{"AppStderr", log},
		{"AppStopMethodConsole", "30000"}, // Ctrl-C, and half a minute to end cleanly; then everything is killed
		{"AppExit", "Default", "Restart"},
		{"AppRestartDelay", "10000"},
		{"AppExit", "125", "Exit"}, // 125 to 127 need a change by the user first
		{"AppExit", "126", "Exit"},
		{"AppExit", "127", "Exit"},
	}
	name := forCmdEach([]string{s.Name})
	block := "(\r\nnssm get " + name + " Name >nul 2>&1 || nssm install " + name + " " + forCmd(execx.QuoteArg(s.Program)) + " || exit /b\r\n"
	for _, words := range set {
		block += "nssm set " + name + " " + forCmdEach(words) + " || exit /b\r\n"
	}
	about := " Run it in a prompt of an administrator, with nssm.exe on PATH."
	if s.Account != "" {
		block += "nssm set " + name + " ObjectName " + forCmdEach([]string{s.Account})
		if !Passwordless(s.Account) {
			about += " Behind its name stands the account's password."
			block += " %1"
		}
		block += " || exit /b\r\n"
	}
	for line := range strings.Lines(block) {
		if n := units(line); n > maxBatchLine {
			return nil, fault.New(fault.BadUsage, "a line of %s.nssm.cmd has %d characters, and cmd.exe reads %d", s.Name, n, maxBatchLine).
				Fix("put the arguments into a file that the program reads")
		}
	}
	return []File{{Name: s.Name + ".nssm.cmd", Data: commandFile(about, block+")"), Mode: 0o644}}, nil
}

// Passwordless reports whether Windows runs a service under this account
// without a password: under its own accounts and those of services.
func Passwordless(account string) bool {
	domain, name, ok := strings.Cut(strings.ToLower(account), `\`)
	if !ok {
		name = domain
	}
	switch name {
	case "localsystem", "localservice", "networkservice", "local service", "network service":
		return true
	}
	return ok && domain == "nt service"
}
