package launcher

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

// TestRecordRoundTrip checks that a record preserves every byte, even if JSON
// cannot represent it.
func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	r := Records(filepath.Join(t.TempDir(), "not", "there"))
	names, err := r.Names()
	require.NoError(t, err)
	require.Empty(t, names)
	want := &Record{
		Spec: Spec{
			Name: "ünï (1)", Kind: Script, Program: "/opt/\xff/modelrun", Options: []string{"--model=/m\xe9"}, Command: []string{"python", "\xff\xfe", "", "\ufffd", "a\nb"},
			Dir: "/d\xff1f", Icon: "/i", Account: "me", Windowed: true, System: true,
		},
		Files: []Written{{"/x\xff", digest("x", nil)}},
	}
	require.NoError(t, r.Write(want))
	require.Equal(t, "/d\xff1f", want.Dir, "what is written is not changed")
	require.Equal(t, "python", want.Command[0])
	got, err := r.Read("ünï (1)")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// TestUnescapeAnything checks a record that was edited by hand and ends in the
// middle of an escape.
func TestUnescapeAnything(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"\x00", "a\x00f", "\x00zz", "\x00\x00f"} {
		require.Equal(t, s, unescape(s))
	}
	require.Equal(t, "\xffa", unescape("\x00ffa"))
}

func FuzzRecordBytes(f *testing.F) {
	for _, s := range []string{"", "a", "\xff", "\xffff", "\xff\xff00", "ü\xc3", "\ufffd\xef\xbf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !strings.ContainsRune(s, 0) {
			require.Equal(t, s, unescape(escape(s)))
		}
	})
}

func TestRecordDamaged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON": "{", "empty": "", "of another name": `{"format":1,"name":"b","program":"/p","files":[{"path":"/x"}]}`, "without files": `{"format":1,"name":"a","program":"/p"}`,
		"of a file in no folder": `{"format":1,"name":"a","program":"/p","files":[{"path":"/x"},{"path":""}]}`, "beside us": `{"format":1,"name":"a","program":"/p","files":[{"path":"a"}]}`,
		"of no format": `{"name":"a","program":"/p","files":[{"path":"/x"}]}`, "of a newer version": `{"format":2,"name":"a","program":"/p","files":[{"path":"/x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Records(t.TempDir())
			require.NoError(t, os.WriteFile(r.path("a"), []byte(text), 0o600))
			_, err := r.Read("a")
			require.Equal(t, fault.BadConfig, fault.CodeOf(err))
			require.Contains(t, err.Error(), r.path("a"))
			require.NotEmpty(t, fault.RemedyOf(err))
		})
	}
	_, err := Records(t.TempDir()).Read("a")
	require.ErrorIs(t, err, ErrNone)
	_, err = Records(t.TempDir()).Read("../a")
	require.ErrorIs(t, err, ErrNone)
}

// TestPutFails checks that a failed Put leaves no record and no partial launcher.
func TestPutFails(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a kind of POSIX")
	}
	base := t.TempDir()
	file := filepath.Join(base, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := Spec{Name: "a", Kind: Script, Program: "/p", Command: []string{"python"}, Dir: "/"}
	r := Records(filepath.Join(base, "records"))
	_, _, err := r.Put(&s, filepath.Join(file, "dir"), false)
	require.Equal(t, fault.NotWritable, fault.CodeOf(err))
	_, err = r.Read("a")
	require.ErrorIs(t, err, ErrNone)

	if runtime.GOOS == "linux" { // a folder in which not even root can write
		_, _, err := r.Put(&s, "/proc/self", false)
		require.Equal(t, fault.NotWritable, fault.CodeOf(err))
		_, err = r.Read("a")
		require.ErrorIs(t, err, ErrNone)
	}

	_, _, err = r.Put(&s, base, false) // an earlier one stays as it was
	require.NoError(t, err)
	s.Command = []string{"other"}
	_, _, err = r.Put(&s, filepath.Join(file, "dir"), true)
	require.Equal(t, fault.NotWritable, fault.CodeOf(err))
	rec, err := r.Read("a")
	require.NoError(t, err)
	require.Equal(t, []string{"python"}, rec.Command)
	require.Equal(t, Same, rec.Files[0].State())

	_, kept, err := r.Put(&s, t.TempDir(), true) // moved: the files in the old folder are removed
	require.NoError(t, err)
	require.Empty(t, kept)
	require.NoFileExists(t, rec.Files[0].Path)
}

// TestPutAfterMove checks a launcher that has moved together with its program. Put
// recognises our files in the new folder, and makes no .bak.
func TestPutAfterMove(t *testing.T) {
	t.Parallel()
	onWindows(t)
	base := t.TempDir()
	program, was, now := filepath.Join(base, "modelrun.exe"), filepath.Join(base, "was"), filepath.Join(base, "now")
	require.NoError(t, os.WriteFile(program, []byte("one"), 0o755)) //nolint:gosec // a program
	r, s := Records(filepath.Join(base, "records")), Spec{Name: "chat", Kind: Exe, Program: program, Command: []string{"python"}, Dir: was}
	_, _, err := r.Put(&s, was, false)
	require.NoError(t, err)
	require.NoError(t, os.Rename(was, now))
	s.Dir = now
	rec, kept, err := r.Put(&s, now, true)
	require.NoError(t, err)
	require.Empty(t, kept)
	require.Empty(t, rec.Check(Environment{}))

	require.NoError(t, os.WriteFile(filepath.Join(now, "chat.toml"), nil, 0o600)) // changed by hand
	require.NoError(t, os.Rename(now, was))
	s.Dir = was
	_, kept, err = r.Put(&s, was, true)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(was, "chat.toml.bak")}, kept)
}

// TestNamesDifferingInCase checks that CHAT is the launcher chat if CHAT.json and
// chat.json are the same file.
func TestNamesDifferingInCase(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "windows" {
		t.Skip("a and A are two files here")
	}
	base := t.TempDir()
	program := filepath.Join(base, "modelrun.exe")
	require.NoError(t, os.WriteFile(program, []byte("one"), 0o755)) //nolint:gosec // a program
	r, s := Records(filepath.Join(base, "records")), Spec{Name: "chat", Kind: Exe, Program: program, Command: []string{"python"}, Dir: base}
	_, _, err := r.Put(&s, base, false)
	require.NoError(t, err)
	rec, err := r.Read("CHAT")
	require.NoError(t, err)
	require.Equal(t, "chat", rec.Name)
	s.Name = "CHAT"
	_, _, err = r.Put(&s, base, false)
	require.ErrorContains(t, err, "launcher CHAT is there already: "+filepath.Join(base, "chat.exe"))
	rec, kept, err := r.Put(&s, base, true)
	require.NoError(t, err)
	require.Empty(t, kept)
	require.Empty(t, rec.Check(Environment{}))
	names, err := r.Names()
	require.NoError(t, err)
	require.Len(t, names, 1)
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"chat", "my chat (1) & ^ 50% $x 'y' !", "ünï 日本", "a.b", "x-", strings.Repeat("x", 60)} {
		require.Empty(t, nameProblem(name), name)
	}
	for _, name := range []string{
		"", ".", "..", ".x", "-x", " x", "x ", "x.", "a/b", `a\b`, "a:b", "a*", "a?", `a"`, "a<", "a>", "a|", "nul", "COM1", "con.txt", "a\nb", "a\x7f", "a\xff", "a\ufffd", "a\u202eb",
		strings.Repeat("x", 61),
	} {
		require.NotEmpty(t, nameProblem(name), "%q", name)
	}
}

// TestUnitName compares the unit's name with the output of systemd-escape(1).
func TestUnitName(t *testing.T) {
	t.Parallel()
	require.Equal(t, `my\x20chat\x20\x40\x25\xc3\xbc.service`, unitName("my chat @%ü"))
	require.Equal(t, "a-b_c.d.service", unitName("a-b_c.d"))
}

// TestCheckFindsOldCopy checks that Check finds an outdated copy: a copy of
// modelrun does not change when modelrun is reinstalled.
func TestCheckFindsOldCopy(t *testing.T) {
	t.Parallel()
	onWindows(t)
	program := filepath.Join(t.TempDir(), "modelrun.exe")
	require.NoError(t, os.WriteFile(program, []byte("one"), 0o755)) //nolint:gosec // a program
	rec, _, err := Records(t.TempDir()).Put(&Spec{Name: "chat", Kind: Exe, Program: program, Command: []string{"python"}, Dir: t.TempDir()}, t.TempDir(), false)
	require.NoError(t, err)
	require.Empty(t, rec.Check(Environment{}))
	require.NoError(t, os.WriteFile(program, []byte("two"), 0o755)) //nolint:gosec // as above
	found := rec.Check(Environment{})
	require.Len(t, found, 1)
	require.Equal(t, "copy", found[0].ID)
}

// TestShortcutSignificantContent checks that data added by Windows does not count
// as a change of a shortcut, and that another target does.
func TestShortcutSignificantContent(t *testing.T) {
	t.Parallel()
	onWindows(t)
	link := shortcut{Target: `C:\a\modelrun.exe`, Arguments: "-- python", Dir: `C:\a`}
	file := filepath.Join(t.TempDir(), "x.lnk")
	w := Written{file, digest(file, link.write("x"))}
	require.NoError(t, os.WriteFile(file, link.write("another tooltip"), 0o600))
	require.Equal(t, Same, w.State())
	link.Target = `C:\b\modelrun.exe`
	require.NoError(t, os.WriteFile(file, link.write("x"), 0o600))
	require.Equal(t, Changed, w.State())
}

// TestNameOfModelrun checks that a launcher that PATH finds cannot hide modelrun.
func TestNameOfModelrun(t *testing.T) {
	t.Parallel()
	_, err := Render(Spec{Name: "ModelRunW", Kind: typed(), Command: []string{"python"}})
	require.ErrorContains(t, err, "modelrun itself")
	require.NotEmpty(t, fault.RemedyOf(err))
}

// typed returns a kind of this system whose name the user types.
func typed() Kind {
	if runtime.GOOS == "windows" {
		return Exe
	}
	return Script
}

func onWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "windows" {
		t.Skip("a kind of Windows")
	}
}

// renderAny calls Render for a kind of any system.
func renderAny(s Spec) ([]File, error) {
	return map[Kind]func(Spec) ([]File, error){
		Script: renderScript, Desktop: renderDesktop, Systemd: renderSystemd, Supervisord: renderSupervisord, Launchd: renderLaunchd,
		Shortcut: renderShortcut, Batch: renderBatch, Exe: renderExe, NSSM: renderNSSM,
	}[s.Kind](s)
}
