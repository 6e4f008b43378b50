package execx

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

func TestAliasTarget(t *testing.T) {
	t.Parallel()
	data := binary.LittleEndian.AppendUint32(nil, reparseTagAppExecLink)
	data = append(data, 0, 0, 0, 0, 3, 0, 0, 0)
	for _, unit := range utf16.Encode([]rune("Package_x\x00Package_x!App\x00C:\\Program Files\\WindowsApps\\p\\python.exe\x000\x00")) {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	target, ok := aliasTarget(data)
	require.True(t, ok)
	require.Equal(t, `C:\Program Files\WindowsApps\p\python.exe`, target)
	_, ok = aliasTarget([]byte("short"))
	require.False(t, ok)
	_, ok = aliasTarget(data[:20])
	require.True(t, ok, "cut off, and still an alias")
}

func TestLookPathOnWindows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"tool.py", "tool.exe", "other.cmd", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for word, want := range map[string]string{"tool": "tool.EXE", "other": "other.CMD", "notes.txt": "notes.txt", "notes": "", "none": ""} {
		got, err := LookPath(word, []string{"relative", dir}, Environ{"PATHEXT=.PY;.EXE;.CMD"})
		if want == "" {
			require.Error(t, err, word)
			continue
		}
		require.NoError(t, err, word)
		require.Equal(t, filepath.Join(dir, want), got)
	}
}
