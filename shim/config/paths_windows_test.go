package config

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows/registry"

	"github.com/modelrun/modelrun/execx/execxtest"
)

// modelrunExe returns the path of this tree's modelrun.exe, from TEST_MODELRUN.
func modelrunExe(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TEST_MODELRUN")
	if dir == "" {
		execxtest.Missing(t, "TEST_MODELRUN names no folder with modelrun.exe")
	}
	return filepath.Join(dir, "modelrun.exe")
}

// TestBadNamesAreRefused checks that each name is refused before anything is
// changed, whatever source it comes from.
func TestBadNamesAreRefused(t *testing.T) {
	t.Parallel()
	exe, home := modelrunExe(t), t.TempDir()
	work := filepath.Join(home, "work")
	require.NoError(t, os.MkdirAll(filepath.Join(work, "folder"), 0o755))
	write(t, filepath.Join(work, "file"), "text")
	const unused = `Q:\` // no test machine has this drive
	_, err := os.Stat(unused)
	require.Error(t, err)
	for _, tt := range []struct {
		args []string
		env  string
		says []string
	}{
		{args: []string{"--root", "C:foo"}, says: []string{"--root", `"C:foo"`, "current folder of drive C:"}},
		{args: []string{"--root", "NUL"}, says: []string{"--root", "device"}},
		{args: []string{"--root", `sub\envs.`}, says: []string{"--root", "dot or a space"}},
		{args: []string{"--root", `\\?\C:\x`}, says: []string{"--root", `\\?\`}},
		{args: []string{"--root", unused + "envs"}, says: []string{"--root", "cannot be reached"}},
		{args: []string{"--root", "file"}, says: []string{"--root", "not a folder"}},
		{args: []string{"--root", `file\below`}, says: []string{"--root", "not a folder"}},
		{env: "MODELRUN_ROOT=e:f", says: []string{"MODELRUN_ROOT", `"e:f"`, "current folder of drive E:"}},
		{args: []string{"-C", "aux.txt"}, says: []string{"-C", "device"}},
		{args: []string{"-C", "C:folder"}, says: []string{"-C", "current folder"}},
		{args: []string{"-C", "file"}, says: []string{"-C", "not a folder"}},
		{env: "MODELRUN_CWD=folder ", says: []string{"MODELRUN_CWD", "dot or a space"}},
		{args: []string{"--model", "COM1"}, says: []string{"--model", "device"}},
		{args: []string{"--model", `C:\m\x.gguf:stream`}, says: []string{"--model", "colon"}},
		{args: []string{"--log-file", "log.txt:stream"}, says: []string{"--log-file", "colon"}},
		{args: []string{"--log-file", "folder"}, says: []string{"--log-file", "it is a folder"}},
		{args: []string{"--log-file", `file\log`}, says: []string{"--log-file", "not a folder"}},
		{args: []string{"--status-file", "nul.json"}, says: []string{"--status-file", "device"}},
		{args: []string{"--status-file", "folder"}, says: []string{"--status-file", "it is a folder"}},
		{args: []string{"--env-file", "vars "}, says: []string{"--env-file", "dot or a space"}},
		{args: []string{"--env-file", "none"}, says: []string{"cannot be read"}},
	} {
		cmd := exec.Command(exe, append(tt.args, "--", "python", "-V")...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "LOCALAPPDATA="+home, "APPDATA="+home, "MODELRUN_UV=", tt.env)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		_ = cmd.Run()
		require.Equal(t, 125, cmd.ProcessState.ExitCode(), "%v %s: %s", tt.args, tt.env, &stderr)
		for _, words := range tt.says {
			require.Contains(t, stderr.String(), words)
		}
	}
	for dir, want := range map[string][]string{home: {"work"}, work: {"file", "folder"}} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		require.Equal(t, want, names, "nothing is made")
	}
}

// TestRootTooDeep checks a root so deep that python could not open its files:
// modelrun names the remedies and downloads nothing.
func TestRootTooDeep(t *testing.T) {
	t.Parallel()
	exe, root := modelrunExe(t), t.TempDir()
	length, remedy := 100, "LongPathsEnabled /t REG_DWORD /d 1 /f"
	if key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Control\FileSystem`, registry.QUERY_VALUE); err == nil {
		defer key.Close()
		if on, _, err := key.GetIntegerValue("LongPathsEnabled"); err == nil && on == 1 {
			length, remedy = 150, "python takes 250 here" // long paths do not help for libraries
		}
	}
	home := root
	for len(root) < length {
		root = filepath.Join(root, "deeper")
	}
	cmd := exec.Command(exe, "ensure", "--root", root, "--env", "torch-cpu-transformers")
	cmd.Env = append(os.Environ(), "LOCALAPPDATA="+home, "APPDATA="+home, "MODELRUN_HARDWARE_ROOT="+home)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run()
	require.Equal(t, 125, cmd.ProcessState.ExitCode(), "%s", &stderr)
	require.Contains(t, stderr.String(), "characters shorter: modelrun --root DIR")
	require.Contains(t, stderr.String(), remedy)
	staged, _ := os.ReadDir(filepath.Join(root, ".envs", ".tmp")) // the folder may be missing
	require.Empty(t, staged)
}
