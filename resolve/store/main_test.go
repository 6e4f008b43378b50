package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

const key envdir.Key = "torch-cu121-transformers"

// roles holds what the test binary does when a test starts it as another process.
// Each role prints one line when it has reached its point.
var roles = map[string]func(s *Store, arg string) error{
	"lock":    roleLock,
	"lease":   roleLease,
	"block":   func(*Store, string) error { return sayAndBlock("running") },
	"publish": rolePublish,
	"promote": rolePromote,
	"denied":  roleDenied,
	"migrate": roleMigrate,
}

func TestMain(m *testing.M) {
	name, arg, _ := strings.Cut(os.Getenv("STORE_TEST_ROLE"), ":")
	role := roles[name]
	if role == nil {
		execxtest.Main(m)
	}
	if err := role(&Store{Root: envdir.Root(os.Getenv("STORE_TEST_ROOT"))}, arg); err != nil {
		fmt.Println("error", fault.CodeOf(err), err)
		os.Exit(1)
	}
	os.Exit(0)
}

// sayAndBlock prints a line, then runs until its standard input ends.
func sayAndBlock(line string) error {
	fmt.Println(line)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func roleLock(s *Store, _ string) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil { // all start at once
		return err
	}
	l, err := s.TryLock(key)
	if err != nil {
		return err
	}
	if err := l.Report(Owner{Phase: "installing", Heartbeat: 7}); err != nil {
		return err
	}
	return sayAndBlock("locked")
}

func rolePublish(s *Store, step string) error {
	dieAt(s, step)
	l, err := s.TryLock(key)
	if err != nil {
		return err
	}
	if _, err := publish(l, "new"); err != nil {
		return err
	}
	return l.Unlock()
}

func rolePromote(s *Store, step string) error {
	dieAt(s, step)
	l, err := s.TryLock(key)
	if err != nil {
		return err
	}
	_, err = l.Promote()
	return err
}

// dieAt kills this process at a step. With the prefix "two-", the file system
// cannot exchange.
func dieAt(s *Store, step string) {
	step, two := strings.CutPrefix(step, "two-")
	if !two {
		step = strings.TrimPrefix(step, "one-")
	} else {
		s.swap = unsupported
	}
	s.Failpoint = func(name string) {
		if name != step {
			return
		}
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}
}

func start(t *testing.T, s *Store, role string, env ...string) *execxtest.Process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return startExe(t, exec.Command(exe), s, role, env...)
}

func startExe(t *testing.T, cmd *exec.Cmd, s *Store, role string, env ...string) *execxtest.Process {
	t.Helper()
	cmd.Env = append(append(os.Environ(), "STORE_TEST_ROLE="+role, "STORE_TEST_ROOT="+string(s.Root)), env...)
	return execxtest.Start(t, cmd)
}

// newStore returns a store with an empty root.
func newStore(t *testing.T) *Store {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return &Store{Root: envdir.Root(dir)}
}

func lock(t *testing.T, s *Store) *Lock {
	t.Helper()
	l, err := s.TryLock(key)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Unlock() })
	return l
}

// publish builds an env whose content is one word, and publishes it. Meanwhile no
// other test forks: its child would hold a copy of the lease until its exec.
func publish(l *Lock, content string) (Published, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	st, err := l.Stage()
	if err != nil {
		return Published{}, err
	}
	return finishStage(st, content)
}

func finishStage(st *Stage, content string) (Published, error) {
	if err := os.MkdirAll(st.Dir.Venv(), 0o755); err != nil {
		return Published{}, err
	}
	if err := os.WriteFile(filepath.Join(st.Dir.Venv(), "content"), []byte(content), 0o644); err != nil {
		return Published{}, err
	}
	if _, err := st.Durable(); err != nil {
		return Published{}, err
	}
	if err := st.Seal([]byte(`{"schema":1}`)); err != nil {
		return Published{}, err
	}
	return st.Publish()
}

// content returns the word of a complete env, or "" if there is none. An incomplete
// env fails the test.
func content(t *testing.T, d envdir.Dir) string {
	t.Helper()
	if _, err := os.Lstat(d.Path); err != nil {
		return ""
	}
	require.FileExists(t, d.Ready())
	data, err := os.ReadFile(filepath.Join(d.Venv(), "content"))
	require.NoError(t, err)
	return string(data)
}

func retired(t *testing.T, s *Store) (words []string) {
	t.Helper()
	entries, _ := os.ReadDir(filepath.Dir(s.Root.Retired("x", "y")))
	for _, e := range entries {
		words = append(words, content(t, envdir.Dir{Path: filepath.Join(filepath.Dir(s.Root.Retired("x", "y")), e.Name())}))
	}
	return words
}

func roleLease(s *Store, _ string) error {
	l, err := s.Lease(context.Background(), s.Root.Shared(key))
	if err != nil {
		return err
	}
	return becomeBlocker(l)
}
