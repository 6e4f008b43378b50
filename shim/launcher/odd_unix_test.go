//go:build !windows

package launcher

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What lies where a launcher was written may be a pipe, or have no end: whoever
// looks neither waits nor reads it.
func TestOddFiles(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(string) error{
		"pipe":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"endless": func(path string) error { return os.Symlink("/dev/zero", path) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := Records(t.TempDir()), t.TempDir()
			spec := Spec{Name: "chat", Kind: Script, Program: "/bin/true", Command: []string{"python"}, Dir: dir}
			rec, _, err := r.Put(&spec, dir, false)
			require.NoError(t, err)
			path := filepath.Join(dir, "chat")
			require.NoError(t, os.Remove(path))
			require.NoError(t, make(path))
			before, err := os.Lstat(path)
			require.NoError(t, err)
			require.Equal(t, Changed, rec.Files[0].State())
			_, err = r.Remove(rec, os.Getenv, false)
			require.ErrorContains(t, err, "was changed by hand")
			_, kept, err := r.Put(&spec, dir, true)
			require.NoError(t, err)
			require.Equal(t, []string{path + ".bak"}, kept)
			after, err := os.Lstat(path + ".bak")
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after))
		})
	}
}

// A record that could not be read again is not written.
func TestRecordTooLarge(t *testing.T) {
	t.Parallel()
	r, dir := Records(t.TempDir()), t.TempDir()
	spec := Spec{Name: "chat", Kind: Script, Program: "/bin/true", Command: []string{"python", string(make([]byte, 900<<10)) + "x"}, Dir: dir}
	_, _, err := r.Put(&spec, dir, false)
	require.Error(t, err)
	require.NoFileExists(t, filepath.Join(dir, "chat"))
	names, err := r.Names()
	require.NoError(t, err)
	require.Empty(t, names)
}

// supervisord cuts a section's name where a comment begins, as well.
func TestSupervisordName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "a:b", "a\u00a0#b", "a\u3000;b"} {
		_, err := renderSupervisord(Spec{Name: name, Program: "/p", Command: []string{"x"}, Dir: "/"})
		require.ErrorContains(t, err, "takes no space, colon or bracket")
	}
}
