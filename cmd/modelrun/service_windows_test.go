package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx/execxtest"
)

// nssmService is examples/services/nssm.cmd with another name and other paths.
type nssmService struct {
	t              *testing.T
	name, dir, log string
}

func newNSSM(t *testing.T, name, program string) *nssmService {
	t.Helper()
	if os.Getenv("TEST_NSSM") == "" {
		execxtest.Missing(t, "TEST_NSSM names no nssm64.exe")
	}
	r := sharedSandbox(t)
	s := &nssmService{t, name, serviceFolder(t, program), "chat.log"}
	text := example(t, "nssm.cmd", map[string]string{
		`C:\modelrun\modelrun.exe`:                built,
		`MODELRUN_ROOT=C:\srv\modelrun PORT=8000`: "MODELRUN_ROOT=" + string(r.root) + " PORT=0 MODELRUN_HARDWARE_ROOT=" + filepath.Join(filepath.Dir(string(r.root)), "hardware"),
		`C:\srv\chat`: s.dir, " chat ": " " + name + " ",
	})
	t.Cleanup(func() {
		_, _ = s.nssm("stop", name)
		_, _ = s.nssm("remove", name, "confirm")
	})
	for line := range strings.Lines(text) {
		if args, ok := strings.CutPrefix(strings.TrimSpace(line), "nssm "); ok {
			out, err := s.nssm(strings.Fields(args)...)
			require.NoError(t, err, "%s: %s", line, out)
		}
	}
	return s
}

func (s *nssmService) nssm(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, os.Getenv("TEST_NSSM"), args...).CombinedOutput()
	return strings.ReplaceAll(string(out), "\x00", ""), err
}

func (s *nssmService) must(args ...string) {
	s.t.Helper()
	out, err := s.nssm(args...)
	require.NoError(s.t, err, out)
}

// await waits until the service has written text that matches the pattern.
func (s *nssmService) await(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	var log []byte
	for range 6000 {
		log, _ = os.ReadFile(filepath.Join(s.dir, s.log)) // empty if it does not exist yet
		if m := re.FindStringSubmatch(string(log)); m != nil {
			return m
		}
		time.Sleep(10 * time.Millisecond) // a poll
	}
	require.Fail(s.t, "not written: "+pattern, "%s", log)
	return nil
}

// gone waits until a process has ended.
func gone(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(n))
		if err != nil {
			return true
		}
		defer func() { _ = windows.CloseHandle(h) }()
		event, err := windows.WaitForSingleObject(h, 0)
		return err == nil && event == windows.WAIT_OBJECT_0
	}, time.Minute, 10*time.Millisecond, "process %s is still there", pid)
}

// TestNSSM runs the service of the examples. Its atexit function runs when the
// service is stopped, and no process remains.
func TestNSSM(t *testing.T) {
	s := newNSSM(t, "modelrun-test-stop", "")
	s.must("start", s.name)
	pid := s.await(`service: (\d+) listens`)[1]
	s.must("stop", s.name)
	s.await("service: stopped")
	gone(t, pid)
}

// TestNSSMDeaf checks that all processes end even if they all ignore Ctrl-C.
func TestNSSMDeaf(t *testing.T) {
	s := newNSSM(t, "modelrun-test-deaf", `import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
if len(sys.argv) == 1:
    child = subprocess.Popen([sys.executable, __file__, "child"])
    print("pids", os.getpid(), os.getppid(), child.pid, flush=True)
time.sleep(3600)
`)
	s.must("set", s.name, "AppStopMethodConsole", "500")
	s.must("set", s.name, "AppStopMethodWindow", "100")
	s.must("set", s.name, "AppStopMethodThreads", "100")
	s.must("start", s.name)
	pids := s.await(`pids (\d+) (\d+) (\d+)`)[1:]
	_, _ = s.nssm("stop", s.name) // it reports that stopping took longer
	for _, pid := range pids {
		gone(t, pid)
	}
}

// TestNSSMRestart checks that the exit code decides: NSSM restarts after a crash,
// but not after 125.
func TestNSSMRestart(t *testing.T) {
	s := newNSSM(t, "modelrun-test-again", `import os
n = os.path.getsize("count") if os.path.exists("count") else 0
open("count", "a").write("x")
print("start", n, flush=True)
raise SystemExit(5 if n < 2 else 125)
`)
	s.must("set", s.name, "AppRestartDelay", "0")
	s.must("set", s.name, "AppThrottle", "0")
	_, _ = s.nssm("start", s.name) // it may have ended before nssm looks
	s.await("start 2")
	require.Eventually(t, func() bool {
		out, _ := s.nssm("status", s.name)
		return strings.Contains(out, "SERVICE_STOPPED")
	}, time.Minute, 50*time.Millisecond)
	data, err := os.ReadFile(filepath.Join(s.dir, "count"))
	require.NoError(t, err)
	require.Equal(t, "xxx", string(data), fmt.Sprint("started ", len(data), " times"))
}

// TestWinSW checks the same with WinSW.
func TestWinSW(t *testing.T) {
	if underWine() {
		t.Skip("NOT TESTED: WinSW: Wine has no .NET")
	}
	if os.Getenv("TEST_WINSW") == "" {
		execxtest.Missing(t, "TEST_WINSW names no winsw.exe")
	}
	r := sharedSandbox(t)
	s := &nssmService{t, "modelrun-test-winsw", serviceFolder(t, ""), "chat.out.log"}
	text := example(t, "winsw.xml", map[string]string{
		`<id>chat</id>`: "<id>" + s.name + "</id>", `C:\modelrun\modelrun.exe`: built, `value="8000"/>`: `value="0"/>` +
			`<env name="MODELRUN_HARDWARE_ROOT" value="` + filepath.Join(filepath.Dir(string(r.root)), "hardware") + `"/>`,
		`C:\srv\modelrun`: string(r.root), `C:\srv\chat`: s.dir,
	})
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "chat.xml"), []byte(text), 0o600))
	copyFile(t, os.Getenv("TEST_WINSW"), filepath.Join(s.dir, "chat.exe"))
	copyFile(t, os.Getenv("TEST_WINSW")+".config", filepath.Join(s.dir, "chat.exe.config"))
	winsw := func(command string) {
		out, err := exec.CommandContext(t.Context(), filepath.Join(s.dir, "chat.exe"), command).CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
	}
	winsw("install")
	t.Cleanup(func() { _ = exec.Command(filepath.Join(s.dir, "chat.exe"), "uninstall").Run() })
	winsw("start")
	pid := s.await(`service: (\d+) listens`)[1]
	winsw("stop")
	s.await("service: stopped")
	gone(t, pid)
}
