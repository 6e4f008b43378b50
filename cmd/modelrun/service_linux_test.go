package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// systemd is the part of systemd that a service sees: the notification socket.
type systemd struct {
	t       *testing.T
	conn    *net.UnixConn
	address string // the value for NOTIFY_SOCKET
}

func newSystemd(t *testing.T, abstract bool) *systemd {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify-") // short, because a socket's path has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &systemd{t: t, address: filepath.Join(dir, "socket")}
	if abstract {
		s.address = "@" + s.address
	}
	s.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.address, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

// hear returns the next notification.
func (s *systemd) hear() string {
	s.t.Helper()
	require.NoError(s.t, s.conn.SetReadDeadline(time.Now().Add(5*time.Minute)))
	data := make([]byte, 4096)
	n, err := s.conn.Read(data)
	require.NoError(s.t, err)
	return string(data[:n])
}

// asks returns one of modelrun's own notifications: a request for more time, and
// the reason.
func asks(status string) string { return "EXTEND_TIMEOUT_USEC=630000000\nSTATUS=modelrun: " + status }

const sayReady = `import os, socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    address = os.environ["NOTIFY_SOCKET"]
    s.sendto(b"READY=1\nMAINPID=%d" % os.getpid(), "\0" + address[1:] if address[0] == "@" else address)`

// TestNotifyCreating checks that a start that creates an env asks for time in every
// phase, clears its status at the end, and leaves READY=1 to the program.
func TestNotifyCreating(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for name, abstract := range map[string]bool{"path": false, "abstract": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystemd(t, abstract)
			c := r.other(t, built, "--", "python", "-c", sayReady)
			c.Env = append(r.newcomer(t, t.TempDir()), "NOTIFY_SOCKET="+s.address)
			var out bytes.Buffer
			c.Stdout, c.Stderr = &out, &out
			require.NoError(t, c.Start())
			var heard []string // read while it runs: the system keeps some ten messages, and then sending blocks
			for len(heard) == 0 || !strings.HasPrefix(heard[len(heard)-1], "READY") {
				heard = append(heard, s.hear())
			}
			require.NoError(t, c.Wait(), "%s", out.String())
			var phases []string
			for _, line := range heard[:len(heard)-2] {
				phases = append(phases, withoutNumbers(t, line))
			}
			phases = slices.Compact(phases) // a slow phase is reported more than once
			require.Equal(t, []string{
				asks("creating: onnx-cpu, looking for uv"), asks("creating: onnx-cpu, resolving versions"), asks("creating: onnx-cpu, creating the venv"),
				asks("creating: onnx-cpu, installing"), asks("creating: onnx-cpu, linking"), asks("creating: onnx-cpu, compiling"), asks("creating: onnx-cpu, verifying files"), asks("creating: onnx-cpu, probing imports"),
				asks("creating: onnx-cpu, publishing"),
			}, phases)
			require.Equal(t, []string{"STATUS=", fmt.Sprintf("READY=1\nMAINPID=%d", c.Process.Pid)}, heard[len(heard)-2:])
		})
	}
}

func TestNotifyWaiting(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	dir := t.TempDir()
	slow, began, let := filepath.Join(dir, "uv"), filepath.Join(dir, "began"), filepath.Join(dir, "go")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *'pip sync'*) : >%s; while ! test -e %s; do sleep 0.01; done ;; esac\nexec %s \"$@\"\n", began, let, uvtest.Path(t))
	require.NoError(t, execxtest.Write(slow, []byte(script)))
	env := r.newcomer(t, filepath.Join(dir, "root"))

	creator := r.other(t, built, "ensure")
	creator.Env = append(env[:len(env):len(env)], "MODELRUN_UV="+slow)
	creator.Env = slices.DeleteFunc(creator.Env, func(v string) bool { return v == "MODELRUN_UV="+uvtest.Path(t) })
	require.NoError(t, creator.Start())
	for !isFile(began) {
		time.Sleep(5 * time.Millisecond) // a poll
	}
	s := newSystemd(t, false)
	waiter := r.other(t, built, "--", "python", "-c", sayReady)
	waiter.Env = append(env, "NOTIFY_SOCKET="+s.address)
	require.NoError(t, waiter.Start())
	require.Equal(t, asks("waiting: onnx-cpu, installing"), withoutNumbers(t, s.hear()))
	require.NoError(t, os.WriteFile(let, nil, 0o600))
	require.NoError(t, creator.Wait())
	require.NoError(t, waiter.Wait())
	last := s.hear()
	for !strings.HasPrefix(last, "READY") {
		require.Regexp(t, `^(STATUS=$|EXTEND_TIMEOUT_USEC=\d+\nSTATUS=modelrun: waiting: onnx-cpu)`, last)
		last = s.hear()
	}
	require.Equal(t, fmt.Sprintf("READY=1\nMAINPID=%d", waiter.Process.Pid), last)
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestNotifyNobody checks that a socket that no process reads, or that does not
// exist, does not cause a failure.
func TestNotifyNobody(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	c := r.other(t, built, "ensure")
	c.Env = append(r.newcomer(t, t.TempDir()), "NOTIFY_SOCKET=/nowhere/socket")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "NOTIFY_SOCKET")
}

// unit is a unit file: the values of each setting by name, in order.
type unit map[string][]string

func readUnit(text string) unit {
	u := unit{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			u[name] = append(u[name], value)
		}
	}
	return u
}

// TestSystemdService acts as systemd with the original unit. ExecStartPre creates
// the env. Then the program gets the listening socket as descriptor 3, and sends
// READY=1 as the process that was started.
func TestSystemdService(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	root, dir := t.TempDir(), serviceFolder(t, "")
	u := readUnit(example(t, "chat.service", map[string]string{
		"/usr/local/bin/modelrun": built, "/srv/chat": dir, "/var/lib/modelrun": root,
	}))
	s := newSystemd(t, true)
	command := func(line string) *exec.Cmd {
		// systemd sets LISTEN_PID after fork.
		c := r.other(t, "/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, strings.Fields(line)...)...)
		c.Dir = u["WorkingDirectory"][0]
		bare := execx.Environ(r.newcomer(t, "none")).Without("HOME", "MODELRUN_ROOT") // as with DynamicUser=
		c.Env = slices.Concat(bare, u["Environment"], []string{"HOME=/", "STATE_DIRECTORY=" + root, "NOTIFY_SOCKET=" + s.address, "LISTEN_FDS=1"})
		c.Stderr = os.Stderr
		return c
	}
	pre := command(u["ExecStartPre"][0])
	require.NoError(t, pre.Run())
	require.Equal(t, asks("creating: onnx-cpu, looking for uv"), withoutNumbers(t, s.hear()))

	listen, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listen.Close()
	file, err := listen.(*net.TCPListener).File()
	require.NoError(t, err)
	c := command(u["ExecStart"][0])
	c.ExtraFiles = []*os.File{file}
	var errs bytes.Buffer
	c.Stderr = &errs
	p := start(t, c)
	_, port, _ := net.SplitHostPort(listen.Addr().String())
	require.Equal(t, fmt.Sprintf("service: %d listens on port %s", p.Process.Pid, port), p.line(t))
	var heard string
	for heard = s.hear(); strings.Contains(heard, "STATUS=modelrun: creating"); heard = s.hear() {
	}
	require.Equal(t, "STATUS=", heard, "ensure takes its words back")
	require.Equal(t, fmt.Sprintf("READY=1\nMAINPID=%d", p.Process.Pid), s.hear(), "the healthy start itself sends nothing")
	conn, err := net.Dial("tcp", listen.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(answer), "hello")
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Equal(t, "service: stopped", p.line(t))
	require.NoError(t, p.Wait())
	require.NotContains(t, errs.String(), "modelrun:")
}

// ownSystemd runs a shell script with its own systemd, which has the units in the
// HOME of env. It returns the output.
func ownSystemd(t *testing.T, env []string, script string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", append([]string{"testdata/systemd-user.sh", script}, args...)...)
	var errs strings.Builder
	c.Env, c.Stderr = env, &errs
	out, err := c.Output()
	if c.ProcessState.ExitCode() == 77 {
		t.Skipf("NOT TESTED: no systemd starts our units here: %s", errs.String())
	}
	require.NoError(t, err, "%s%s", out, errs.String())
	return string(out)
}

// userUnits installs the examples as units of a user, who has no DynamicUser= and
// no /var/lib. It returns that user's environment.
func userUnits(t *testing.T, root, address string) (env []string) {
	t.Helper()
	home := t.TempDir()
	units := filepath.Join(home, ".config", "systemd", "user")
	require.NoError(t, os.MkdirAll(units, 0o755))
	service := example(t, "chat.service", map[string]string{
		"/usr/local/bin/modelrun": built, "/srv/chat": serviceFolder(t, ""), "/var/lib/modelrun": root, "DynamicUser=yes\n": "", "StateDirectory=modelrun\n": "",
	})
	require.NoError(t, os.WriteFile(filepath.Join(units, "chat.service"), []byte(service), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(units, "chat.socket"), []byte(example(t, "chat.socket", map[string]string{"127.0.0.1:8000": address})), 0o600))
	return execx.Environ(sharedSandbox(t).newcomer(t, "none")).Without("MODELRUN_ROOT").With("HOME", home)
}

// TestSystemdStartsTheService checks that the first connection to chat.socket makes
// systemd start chat.service, which creates its env first.
func TestSystemdStartsTheService(t *testing.T) {
	t.Parallel()
	root, address := t.TempDir(), fmt.Sprintf("127.%d.%d.%d:8000", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	out := ownSystemd(t, userUnits(t, root, address), `
		systemctl --user start chat.socket
		python3 -c 'import sys, urllib.request as r; print(r.urlopen("http://" + sys.argv[1]).read().decode(), end="")' "$1"
		systemctl --user show -p ActiveState -p StatusText -p NRestarts chat.service
		tr '\0' ' ' </proc/$(systemctl --user show -P MainPID chat.service)/cmdline
		echo
		systemctl --user stop chat.socket chat.service
		systemctl --user show -p ActiveState -p Result chat.service`, address)
	python := filepath.Join(root, ".envs", "onnx-cpu", ".venv", "bin", "python")
	require.Equal(t, "hello\nStatusText=\nNRestarts=0\nActiveState=active\n"+python+" service.py \nResult=success\nActiveState=inactive\n", out)
}

// TestSystemdTriesEnsureAgain checks that systemd retries an ExecStartPre=modelrun
// ensure that gets no env. RestartPreventExitStatus= applies only to the main
// process.
func TestSystemdTriesEnsureAgain(t *testing.T) {
	t.Parallel()
	out := ownSystemd(t, userUnits(t, "/dev/null", "127.0.0.1:8000"), `
		systemctl --user start chat.service || :
		until systemctl --user show -P SubState chat.service | grep -e failed -e auto-restart; do sleep 0.02; done
		systemctl --user show -p Result chat.service`)
	require.Equal(t, "auto-restart\nResult=exit-code\n", out)
}

func TestSystemdVerify(t *testing.T) {
	t.Parallel()
	analyze := execxtest.Tool(t, "systemd-analyze")
	dir, files := t.TempDir(), []string{}
	for name, paths := range map[string]map[string]string{"chat.service": {"/usr/local/bin/modelrun": built}, "chat.socket": nil} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(example(t, name, paths)), 0o600))
		files = append(files, file)
	}
	out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "chat.", "no line about our units")
}

// supervisorPython returns a Python that has supervisor. pip installs it once into
// the user's cache folder.
func supervisorPython(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(execxtest.CacheDir(), "supervisor-4.3.0")
	python := filepath.Join(dir, "bin", "python")
	if isFile(filepath.Join(dir, "bin", "supervisord")) {
		return python
	}
	tmp := dir + "-" + strconv.Itoa(os.Getpid())
	defer os.RemoveAll(tmp)
	base, err := filepath.EvalSymlinks(execxtest.Tool(t, "python3")) // the venv must also work with the PATH of later runs
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), base, "-m", "venv", "--without-pip", tmp).CombinedOutput()
	require.NoError(t, err, "%s", out)
	if err := execxtest.Pip("--python", filepath.Join(tmp, "bin", "python"), "install", "-q", "supervisor==4.3.0"); err != nil {
		execxtest.Missing(t, "supervisor cannot be installed: %v", err)
	}
	_ = os.Rename(tmp, dir) // another test binary may have been faster
	return python
}

// TestSupervisord runs a real supervisord with the original section of the example.
func TestSupervisord(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	python := supervisorPython(t)
	root, work, log := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "chat.log")
	dir := serviceFolder(t, example(t, "service.py", map[string]string{
		"# Load the model here": "signal.signal(signal.SIGUSR1, lambda *a: sys.exit(3))\n#",
	}))
	section := example(t, "supervisord.conf", map[string]string{
		"/usr/local/bin/modelrun": built, "/srv/chat": dir, "/var/lib/modelrun": root, "/var/log/chat.log": log, "user=chat": "user=" + currentUser(t),
	})
	conf := filepath.Join(work, "supervisord.conf")
	require.NoError(t, os.WriteFile(conf, []byte(fmt.Sprintf(`[supervisord]
nodaemon=true
logfile=%[1]s/supervisord.log
pidfile=%[1]s/supervisord.pid
[unix_http_server]
file=%[1]s/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%[1]s/sock
%[2]s`, work, section)), 0o600))

	daemon := exec.CommandContext(t.Context(), python, "-m", "supervisor.supervisord", "-c", conf)
	daemon.Env = append(r.newcomer(t, "none"), "PORT=0")
	daemon.Dir = work
	require.NoError(t, daemon.Start())
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
	})
	control := func(words ...string) string {
		out, _ := exec.CommandContext(t.Context(), python, append([]string{"-m", "supervisor.supervisorctl", "-c", conf}, words...)...).CombinedOutput()
		return string(out) // the exit code depends on the state
	}
	until := func(what string, holds func() bool) {
		for !holds() {
			require.NoError(t, t.Context().Err(), what)
			time.Sleep(20 * time.Millisecond) // a poll
		}
	}
	said := func(count int, pattern string) (last string) {
		until(pattern, func() bool {
			data, err := os.ReadFile(log)
			all := regexp.MustCompile(pattern).FindAllStringSubmatch(string(data), -1)
			if len(all) == count {
				last = all[count-1][1]
			}
			return err == nil && len(all) == count
		})
		return last
	}
	first := said(1, `service: (\d+) listens`) // created and started
	require.Equal(t, first+"\n", control("pid", "chat"), "supervisord watches the program itself")
	until("RUNNING", func() bool { return strings.Contains(control("status", "chat"), "RUNNING") })
	n, err := strconv.Atoi(first)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(n, syscall.SIGUSR1)) // it ends with 3
	second := said(2, `service: (\d+) listens`)
	require.NotEqual(t, first, second)
	control("stop", "chat")
	said(2, `(service: stopped)\n`)
	require.NoDirExists(t, "/proc/"+second)
	require.Contains(t, control("status", "chat"), "STOPPED")
}

func currentUser(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "id", "-un").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// TestSlurm runs the batch script with a stand-in for srun that starts two tasks.
func TestSlurm(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	bin := t.TempDir()
	require.NoError(t, execxtest.Write(filepath.Join(bin, "srun"), []byte("#!/bin/sh\n\"$@\" && \"$@\"\n")))
	dir := serviceFolder(t, "print('task')\n")
	c := r.other(t, "/bin/sh", "-c", example(t, "chat.sbatch", map[string]string{
		"/usr/local/bin/modelrun": built, "/srv/chat": dir, "/var/lib/modelrun": t.TempDir(),
	}))
	c.Env = append(r.newcomer(t, "none"), "PATH="+bin+":"+os.Getenv("PATH"))
	c.Stderr = os.Stderr
	out, err := c.Output()
	require.NoError(t, err)
	require.Equal(t, "task\ntask\n", string(out))
}

// withoutNumbers returns a status without its changing part, which is the end of
// the line.
func withoutNumbers(t *testing.T, status string) string {
	t.Helper()
	numbers := regexp.MustCompile(`( \d+/\d+ packages)?, for [0-9ms]+( \(process \d+ on .* since [0-9:]+\))?$`)
	require.Regexp(t, numbers, status)
	return numbers.ReplaceAllString(status, "")
}
