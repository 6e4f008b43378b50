package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	starter "github.com/modelrun/modelrun/shim/launcher" // launch_bench_test.go has a type named launcher
)

// oddArgs holds arguments that a shell, a batch file or a service manager would
// interpret.
var oddArgs = []string{"load_model.py", "x y", `say "a & b"`, "%SystemRoot%", "%TMP%", "100%", `6" disk & x`, "a^b|c<d>e", "(x)", "!v!", "", `back\`, "é ☃"}

// oddSpec returns a launcher in a folder whose name has characters that cmd.exe and
// the shell would interpret, with a copy of modelrun in that folder.
//
// Wine's cmd.exe reads a batch file in the machine's code page, whatever chcp says.
// So under Wine such a file is in ASCII. Wine's shell expands %TMP% in the target
// of a shortcut. NSSM does so on every system.
func oddSpec(t *testing.T, kind starter.Kind, program string) (s starter.Spec, got func() shown) {
	t.Helper()
	s = starter.Spec{
		Name: "Müller & Söhne", Kind: kind, Options: []string{"--family", "onnx"},
		Command: append([]string{"python"}, oddArgs...), Windowed: program == "modelrunw.exe",
	}
	place, folder := "Ünï (x86) & co", "My model (é) & co"
	if underWine() && (kind == starter.Batch || kind == starter.NSSM) {
		s.Name, place, folder = "Muller & Sohne", "Uni (x86) & co", "My model (e) & co"
		s.Command = s.Command[:len(s.Command)-1]
	}
	if kind != starter.NSSM && !(kind == starter.Shortcut && underWine()) {
		place += " %TMP%"
	}
	if kind == starter.Batch || kind == starter.Exe {
		folder += " %TMP%"
	}
	s.Dir, got = projectIn(t, filepath.Join(t.TempDir(), folder))
	s.Program = filepath.Join(t.TempDir(), place, program)
	require.NoError(t, os.Mkdir(filepath.Dir(s.Program), 0o755))
	copyFile(t, filepath.Join(filepath.Dir(built), program), s.Program)
	return s, got
}

// placed writes the launcher's files beside its program, and returns the file to
// start.
func placed(t *testing.T, s starter.Spec) string {
	t.Helper()
	files, err := starter.Render(s)
	require.NoError(t, err)
	dir := filepath.Dir(s.Program)
	for _, f := range files {
		if f.Copy != "" {
			copyFile(t, f.Copy, filepath.Join(dir, f.Name))
			continue
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.Name), f.Data, f.Mode))
	}
	return filepath.Join(dir, files[0].Name)
}

// TestLauncherShortcut checks that the shell starts the shortcut. The start command
// of cmd.exe passes it to the shell.
func TestLauncherShortcut(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for program, python := range map[string]string{"modelrun.exe": "python.exe", "modelrunw.exe": "pythonw.exe"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			s, got := oddSpec(t, starter.Shortcut, program)
			s.Command = append(s.Command, strings.Repeat("long ", 750)) // close to the limit
			link := placed(t, s)
			click := filepath.Join(t.TempDir(), "click.cmd") // start is a built-in command of cmd.exe
			require.NoError(t, os.WriteFile(click, []byte(`@start "t" /wait "%LINK%"`+"\r\n"), 0o600))
			c := exec.CommandContext(t.Context(), os.Getenv("ComSpec"), "/d", "/c", click)
			c.Dir, c.Env = r.model, append(r.env[:len(r.env):len(r.env)], "LINK="+link)
			_ = c.Run() // start's exit code varies, and start may not wait
			require.Equal(t, s.Command[2:], got().Argv)
			require.Equal(t, s.Dir, got().Cwd)
			require.Equal(t, python, filepath.Base(got().Executable))
			require.Equal(t, program == "modelrun.exe", got().Console)
		})
	}
}

// TestLauncherShortcutRead reads the shortcut with the shell's own reader.
func TestLauncherShortcutRead(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	s, _ := oddSpec(t, starter.Shortcut, "modelrunw.exe")
	if underWine() { // Wine takes the path from the part that is in ASCII
		s.Name, s.Program = "chat", filepath.Join(t.TempDir(), "modelrunw.exe")
	}
	link, script := placed(t, s), filepath.Join(s.Dir, "read.vbs")
	require.NoError(t, os.WriteFile(script, []byte(`Set l = CreateObject("Shell.Application").NameSpace(WScript.Arguments(0)).ParseName(WScript.Arguments(1)).GetLink
Set f = CreateObject("Scripting.FileSystemObject").CreateTextFile("read.txt", True, True)
f.WriteLine l.Path
If WScript.Arguments(2) = "all" Then
  f.WriteLine l.WorkingDirectory
  f.WriteLine l.Arguments
End If
`), 0o600))
	want, parts := s.Program+"\r\n", "path"
	if !underWine() { // Wine returns only the path
		parts = "all"
		want += s.Dir + "\r\n" + `--family onnx -- python load_model.py "x y" "say \"a & b\"" %"SystemRoot"% %"TMP"% "100"% "6\" disk & x" a^b|c<d>e (x) !v! "" back\ "é ☃"` + "\r\n"
	}
	c := r.other(t, filepath.Join(os.Getenv("SystemRoot"), "System32", "cscript.exe"), "//nologo", script, filepath.Dir(link), filepath.Base(link), parts)
	c.Dir = s.Dir
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	data, err := os.ReadFile(filepath.Join(s.Dir, "read.txt"))
	require.NoError(t, err, "%s", out)
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	require.Equal(t, "\ufeff"+want, string(utf16.Decode(units)))
}

// TestLauncherBatch checks that cmd.exe runs the command file. The arguments in the
// file and the typed ones arrive, and the exit code is the program's.
func TestLauncherBatch(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	s, got := oddSpec(t, starter.Batch, "modelrun.exe")
	file := placed(t, s)
	for line, want := range map[string][]string{
		``: {}, `one "x & y" "" --help --`: {"one", "x & y", "", "--help", "--"}, `"日本 é" (x) a=b;c,d`: {"日本 é", "(x)", "a=b;c,d"},
	} {
		c := exec.CommandContext(t.Context(), os.Getenv("ComSpec"))
		c.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /v:on /s /c ""%FILE%" ` + line + `"`}
		c.Dir, c.Env = r.model, append(r.env[:len(r.env):len(r.env)], "FILE="+file, "v=expanded")
		out, err := c.CombinedOutput()
		require.Error(t, err, "%s", out)
		require.Equal(t, 42, c.ProcessState.ExitCode(), "%s\n%s", line, out)
		require.Empty(t, out)
		require.Equal(t, append(s.Command[2:len(s.Command):len(s.Command)], want...), got().Argv, line)
		require.Equal(t, s.Dir, got().Cwd)
		require.Equal(t, r.python(), got().Executable)
	}
}

// TestLauncherExe checks that the copy starts what its TOML file says, with the
// arguments that were typed.
func TestLauncherExe(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for program, python := range map[string]string{"modelrun.exe": "python.exe", "modelrunw.exe": "pythonw.exe"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			s, got := oddSpec(t, starter.Exe, program)
			require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "load_model.py"), []byte("from ctypes import c_wchar_p, windll\n"+
				"windll.kernel32.GetCommandLineW.restype = c_wchar_p\n"+
				"with open('line', 'w', encoding='utf-8') as f: f.write(windll.kernel32.GetCommandLineW())\n"+showing), 0o600))
			file := placed(t, s)
			const typed = `--help "a  b"  x"y z" ""  -- "q\"q" back\ %TMP% & é "tw""o"`
			require.Equal(t, uint32(42), bare(t, r.model, r.env, `"`+file+`" `+typed))
			want := append(s.Command[2:len(s.Command):len(s.Command)], "--help", "a  b", "xy z", "", "--", `q"q`, `back\`, "%TMP%", "&", "é", `tw"o`)
			require.Equal(t, want, got().Argv)
			require.Equal(t, s.Dir, got().Cwd)
			require.Equal(t, python, filepath.Base(got().Executable))
			line, err := os.ReadFile(filepath.Join(s.Dir, "line"))
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(string(line), `"é ☃" `+typed), "%s", line)
			require.Equal(t, uint32(42), bare(t, r.model, r.env, `"`+file+`"`), "nothing is typed")
			require.Equal(t, s.Command[2:], got().Argv)
		})
	}
}

// TestLauncherNSSM checks that the command file configures the real NSSM, and that
// NSSM starts the service.
func TestLauncherNSSM(t *testing.T) {
	if os.Getenv("TEST_NSSM") == "" {
		execxtest.Missing(t, "TEST_NSSM names no nssm64.exe")
	}
	r := sharedSandbox(t)
	s, got := oddSpec(t, starter.NSSM, "modelrun.exe")
	place := filepath.Dir(s.Program)
	copyFile(t, os.Getenv("TEST_NSSM"), filepath.Join(place, "nssm.exe"))
	s.Name, s.Account = "modelrun test "+s.Name, "LocalSystem" // the only account that NSSM finds under Wine
	s.Options = []string{"--root", string(r.root), "--family", "onnx"}
	service := &nssmService{t, s.Name, s.Dir, s.Name + ".log"}
	t.Cleanup(func() {
		_, _ = service.nssm("stop", s.Name)
		_, _ = service.nssm("remove", s.Name, "confirm")
	})
	file := placed(t, s)
	for range 2 { // the second time the service already exists
		c := exec.CommandContext(t.Context(), os.Getenv("ComSpec"))
		c.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /s /c ""%FILE%""`}
		c.Env = append(os.Environ(), "FILE="+file, "PATH="+place+";"+os.Getenv("PATH"))
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	service.must("set", s.Name, "AppEnvironmentExtra", "MODELRUN_HARDWARE_ROOT="+filepath.Join(filepath.Dir(string(r.root)), "hardware"))
	service.must("set", s.Name, "AppExit", "Default", "Exit")
	_, _ = service.nssm("start", s.Name) // it may have ended before nssm looks
	require.Equal(t, s.Command[2:], got().Argv)
	require.Equal(t, s.Dir, got().Cwd)
	require.FileExists(t, filepath.Join(s.Dir, service.log))
	out, err := service.nssm("get", s.Name, "AppStopMethodConsole")
	require.NoError(t, err)
	require.Contains(t, out, "30000")
}
