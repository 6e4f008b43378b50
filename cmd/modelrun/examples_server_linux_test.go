package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server runs the configuration of examples/server in a real supervisord. Only the
// port is changed.
func (s *realStack) server(t *testing.T) {
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listen.Addr().String()
	require.NoError(t, listen.Close())
	_, port, _ := net.SplitHostPort(address)
	dir := filepath.Join(s.examples, "server")
	conf := filepath.Join(dir, "supervisord.conf")
	text, err := os.ReadFile(conf)
	require.NoError(t, err)
	require.Contains(t, string(text), "--port 8000")
	require.NoError(t, os.WriteFile(conf, bytes.ReplaceAll(text, []byte("--port 8000"), []byte("--port "+port)), 0o600))

	python := supervisorPython(t)
	daemon := exec.CommandContext(t.Context(), python, "-m", "supervisor.supervisord", "-n", "-c", conf)
	daemon.Dir, daemon.Env = "/", s.environ()
	daemon.Cancel = func() error { return daemon.Process.Signal(syscall.SIGTERM) }
	require.NoError(t, daemon.Start())
	t.Cleanup(func() {
		log, _ := os.ReadFile(filepath.Join(dir, "run", "tiny.log"))
		t.Logf("%s", log)
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
	})

	var health struct {
		Status, Env string
		Pid         int
	}
	require.NoError(t, json.Unmarshal(answer(t, "http://"+address+"/health"), &health))
	require.Equal(t, "ok", health.Status)
	require.Equal(t, "torch-cpu-transformers5", health.Env)
	control := func(words ...string) string {
		out, _ := exec.CommandContext(t.Context(), python, append([]string{"-m", "supervisor.supervisorctl", "-c", conf}, words...)...).CombinedOutput()
		return string(out) // the exit code depends on the state
	}
	require.Equal(t, fmt.Sprintln(health.Pid), control("pid", "tiny"), "supervisord watches the server itself")
	require.Contains(t, string(answer(t, "http://"+address+"/generate?prompt=Alice+was")), alice)

	require.Contains(t, control("stop", "tiny"), "tiny: stopped")
	log, err := os.ReadFile(filepath.Join(dir, "run", "tiny.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "server: stopped", "SIGTERM reached it")
	require.Contains(t, control("shutdown"), "Shut down")
	require.NoError(t, daemon.Wait())
	require.Empty(t, s.processes(t))
}

// answer returns the answer of a server that may still be starting.
func answer(t *testing.T, url string) []byte {
	t.Helper()
	client := http.Client{Timeout: time.Minute}
	for deadline := time.Now().Add(5 * time.Minute); ; {
		var body []byte
		res, err := client.Get(url)
		if err == nil {
			body, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err == nil && res.StatusCode == http.StatusOK {
			return body
		}
		require.True(t, time.Now().Before(deadline), "%s: %v", url, err)
		time.Sleep(100 * time.Millisecond) // a poll
	}
}

// processes returns the command lines of the processes that still run with our
// root.
func (s *realStack) processes(t *testing.T) (lines []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err == nil && bytes.Contains(environ, []byte("MODELRUN_ROOT="+s.root+"\x00")) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			lines = append(lines, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return lines
}
