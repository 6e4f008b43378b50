package execx

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// UnderWine reports whether the test runs under Wine. Some tests need a real
// Windows: Wine has no junctions, crashes when a program starts in a folder of
// 260 characters, and its short names are the real names.
func UnderWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func skipUnderWine(t *testing.T) {
	t.Helper()
	if UnderWine() {
		t.Skip("Wine cannot do this")
	}
}

func TestMountPoint(t *testing.T) {
	t.Parallel()
	data, err := mountPoint(`C:\ü`)
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		"030000a0",     // IO_REPARSE_TAG_MOUNT_POINT
		"2400", "0000", // 36 bytes after this line
		"0000", "1000", "1200", "0800", // names: 16 bytes at offset 0, 8 bytes at offset 18
		"5c003f003f005c0043003a005c00fc00", // \??\C:\ü
		"0000",
		"43003a005c00fc00", "0000", // C:\ü
	}, ""), hex.EncodeToString(data))

	_, err = mountPoint(`C:\` + strings.Repeat("x", 9000))
	require.ErrorContains(t, err, "too long")
	_, err = mountPoint("C:\\a\x00b")
	require.Error(t, err)
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	for plain, long := range map[string]string{
		`C:\x`:           `\\?\C:\x`,
		`\\server\share`: `\\?\UNC\server\share`,
	} {
		require.Equal(t, long, withPrefix(plain))
		require.Equal(t, plain, Plain(long))
		require.Equal(t, plain, Plain(plain))
	}
	name, err := Dirs{}.Name(`\\?\C:\`)
	require.NoError(t, err)
	require.Equal(t, `C:\`, name, "python never gets it")
}

func TestLengthIsInUnitsOfUTF16(t *testing.T) {
	t.Parallel()
	require.Equal(t, 4, length(`C:\x`))
	require.Equal(t, 6, length(`C:\ü😀`))
}

// TestNameOfALongFolder runs the same code with a lower limit, because the real
// limit would crash Wine.
func TestNameOfALongFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a folder with a long näme", "and one more")
	require.NoError(t, os.MkdirAll(dir, 0o755))

	name, err := Dirs{Limit: length(dir)}.Name(dir + `\`)
	require.NoError(t, err)
	require.Equal(t, dir, name, "it fits just")

	short := shortName(dir)
	if short == "" {
		t.Skip("this volume has no short names")
	}
	require.Less(t, len(short), len(dir))
	d := Dirs{Limit: length(dir) - 1}
	name, err = d.Name(dir)
	require.NoError(t, err)
	require.Equal(t, short, name)
	require.True(t, sameFolder(name, dir))

	// The program starts in it.
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=TestHelperTouch")
	cmd.Dir = name
	require.NoError(t, cmd.Run())
	require.FileExists(t, filepath.Join(dir, "touched"))
}

// TestHelperTouch acts as the program of TestNameOfALongFolder. Run alone, it does
// nothing.
func TestHelperTouch(t *testing.T) {
	cwd, err := os.Getwd()
	require.NoError(t, err)
	if strings.Contains(filepath.Base(cwd), "~") {
		require.NoError(t, os.WriteFile("touched", nil, 0o600))
	}
}

func TestLongFolderWithoutName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a folder with a long name")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for why, d := range map[string]Dirs{
		"LOCALAPPDATA is not set": {Limit: 5},
		"too long, too":           {Limit: 5, Links: t.TempDir()},
	} {
		_, err := d.Name(dir)
		var start *StartError
		require.ErrorAs(t, err, &start)
		require.Equal(t, dir, start.Path)
		require.Contains(t, start.Reason, "more than 5")
		require.Contains(t, start.Reason, why)
	}
}

func TestLeaveOnlyIfNecessary(t *testing.T) {
	before, err := os.Getwd()
	require.NoError(t, err)
	defer func() { require.NoError(t, os.Chdir(before)) }()
	require.NoError(t, Dirs{}.Leave())
	cwd, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, before, cwd)
	require.NoError(t, Dirs{Limit: 3}.Leave())
	cwd, err = os.Getwd()
	require.NoError(t, err)
	require.NotEqual(t, before, cwd)
}

// longDir creates a folder that CreateProcess does not accept.
func longDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long ö ", 20), strings.Repeat("x", 150))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.Greater(t, length(dir), MaxDir)
	return dir
}

func TestJunction(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	dir := longDir(t)
	d := Dirs{Links: filepath.Join(t.TempDir(), "j")}
	names := make([]string, 8)
	var wg sync.WaitGroup
	for i := range names { // created by several at once, as in distributed training
		wg.Go(func() {
			name, err := d.junction(dir)
			if err == nil {
				names[i] = name
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		require.Equal(t, names[0], name)
	}
	require.True(t, sameFolder(names[0], dir))
	require.LessOrEqual(t, length(names[0]), MaxDir)

	cmd := exec.Command("cmd.exe", "/c", "echo x>touched")
	cmd.Dir = names[0]
	require.NoError(t, cmd.Run())
	require.FileExists(t, filepath.Join(dir, "touched"))

	links, err := d.List()
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, dir, links[0].Target)
	require.ErrorContains(t, d.Remove(links[0]), "program that runs", "we hold it")
}

func TestJunctionWithAnotherTarget(t *testing.T) {
	t.Parallel()
	skipUnderWine(t)
	dir, other := longDir(t), t.TempDir()
	d := Dirs{Links: filepath.Join(t.TempDir(), "j")}
	require.NoError(t, os.Mkdir(d.Links, 0o755))
	path := filepath.Join(d.Links, "000000000000")
	require.NoError(t, makeJunction(path, other))
	require.True(t, sameFolder(path, other))
	require.NoError(t, makeJunction(path, dir), "set right in place")
	require.True(t, sameFolder(path, dir))

	past := time.Now().Add(-40 * 24 * time.Hour)
	h, err := openJunction(path, windows.FILE_WRITE_ATTRIBUTES)
	require.NoError(t, err)
	old := windows.NsecToFiletime(past.UnixNano())
	require.NoError(t, windows.SetFileTime(h, nil, nil, &old))
	require.NoError(t, windows.CloseHandle(h))
	links, err := d.List()
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.WithinDuration(t, past, links[0].Used, time.Minute)
	release, err := hold(path)
	require.NoError(t, err)
	release()
	links, err = d.List()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), links[0].Used, time.Hour, "its use is noted")

	canary := filepath.Join(dir, "canary")
	require.NoError(t, os.WriteFile(canary, nil, 0o600))
	require.NoError(t, d.Remove(links[0]))
	require.NoDirExists(t, path)
	require.FileExists(t, canary, "what it leads to stays")
}

// TestListAndRemove uses an ordinary folder in place of the junction, for systems
// without junctions.
func TestListAndRemove(t *testing.T) {
	t.Parallel()
	d := Dirs{Links: filepath.Join(t.TempDir(), "j")}
	links, err := d.List()
	require.NoError(t, err)
	require.Empty(t, links, "no folder yet")
	links, err = Dirs{}.List()
	require.NoError(t, err)
	require.Empty(t, links)

	mine, full, foreign := filepath.Join(d.Links, "0123456789ab"), filepath.Join(d.Links, "aaaaaaaaaaaa"), filepath.Join(d.Links, "notes")
	for _, dir := range []string{mine, filepath.Join(full, "precious"), foreign} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	past := time.Now().Add(-40 * 24 * time.Hour)
	require.NoError(t, os.Chtimes(mine, past, past))
	links, err = d.List()
	require.NoError(t, err)
	require.Len(t, links, 2)
	require.Equal(t, mine, links[0].Path)
	require.WithinDuration(t, past, links[0].Used, time.Minute)

	release, err := hold(mine)
	require.NoError(t, err)
	require.ErrorContains(t, d.Remove(links[0]), "program that runs")
	release()
	require.NoError(t, d.Remove(links[0]))
	require.NoDirExists(t, mine)
	require.Error(t, d.Remove(links[1]), "a folder with content stays")
	require.DirExists(t, filepath.Join(full, "precious"))
	require.Error(t, d.Remove(Link{Path: foreign}))
	require.DirExists(t, foreign)
}
