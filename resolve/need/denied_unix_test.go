//go:build unix

package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/fault"
)

// nobody is the account without permissions on every Linux.
const nobody = 65534

// TestDenied runs itself again as nobody, because root can read everything.
func TestDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		dir, err := os.MkdirTemp("/tmp", "need-denied-")
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		require.NoError(t, os.Chown(dir, nobody, nobody))
		copied := filepath.Join(dir, "need.test") // a copy, because only root can read the build's folder
		require.NoError(t, execxtest.Copy(copied))
		require.NoError(t, os.Chown(copied, nobody, nobody))
		cmd := exec.Command(copied, "-test.run=^TestDenied$", "-test.v")
		cmd.Dir, cmd.Env = dir, []string{"TMPDIR=" + dir, "HOME=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Skip("NOT TESTED: files of another user: cannot become nobody:", err)
		}
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "--- PASS: TestDenied")
		return
	}
	dir := tree(t, map[string]string{
		"file/config.json": plain, "folder/config.json": plain, "parent/m/config.json": plain, "a.gguf": "GGUF", "s.py": "# /// script\n# a\n# ///\n",
		"lora/adapter_config.json": adapterOf("../folder"), "hub/models--org--name/snapshots/a/config.json": plain,
	})
	for _, name := range []string{"file/config.json", "folder", "parent", "a.gguf", "s.py", "hub/models--org--name"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.Chmod(path, 0))
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	}
	for _, name := range []string{"file", "folder", "parent/m", "a.gguf", "lora", "org/name"} {
		_, err := Of(name, Places{Cwd: dir, HubDir: filepath.Join(dir, "hub")})
		require.ErrorIs(t, err, syscall.EACCES, name)
		require.Equal(t, fault.BadModel, fault.CodeOf(err), name)
		require.NotEmpty(t, fault.RemedyOf(err), name)
	}
	_, _, err := Script(filepath.Join(dir, "s.py"))
	require.ErrorIs(t, err, syscall.EACCES)
	require.Equal(t, fault.BadScript, fault.CodeOf(err))
}

// TestPipe checks that a pipe is not opened. That could block forever, or consume
// input that is meant for the program.
func TestPipe(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"m/a.safetensors": ""})
	for _, name := range []string{"m/config.json", "s.py", "a.gguf"} {
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
	}
	_, found, err := Script(filepath.Join(dir, "s.py"))
	require.NoError(t, err)
	require.False(t, found)
	_, err = Of("m", Places{Cwd: dir})
	require.ErrorContains(t, err, "is not a file")
	_, err = Of("a.gguf", Places{Cwd: dir})
	require.ErrorContains(t, err, "neither a file nor a folder")
}
