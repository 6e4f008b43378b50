package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkZZKeep(b *testing.B) {
	dir := "/tmp/f/bench"
	require.NoError(b, os.RemoveAll(dir))
	require.NoError(b, os.MkdirAll(dir, 0o755))
	index := torchShape(b, filepath.Join(dir, "index"))
	r := torchSandbox(b, filepath.Join(dir, "plain"), index, false)
	files := torchSandbox(b, filepath.Join(dir, "files"), index, true)
	user := filepath.Join(files.dir, "home", ".config", "modelrun", "config.toml")
	require.NoError(b, os.MkdirAll(filepath.Dir(user), 0o755))
	require.NoError(b, os.WriteFile(user, []byte("wait = '30m'\n\n[env]\nHF_HUB_OFFLINE = '1'\n"), 0o600))
	require.NoError(b, os.WriteFile(filepath.Join(files.model, "modelrun.toml"), []byte("root = '"+string(files.root)+"'\nmodel = '.'\n"), 0o600))
	goExec, target := execOnly(b, dir)
	sh := func(name, dir, bin string, env []string, args string) {
		text := "cd " + dir + "\nexec env -i"
		for _, e := range env {
			text += " '" + e + "'"
		}
		require.NoError(b, os.WriteFile("/tmp/f/bench/"+name+".sh", []byte(text+" $PRE ${BIN:-"+bin+"} "+args+" "+target+"\n"), 0o755))
	}
	sh("goexec", dir, goExec, r.env, "")
	sh("plain", dir, r.bin, append(r.env[:len(r.env):len(r.env)], "MODELRUN_ENV="+torchKey), "--")
	sh("model", r.model, r.bin, r.env, "--")
	sh("files", files.model, r.bin, files.env[1:], "--")
	fmt.Println(strings.Join(r.env, "\n"))
}
