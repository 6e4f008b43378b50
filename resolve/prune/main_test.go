package prune

import (
	"context"
	"errors"
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
	"github.com/modelrun/modelrun/resolve/store"
)

const key envdir.Key = "torch-cu121-transformers"

// roles holds what the test binary does when a test starts it as another process.
// Each role prints one line when it has reached its point.
var roles = map[string]func(s *store.Store, arg string) error{
	"lock":  roleLock,
	"lease": roleLease,
	"block": func(*store.Store, string) error { return sayAndBlock("running") },
	"prune": rolePrune,
}

func TestMain(m *testing.M) {
	name, arg, _ := strings.Cut(os.Getenv("PRUNE_TEST_ROLE"), ":")
	role := roles[name]
	if role == nil {
		execxtest.Main(m)
	}
	if err := role(&store.Store{Root: envdir.Root(os.Getenv("PRUNE_TEST_ROOT"))}, arg); err != nil {
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

func roleLock(s *store.Store, _ string) error {
	l, err := s.TryLock(key)
	if err != nil {
		return err
	}
	if err := l.Report(store.Owner{Phase: "installing"}); err != nil {
		return err
	}
	return errors.Join(sayAndBlock("locked"), l.Unlock())
}

func roleLease(s *store.Store, _ string) error {
	l, err := s.Lease(context.Background(), s.Root.Shared(key))
	if err != nil {
		return err
	}
	defer l.Release()
	return sayAndBlock("running")
}

// rolePrune carries out everything, and dies at a step.
func rolePrune(s *store.Store, step string) error {
	s.Failpoint = func(name string) {
		if name != step {
			return
		}
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}
	return Run(context.Background(), s, Make(s, Options{Unused: month}), func(Result) {})
}

func start(t *testing.T, s *store.Store, role string, env ...string) *execxtest.Process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return startExe(t, exec.Command(exe), s, role, env...)
}

func startExe(t *testing.T, cmd *exec.Cmd, s *store.Store, role string, env ...string) *execxtest.Process {
	t.Helper()
	cmd.Env = append(append(os.Environ(), "PRUNE_TEST_ROLE="+role, "PRUNE_TEST_ROOT="+string(s.Root)), env...)
	return execxtest.Start(t, cmd)
}

// newStore returns a store with an empty root.
func newStore(t *testing.T) *store.Store {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return &store.Store{Root: envdir.Root(dir)}
}

func lock(t *testing.T, s *store.Store) *store.Lock {
	t.Helper()
	l, err := s.TryLock(key)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Unlock() })
	return l
}

// publish builds an env whose content is one word, and publishes it. Meanwhile no
// other test forks: its child would hold a copy of the lease until its exec.
func publish(l *store.Lock, word string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	st, err := l.Stage()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(st.Dir.Venv(), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(st.Dir.Venv(), "content"), []byte(word), 0o644); err != nil {
		return err
	}
	if err := st.Seal([]byte(`{"schema":1}`)); err != nil {
		return err
	}
	_, err = st.Publish()
	return err
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

// cutOff leaves a publish in two steps as if a crash had happened between its
// renames: the old env is in .old, and the journal names it.
func cutOff(t *testing.T, s *store.Store, l *store.Lock) {
	t.Helper()
	require.NoError(t, publish(l, "old"))
	old := s.Root.Retired(string(key), "0123abcd")
	require.NoError(t, os.MkdirAll(filepath.Dir(old), 0o755))
	require.NoError(t, os.Rename(s.Root.Shared(key).Path, old))
	journal := fmt.Sprintf(`{"schema":1,"new":".tmp/%s-89abcdef","old":".old/%s"}`, key, filepath.Base(old))
	require.NoError(t, os.WriteFile(s.Root.Files(key).Journal(), []byte(journal), 0o644))
}

// requireNoLitter checks that .tmp is empty after EmptyTrash.
func requireNoLitter(t *testing.T, s *store.Store) {
	t.Helper()
	s.EmptyTrash()
	entries, err := os.ReadDir(s.Root.Tmp())
	require.NoError(t, err)
	require.Empty(t, entries)
}
