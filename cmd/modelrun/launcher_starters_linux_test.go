package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
)

// oddName is the name of the folders: those of modelrun, of the start and of the
// model.
const oddName = `we ird (x) & ^ 100% $HOME "q" 'p' a\b ünï`

// oddArguments holds arguments that every starter must pass to the program
// unchanged.
var oddArguments = []string{"a b", "", "100%", "%s %f", "$HOME ${x} $$", "`id`", `"q" 'p'`, `a\b\`, "(x) & ^ | < >", ";", " ;c #d", "~ * ?", "ünï 日本"}

// oddPlace is a place with odd names. It has our binary, and a program that writes
// down how it was started.
type oddPlace struct {
	modelrun, dir, model, note string
	home                       string
	env                        []string
}

func newOddPlace(t *testing.T) *oddPlace {
	t.Helper()
	r := sharedSandbox(t)
	base := filepath.Join(t.TempDir(), oddName)
	o := &oddPlace{modelrun: filepath.Join(base, "bin", "modelrun"), dir: filepath.Join(base, "work"), model: filepath.Join(base, "model"), home: t.TempDir()}
	o.note = filepath.Join(o.home, "note")
	for _, dir := range []string{filepath.Dir(o.modelrun), o.dir, o.model} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	program, err := os.ReadFile(built)
	require.NoError(t, err)
	require.NoError(t, execxtest.Write(o.modelrun, program))
	require.NoError(t, os.WriteFile(filepath.Join(o.model, "model.onnx"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(o.dir, "note it.py"), []byte(`import json, os, signal, sys
with open(os.environ["NOTE"] + ".new", "w") as f:
    json.dump({"args": [os.fsencode(a).decode("latin-1") for a in sys.argv[1:]], "dir": os.getcwd(), "pid": os.getpid()}, f)
os.rename(f.name, os.environ["NOTE"])
if os.environ.get("STAY"): signal.pause()
`), 0o600))
	o.env = execx.Environ(r.env).Without("MODELRUN_ROOT").With("HOME", o.home).With("NOTE", o.note)
	return o
}

// add writes a launcher and returns its file.
func (o *oddPlace) add(t *testing.T, name string, options ...string) string {
	t.Helper()
	args := append([]string{"launcher", "add", name, "-m", "../model", "--root", string(sharedSandbox(t).root)}, options...)
	c := exec.CommandContext(t.Context(), o.modelrun, append(append(args, "--", "python", "note it.py"), oddArguments...)...)
	c.Dir, c.Env = o.dir, o.env
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	require.NoError(t, err, "%s", errs.String())
	file, _, _ := strings.Cut(strings.TrimPrefix(string(out), "wrote "), "\n")
	return file
}

// noted waits for the program's note, and checks the arguments and the folder in
// it.
func (o *oddPlace) noted(t *testing.T, more ...string) (pid int) {
	t.Helper()
	var note struct {
		Args []string
		Dir  string
		PID  int
	}
	data, err := os.ReadFile(o.note)
	for ; err != nil; data, err = os.ReadFile(o.note) {
		require.NoError(t, t.Context().Err())
		time.Sleep(10 * time.Millisecond) // a poll
	}
	require.NoError(t, json.Unmarshal(data, &note))
	for i, arg := range note.Args { // one character per byte, because JSON holds only text
		b := []byte{}
		for _, r := range arg {
			b = append(b, byte(r))
		}
		note.Args[i] = string(b)
	}
	require.Equal(t, append(slices.Clone(oddArguments), more...), note.Args)
	require.Equal(t, o.dir, note.Dir)
	return note.PID
}

func TestLauncherScript(t *testing.T) {
	t.Parallel()
	o := newOddPlace(t)
	file := o.add(t, `my (x) & ^ 100% $n 'p' ünï`)
	c := exec.CommandContext(t.Context(), file, "one more", "\xff")
	c.Dir, c.Env = "/", o.env
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	o.noted(t, "one more", "\xff")
}

// TestLauncherDesktop checks a desktop entry with gio, which is a real starter. A
// stand-in for a terminal runs what a terminal would run.
func TestLauncherDesktop(t *testing.T) {
	t.Parallel()
	gio, validate := execxtest.Tool(t, "gio"), execxtest.Tool(t, "desktop-file-validate")
	for name, options := range map[string][]string{"windowed": {"--windowed"}, "terminal": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOddPlace(t)
			icon := filepath.Join(o.dir, "i.png")
			require.NoError(t, os.WriteFile(icon, nil, 0o600))
			file := o.add(t, `my (x) & ^ 100% $n 'p' ünï`, append(options, "--kind", "desktop", "--icon", icon)...)
			bin := t.TempDir()
			require.NoError(t, execxtest.Write(filepath.Join(bin, "xterm"), []byte("#!/bin/sh\n: >\"$NOTE.terminal\"\nshift\nexec \"$@\"\n")))
			c := exec.CommandContext(t.Context(), gio, "launch", file)
			c.Dir, c.Env = "/", append(o.env, "PATH="+bin+":/usr/bin:/bin", "XDG_DATA_HOME="+o.home)
			out, err := c.CombinedOutput()
			require.NoError(t, err, "%s", out)
			o.noted(t)
			require.Equal(t, options == nil, isFile(o.note+".terminal"))
			out, err = exec.CommandContext(t.Context(), validate, file).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Empty(t, string(out))
		})
	}
}

// TestLauncherSystemd checks a user's unit with a separate systemd, which enables,
// starts and stops it. systemd does not restart a unit that ended because it got no
// env.
func TestLauncherSystemd(t *testing.T) {
	t.Parallel()
	t.Run("runs", func(t *testing.T) {
		t.Parallel()
		o := newOddPlace(t)
		file := o.add(t, `my (x) & ^ 100% $n 'p' ünï @1`, "--kind", "systemd")
		out := ownSystemd(t, append(o.env, "STAY=1"), `
			systemctl --user enable --quiet "$1"
			systemctl --user is-enabled "$1"
			systemctl --user start "$1"
			until [ -e "$NOTE" ]; do sleep 0.02; done
			systemctl --user show -p MainPID -p ActiveState "$1"
			systemctl --user stop "$1"
			systemctl --user show -p Result -p ActiveState "$1"`, filepath.Base(file))
		require.Equal(t, fmt.Sprintf("enabled\nMainPID=%d\nActiveState=active\nResult=success\nActiveState=inactive\n", o.noted(t)), out)
	})
	t.Run("no env", func(t *testing.T) {
		t.Parallel()
		o := newOddPlace(t)
		file := o.add(t, "none", "--kind", "systemd", "--no-create", "--root", t.TempDir())
		out := ownSystemd(t, o.env, `
			systemctl --user start "$1" || :
			until systemctl --user show -P SubState "$1" | grep -e failed -e auto-restart; do sleep 0.02; done
			systemctl --user show -p Result -p ExecMainStatus "$1"`, filepath.Base(file))
		require.Equal(t, "failed\nResult=exit-code\nExecMainStatus=125\n", out)
	})
}

// TestLauncherSystemdVerify checks that systemd accepts both kinds of unit.
// shim/launcher tests ExecStart with systemd's own parser.
func TestLauncherSystemdVerify(t *testing.T) {
	t.Parallel()
	analyze := execxtest.Tool(t, "systemd-analyze")
	for name, options := range map[string][]string{"user": nil, "system": {"--system", "--account", currentUser(t), "--to", "."}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOddPlace(t)
			verify := func(file string) (string, error) {
				c := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--"+name, file)
				c.Env = append(o.env, "XDG_RUNTIME_DIR="+o.home)
				out, err := c.CombinedOutput()
				return string(out), err
			}
			file := o.add(t, `my (x) & ^ 100% $n 'p' ünï @1`, append(options, "--kind", "systemd")...)
			out, err := verify(file)
			require.NoError(t, err, "%s", out)
			require.NotContains(t, out, "my", "no line about our unit")
			unit, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(unit), `"/bin/sh"`, `"/bin/none"`, 1)), 0o600))
			out, err = verify(file)
			require.Error(t, err, "it looks at that line: %s", out)
		})
	}
}

func TestLauncherSupervisord(t *testing.T) {
	t.Parallel()
	python := supervisorPython(t)
	o := newOddPlace(t)
	file := o.add(t, `my-(x)&^100%$n'p'ünï`, "--kind", "supervisord", "--to", ".")
	section, err := os.ReadFile(file)
	require.NoError(t, err)
	conf := filepath.Join(o.home, "supervisord.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "[supervisord]\nnodaemon=true\nlogfile=%[1]s/log\npidfile=%[1]s/pid\n%[2]s", o.home, section), 0o600))
	daemon := exec.CommandContext(t.Context(), python, "-m", "supervisor.supervisord", "-c", conf)
	daemon.Dir, daemon.Env = "/", append(o.env, "STAY=1")
	require.NoError(t, daemon.Start())
	pid := o.noted(t)
	require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
	require.NoError(t, daemon.Wait())
	require.NoDirExists(t, fmt.Sprint("/proc/", pid), "supervisord ends the program itself")
}
