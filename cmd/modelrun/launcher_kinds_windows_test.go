package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
)

// person is a user with modelrun installed in their own folder, a model, and a
// program that starts it.
type person struct {
	*testing.T
	install, model, dir string
	env                 []string
	got                 func() shown
}

// newPerson makes a person whose folders have odd names. With plain, the names are
// in ASCII.
func newPerson(t *testing.T, r *sandbox, plain bool) *person {
	t.Helper()
	base, letters := t.TempDir(), "Ünï é"
	if plain {
		letters = "Uni e"
	}
	p := &person{T: t, install: filepath.Join(base, "modelrun (x86) & "+letters), model: filepath.Join(base, "llm "+letters)}
	for _, dir := range []string{p.install, p.model, filepath.Join(base, "home")} {
		require.NoError(t, os.Mkdir(dir, 0o755))
	}
	for _, program := range []string{"modelrun.exe", "modelrunw.exe"} {
		copyFile(t, filepath.Join(filepath.Dir(built), program), filepath.Join(p.install, program))
	}
	require.NoError(t, os.WriteFile(filepath.Join(p.model, "model.onnx"), nil, 0o600))
	p.dir, p.got = projectIn(t, filepath.Join(base, "My program & "+letters))
	require.NoError(t, os.Remove(filepath.Join(p.dir, "model.onnx")))
	own := home(filepath.Join(base, "home"))
	for _, v := range r.env {
		name, _, _ := strings.Cut(v, "=")
		if _, ok := own[name]; !ok && name != "MODELRUN_ROOT" {
			p.env = append(p.env, v)
		}
	}
	for name, value := range own {
		p.env = append(p.env, name+"="+value)
	}
	return p
}

// move renames one of the person's folders.
func (p *person) move(dir *string) {
	p.Helper()
	to := *dir + " 2"
	require.Eventually(p, func() bool { return os.Rename(*dir, to) == nil }, 10*time.Second, 10*time.Millisecond) // the program still runs for a moment after it has written its file
	*dir = to
}

// launcher runs `modelrun launcher …` in the program's folder, and returns its
// output.
func (p *person) launcher(exit int, args ...string) string {
	p.Helper()
	c := exec.CommandContext(p.Context(), filepath.Join(p.install, "modelrun.exe"), append([]string{"launcher"}, args...)...)
	c.Dir, c.Env = p.dir, p.env
	out, _ := c.CombinedOutput() // the exit code is checked
	require.Equal(p, exit, c.ProcessState.ExitCode(), "%s\n%s", args, out)
	return strings.ReplaceAll(string(out), "\r", "")
}

// batch makes cmd.exe run a line in which %FILE% is a file.
func (p *person) batch(file, line string) *exec.Cmd {
	p.Helper()
	c := exec.CommandContext(p.Context(), os.Getenv("ComSpec"))
	c.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /s /c "` + line + `"`}
	c.Dir, c.Env = filepath.Dir(p.install), append(p.env[:len(p.env):len(p.env)], "FILE="+file)
	return c
}

// click starts a shortcut as a double-click does.
func (p *person) click(link string) {
	p.Helper()
	file := filepath.Join(p.TempDir(), "click.cmd") // start is a built-in command of cmd.exe
	require.NoError(p, os.WriteFile(file, []byte(`@start "t" /wait "%FILE%"`+"\r\n"), 0o600))
	_ = p.batch(link, `"`+file+`"`).Run() // start's exit code varies, and start may not wait
}

// TestLauncherCommand checks the command with its default folders. The real starter
// starts the new launcher. After a move the launcher is found and repaired. Then it
// is started again, and removed.
func TestLauncherCommand(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	const name = "My chat (1) & co"
	menu := func(p *person) string {
		return filepath.Join(filepath.Dir(p.install), "home", "AppData", "Roaming", "Microsoft", "Windows", "Start Menu", "Programs")
	}
	beside := func(p *person) string { return p.dir }
	typed := []string{"a b", ""}
	for title, tt := range map[string]struct {
		add    []string
		kind   string
		folder func(*person) string
		files  []string
		python string
		start  func(p *person, file string)
		typed  []string
	}{
		"the default":       {nil, "lnk", menu, []string{".lnk"}, "python.exe", (*person).click, nil},
		"without a console": {[]string{"--kind", "lnk", "--windowed"}, "lnk", menu, []string{".lnk"}, "pythonw.exe", (*person).click, nil},
		"cmd": {[]string{"--kind", "cmd"}, "cmd", beside, []string{".cmd"}, "python.exe", func(p *person, file string) {
			c := p.batch(file, `"%FILE%" "a b" ""`)
			out, _ := c.CombinedOutput()
			require.Equal(p, 42, c.ProcessState.ExitCode(), "%s", out)
		}, typed},
		"exe": {[]string{"--kind", "exe"}, "exe", beside, []string{".exe", ".toml"}, "python.exe", func(p *person, file string) {
			require.Equal(p, uint32(42), bare(p.T, filepath.Dir(p.install), p.env, `"`+file+`" "a b" ""`))
		}, typed},
		"exe without a console": {[]string{"--kind", "exe", "--windowed"}, "exe", beside, []string{".exe", ".toml"}, "pythonw.exe", func(p *person, file string) {
			require.Equal(p, uint32(42), bare(p.T, filepath.Dir(p.install), p.env, `"`+file+`" "a b" ""`))
		}, typed},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t, r, tt.kind == "cmd" && underWine())
			files := func() (out []string) {
				for _, ext := range tt.files {
					out = append(out, filepath.Join(tt.folder(p), name+ext))
				}
				return out
			}
			runs := func() {
				t.Helper()
				_ = os.Remove(filepath.Join(p.dir, "got.json")) // from the previous start
				tt.start(p, files()[0])
				got := p.got()
				require.Equal(t, append([]string{"x y", "%TMP%"}, tt.typed...), got.Argv)
				require.Equal(t, p.dir, got.Cwd)
				require.Equal(t, tt.python, filepath.Base(got.Executable))
			}
			out := p.launcher(0, slices.Concat([]string{"add", name}, tt.add, []string{"-m", filepath.Join("..", filepath.Base(p.model)), "--root", string(r.root), "--", "python", "load_model.py", "x y", "%TMP%"})...)
			for _, file := range files() {
				require.Contains(t, out, "wrote "+file+"\n")
				require.FileExists(t, file)
			}
			runs()
			require.Regexp(t, `(?m)^My chat \(1\) & co +`+tt.kind+` +python load_model.py x y %TMP% +`, p.launcher(0, "list"))
			require.Equal(t, "launchers checked: 1, nothing found\n", p.launcher(0, "check"))

			p.move(&p.model)
			require.Contains(t, p.launcher(1, "check"), name+`: model `+strings.TrimSuffix(p.model, " 2")+" is not there\n  to mend it: modelrun launcher repair \""+name+"\" -m MODEL\n")
			require.Contains(t, p.launcher(1, "repair"), ": model ")
			p.launcher(0, "repair", name, "-m", p.model)
			require.Equal(t, "launchers checked: 1, nothing found\n", p.launcher(0, "check"))
			runs()

			was := p.dir
			p.move(&p.dir)
			p.got = gotIn(t, p.dir)
			out = p.launcher(1, "check")
			require.Contains(t, out, name+": folder "+was+" is not there\n")
			require.Contains(t, out, name+": script "+filepath.Join(was, "load_model.py")+" is not there\n")
			out = p.launcher(0, "repair", name, "-C", ".")
			require.NotContains(t, out, "kept")
			require.NoDirExists(t, was)
			runs()

			p.move(&p.install)
			require.Contains(t, p.launcher(1, "check"), name+": modelrun ")
			p.launcher(0, "repair")
			runs()
			require.Equal(t, "launchers checked: 1, nothing found\n", p.launcher(0, "check"))

			out = p.launcher(0, "remove", name)
			for _, file := range files() {
				require.Contains(t, out, "removed "+file+"\n")
				require.NoFileExists(t, file)
			}
			require.Equal(t, "no launchers\n", p.launcher(0, "list"))
		})
	}
}

// TestLauncherCopyRuns checks that a copy of modelrun does not change when modelrun
// is reinstalled. Windows cannot replace a running program: the message says so,
// and nothing is lost.
func TestLauncherCopyRuns(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	p := newPerson(t, r, false)
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "load_model.py"), []byte("print('up', flush=True)\ninput()\n"), 0o600))
	p.launcher(0, "add", "chat", "--kind", "exe", "-m", p.model, "--root", string(r.root), "--", "python", "load_model.py")
	file := filepath.Join(p.dir, "chat.exe")
	c := exec.CommandContext(t.Context(), file)
	c.Env = p.env
	chat := start(t, c)
	require.Equal(t, "up", strings.TrimSpace(chat.line(t)))

	f, err := os.OpenFile(filepath.Join(p.install, "modelrun.exe"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("a later version")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	old, err := os.ReadFile(file)
	require.NoError(t, err)
	outdated := "chat: " + file + " is a copy of another modelrun than " + filepath.Join(p.install, "modelrun.exe") + " is now\n  to mend it: modelrun launcher repair chat\n"
	require.Equal(t, outdated, p.launcher(1, "check"))
	require.Contains(t, p.launcher(1, "check", "--json"), `"id": "copy"`)

	for _, verb := range []string{"repair", "remove"} {
		out := p.launcher(125, verb, "chat")
		require.Contains(t, out, "error: "+file+" is in use: Access")
		require.Contains(t, out, "hint: end the program, and try again\n")
	}
	p.launcher(1, "repair")
	entries, err := os.ReadDir(p.dir)
	require.NoError(t, err)
	require.Len(t, entries, 3, "the program, the copy, its TOML")
	now, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, old, now)
	require.Equal(t, outdated, p.launcher(1, "check"))

	require.NoError(t, chat.in.Close())
	_ = chat.Wait()
	p.launcher(0, "repair")
	p.launcher(0, "check")
	p.launcher(0, "remove", "chat")
}

// TestLauncherCommandNSSM checks a service: the command file that configures NSSM,
// in the folder of the program. After a repair the file is run again.
func TestLauncherCommandNSSM(t *testing.T) {
	if os.Getenv("TEST_NSSM") == "" {
		execxtest.Missing(t, "TEST_NSSM names no nssm64.exe")
	}
	r := sharedSandbox(t)
	p := newPerson(t, r, underWine())
	const name = "modelrun test (2) & co"
	service := &nssmService{t, name, p.dir, name + ".log"}
	t.Cleanup(func() {
		_, _ = service.nssm("stop", name)
		_, _ = service.nssm("remove", name, "confirm")
	})
	copyFile(t, os.Getenv("TEST_NSSM"), filepath.Join(p.install, "nssm.exe"))
	p.env = append(p.env, "PATH="+p.install+";"+searchPath())
	runs := func(said, before string) {
		t.Helper()
		_ = os.Remove(filepath.Join(p.dir, "got.json"))
		_, line, ok := strings.Cut(said, before)
		require.True(t, ok, said)
		line, _, _ = strings.Cut(line, "\n")
		require.Contains(t, line, `"`+filepath.Join(p.dir, name+".nssm.cmd")+`" && nssm `)
		c := p.batch("", line)    // as the user would paste it
		_, _ = c.CombinedOutput() // the program may have ended before nssm looks
		require.Equal(t, []string{"x y", "%TMP%"}, p.got().Argv)
		require.Equal(t, p.dir, p.got().Cwd)
		require.FileExists(t, filepath.Join(p.dir, name+".log"))
		_, _ = service.nssm("stop", name)
		require.Eventually(t, func() bool {
			out, _ := service.nssm("status", name)
			return strings.Contains(out, "SERVICE_STOPPED")
		}, time.Minute, 100*time.Millisecond)
	}
	require.Contains(t, p.launcher(125, "add", name, "--kind", "nssm", "--account", "nobody-here", "--", "python", "load_model.py"), "--account: there is no account nobody-here [bad-usage]\nmodelrun: hint: name an account that exists\n")
	out := p.launcher(0, "add", name, "--kind", "nssm", "--account", "LocalSystem", "-m", p.model, "--root", string(r.root), "--", "python", "load_model.py", "x y", "%TMP%")
	runs(out, "to start it: ")
	p.move(&p.dir)
	p.got = gotIn(t, p.dir)
	p.launcher(1, "check")
	runs(p.launcher(0, "repair", name, "-C", "."), "then: ")
	require.Equal(t, "launchers checked: 1, nothing found\n", p.launcher(0, "check"))
	require.Contains(t, p.launcher(0, "remove", name), `if it still runs: nssm stop "`+name+`" && nssm remove "`+name+`" confirm`+"\n")
}
