//go:build !windows

package launcher

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

// TestPutReplacesSpecialFiles checks a launcher's path that has become a pipe or an
// endless file. Put does not read it and does not wait for it.
func TestPutReplacesSpecialFiles(t *testing.T) {
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
			_, err = r.Remove(rec, false, os.Getenv)
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

// TestLongestName checks that the longest name fits into a folder, even if a kind
// writes each of its bytes as \x40.
func TestLongestName(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		r, dir := Records(t.TempDir()), t.TempDir()
		spec := Spec{Name: strings.Repeat("@", maxName), Kind: kind, Program: "/bin/true", Command: []string{"python"}, Dir: dir}
		rec, _, err := r.Put(&spec, dir, false)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(rec.Files[0].Path, nil, 0o600))
		_, kept, err := r.Put(&spec, dir, true)
		require.NoError(t, err)
		require.Equal(t, []string{rec.Files[0].Path + ".bak"}, kept)
	}
}

// TestPutFailureKeepsExistingFile checks that an existing file stays if the new one
// cannot be written. The cause may be a full disk; in this test a new file's path
// is too long.
func TestPutFailureKeepsExistingFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("a path has 4095 bytes there")
	}
	dir := t.TempDir()
	more := 4085 - len(dir)
	dir += "/" + strings.Repeat("d", 99+more%100) + strings.Repeat("/"+strings.Repeat("d", 99), more/100-1)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	path := filepath.Join(dir, "a")
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	spec := Spec{Name: "a", Kind: Script, Program: "/bin/true", Command: []string{"python"}, Dir: "/"}
	r := Records(t.TempDir())
	_, kept, err := r.Put(&spec, dir, true)
	require.Error(t, err)
	require.Empty(t, kept)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(data))

	was, _, err := r.Put(&spec, t.TempDir(), false)
	require.NoError(t, err)
	_, _, err = r.Put(&spec, dir, true)
	require.Error(t, err)
	rec, err := r.Read("a")
	require.NoError(t, err)
	require.Equal(t, was.Files, rec.Files, "the record tells of the one that is there")
}

// TestPutTwice checks that another Put restores permissions, and does not remove a
// changed file.
func TestPutTwice(t *testing.T) {
	t.Parallel()
	r, dir := Records(t.TempDir()), t.TempDir()
	spec := Spec{Name: "chat", Kind: Script, Program: "/bin/true", Command: []string{"python"}, Dir: dir}
	rec, _, err := r.Put(&spec, dir, false)
	require.NoError(t, err)
	path := rec.Files[0].Path
	require.NoError(t, os.Chmod(path, 0o600))
	_, kept, err := r.Put(&spec, dir, true)
	require.NoError(t, err)
	require.Empty(t, kept)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100)

	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, _, err = r.Put(&spec, t.TempDir(), true) // in another folder
	require.NoError(t, err)
	require.FileExists(t, path)
}

// TestRemoveTwice checks that two processes may remove a launcher at once. A record
// that cannot be removed has its own error.
func TestRemoveTwice(t *testing.T) {
	t.Parallel()
	r, dir := Records(t.TempDir()), t.TempDir()
	spec := Spec{Name: "chat", Kind: Script, Program: "/bin/true", Command: []string{"python"}, Dir: dir}
	rec, _, err := r.Put(&spec, dir, false)
	require.NoError(t, err)
	for range 2 {
		_, err = r.Remove(rec, false, os.Getenv)
		require.NoError(t, err)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(r.path("chat"), "x"), 0o700))
	_, err = r.Remove(rec, false, os.Getenv)
	require.Equal(t, fault.NotWritable, fault.CodeOf(err))
}

// TestPutThroughLink checks that a launcher written through a link to its folder is
// the same file.
func TestPutThroughLink(t *testing.T) {
	t.Parallel()
	r, dir, link := Records(t.TempDir()), t.TempDir(), filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	spec := Spec{Name: "chat", Kind: Script, Program: "/bin/true", Command: []string{"python"}, Dir: "/"}
	_, _, err := r.Put(&spec, dir, false)
	require.NoError(t, err)
	rec, kept, err := r.Put(&spec, link, true)
	require.NoError(t, err)
	require.Empty(t, kept)
	require.Equal(t, Same, rec.Files[0].State())
}

// TestShadow checks that a link to the launcher, which PATH finds first, is not
// taken for another program.
func TestShadow(t *testing.T) {
	t.Parallel()
	first, dir := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "chat")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	rec := Record{Spec: Spec{Name: "chat", Kind: Script}, Files: []Written{{Path: path}}}
	environment := Environment{Path: []string{first, dir}}
	require.Empty(t, rec.shadow(environment))
	require.NoError(t, os.Symlink(path, filepath.Join(first, "chat")))
	require.Empty(t, rec.shadow(environment))
	require.NoError(t, os.Remove(filepath.Join(first, "chat")))
	require.NoError(t, os.WriteFile(filepath.Join(first, "chat"), nil, 0o600))
	require.Equal(t, filepath.Join(first, "chat"), rec.shadow(environment))
	require.Equal(t, filepath.Join(first, "chat"), rec.shadow(Environment{Path: []string{"", first, first, dir + "/"}}))
	require.Empty(t, rec.shadow(Environment{Path: []string{dir, first}}))
	require.Empty(t, rec.shadow(Environment{Path: []string{first}}), "it is not found at all")
}

// TestRecordTooLarge checks that Put does not write a record that would be too
// large to read.
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

// TestSupervisordName checks names that supervisord cannot use. It cuts a section's
// name where a comment begins, too.
func TestSupervisordName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "a:b", "a\u00a0#b", "a\u3000;b"} {
		_, err := renderSupervisord(Spec{Name: name, Program: "/p", Command: []string{"x"}, Dir: "/"})
		require.ErrorContains(t, err, "takes no space, colon or bracket")
	}
}
