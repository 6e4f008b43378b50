package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// secretWord is part of every password and token of this test. It differs in each
// run, because the test also reads the command lines of other processes.
var secretWord = fmt.Sprintf("S3CRET%x", rand.Uint64())

// TestSecretsStaySecret checks that modelrun reveals no secrets: passwords of
// indexes, and tokens in variables and env files. They must not appear in its
// output, in its files, or on any command line, where every user of the machine
// could read them.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	var closed atomic.Bool
	files := http.FileServer(http.Dir(filepath.Dir(smallWheels(t).Dir())))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		switch {
		case closed.Load():
			http.Error(w, "no more", http.StatusForbidden)
		case strings.HasPrefix(password, secretWord):
			files.ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	at := func(user, path string) string {
		return strings.Replace(server.URL, "://", "://"+user+":"+secretWord+"-"+user+"@", 1) + path
	}

	cwd := filepath.Join(work, "cwd")
	given := map[string]string{ // the files that the test itself writes
		filepath.Join(cwd, "vars"): "HF_TOKEN=" + secretWord + "-envfile\n",
		filepath.Join(cwd, "modelrun.toml"): "[env]\nMY_API_KEY = \"" + secretWord + "-toml\"\nMY_DATABASE = \"postgres://me:" + secretWord + "-db@host/x\"\n" +
			"[envs.mine]\nimports = [\"extra_thing\"]\npackages = [\"extra-thing@" + at("own", "/wheels/extra_thing-1.0-py3-none-any.whl") + "\"]\n",
	}
	require.NoError(t, os.MkdirAll(cwd, 0o700))
	for path, text := range given {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	env, err := callerEnv(work)
	require.NoError(t, err)
	env = append(env, creating(t)...)
	env = append(env,
		"UV_HTTP_RETRIES=0", "OPENAI_API_KEY="+secretWord+"-variable",
		"MODELRUN_INDEX_DEFAULT="+at("default", "/simple"), "MODELRUN_INDEX_TORCH="+at("torch", "/simple/?a=1&token="+secretWord+"-query"),
		"MODELRUN_FIND_LINKS="+at("links", "/wheels/"), "MODELRUN_INDEX_EXTRA="+at("extra", "/simple"), "MODELRUN_ENV_FILE="+filepath.Join(cwd, "vars"),
		"MODELRUN_LOG_FILE="+filepath.Join(cwd, "log"), "MODELRUN_STATUS_FILE="+filepath.Join(cwd, "status.json"),
	)
	run := func(code int, args ...string) string {
		t.Helper()
		stop, seen := make(chan struct{}), make(chan []string)
		go func() { seen <- whatOthersSee(work, stop) }()
		cmd := exec.CommandContext(t.Context(), built, args...)
		cmd.Dir, cmd.Env = cwd, env
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // the exit code is checked
		close(stop)
		require.NotContains(t, out.String(), secretWord, "%v", args)
		require.Empty(t, <-seen, "%v", args)
		require.Equal(t, code, cmd.ProcessState.ExitCode(), "%v\n%s", args, out.String())
		return out.String()
	}

	run(0, "--log-level", "trace", "--family", "transformers", "--", "python", "-c", "import os; assert os.environ['HF_TOKEN'] and os.environ['MY_API_KEY']")
	own := []string{"--root", filepath.Join(cwd, "own"), "-e", "mine"}
	run(0, append([]string{"--log-level", "trace", "ensure"}, own...)...)
	run(0, append([]string{"ensure", "--rebuild"}, own...)...)
	env = append(env, "MODELRUN_WITH=extra-thing@"+at("direct", "/wheels/extra_thing-1.0-py3-none-any.whl"))
	run(0, "--log-level", "trace", "--family", "transformers", "--", "python", "-c", "import extra_thing")
	run(0, "ensure", "--rebuild", "--family", "transformers") // its own lock has no secret
	for _, args := range [][]string{
		{"explain", "--family", "transformers"}, {"explain", "--json", "--family", "transformers"}, {"which", "--json", "--family", "transformers"},
		{"list"}, {"list", "--json"}, {"config"}, {"config", "--json"},
	} {
		run(0, args...)
	}
	require.Contains(t, run(0, "config", "--json"), `***@127.0.0.1`)

	closed.Store(true)
	for _, format := range []string{"text", "json"} {
		said := run(125, "--log-level", "trace", "--log-format", format, "ensure", "-e", "torch-cu121-transformers")
		require.Contains(t, said, "127.0.0.1", "it names the index")
	}
	run(125, "explain", "--json", "--root", filepath.Join(cwd, "vars")) // a file that is not a folder

	kept := 0
	require.NoError(t, filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || given[path] != "" {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(path, filepath.Join(".cache", "uv", "simple-")) {
			// uv keeps the address of an index page, without a password but with
			// its query: docs/SECURITY.md.
			data = bytes.ReplaceAll(data, []byte(secretWord+"-query"), nil)
		}
		if i := strings.Index(string(data), secretWord); i >= 0 {
			t.Errorf("%s: …%q…", path, data[max(0, i-60):min(len(data), i+60)])
		}
		kept++
		return err
	}))
	require.Greater(t, kept, 50, "uv's cache, logs, READY.json, pylock.toml, fail.json and all that")
	for _, name := range []string{"log", "status.json"} {
		require.FileExists(t, filepath.Join(cwd, name))
	}
}

// whatOthersSee repeatedly reads things that exist only for a short time: the
// command lines of all processes, and the files with the progress of a creation.
func whatOthersSee(work string, stop <-chan struct{}) (told []string) {
	if runtime.GOOS != "linux" {
		<-stop
		return nil
	}
	look := func(pattern string) {
		paths, _ := filepath.Glob(pattern) // the pattern is our own, so it is valid
		for _, path := range paths {
			if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), secretWord) {
				told = append(told, fmt.Sprintf("%s: %q", path, data))
			}
		}
	}
	for {
		look("/proc/[0-9]*/cmdline")
		look(filepath.Join(work, "root", ".envs", ".locks", "*"))
		look(filepath.Join(work, "cwd", "status.json"))
		select {
		case <-stop:
			return told
		case <-time.After(10 * time.Millisecond): // leaves some CPU time to the other processes
		}
	}
}
