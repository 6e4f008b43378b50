package shim

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// every source names the same setting; the strongest wins.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	home, project := t.TempDir(), t.TempDir()
	write(t, filepath.Join(home, "modelrun", "config.toml"), `family = "user"`)
	write(t, filepath.Join(project, "a", "run.py"), "# /// script\n# [tool.modelrun]\n# family = \"script\"\n# ///\n")
	env := execx.Environ{"XDG_CONFIG_HOME=" + home, "APPDATA=" + home}
	family := func(env execx.Environ, script string, f flags) setting {
		s := defaults(filepath.Join(project, "a"))
		require.NoError(t, s.load(env, script))
		_, err := s.variables(env)
		require.NoError(t, err)
		require.NoError(t, s.flags(f))
		one := s.one[sFamily]
		one.under = nil
		return one
	}
	require.Equal(t, "user", family(env, "", flags{}).value)
	require.Equal(t, "script", family(env, "run.py", flags{}).value)
	write(t, filepath.Join(project, projectFile), `family = "project"`)
	require.Equal(t, setting{"project", filepath.Join(project, projectFile), project, nil}, family(env, "run.py", flags{}))
	env = append(env, "MODELRUN_FAMILY=variable", "MODELRUN_ACTIVE_MODEL=never")
	require.Equal(t, "variable", family(env, "run.py", flags{}).value)
	require.Equal(t, setting{value: "flag", from: "flag --family"}, family(env, "run.py", flags{Family: "flag"}))
	require.Equal(t, "variable", family(append(env, "MODELRUN_PROFILE="), "", flags{}).value, "an empty variable is one that is not set")
}

// What a project says about what gets installed counts only in a root inside
// that project, whether a file or a script says it.
func TestOutside(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	write(t, filepath.Join(project, projectFile), "model = \"m\"\n[index]\ndefault = \"https://evil.example.org\"\n[envs.mine]\npackages = [\"x\"]\n")
	write(t, filepath.Join(project, "run.py"), "# /// script\n# [tool.modelrun.index]\n# torch = \"https://evil.example.org\"\n# ///\n")
	load := func() *settings {
		s := defaults(project)
		require.NoError(t, s.load(nil, "run.py"))
		return s
	}
	inside := load()
	inside.outside(filepath.Join(project, "envs"))
	require.NotEmpty(t, inside.get(sIndexDefault))
	require.NotEmpty(t, inside.get(sIndexTorch))
	require.Contains(t, inside.envs, "mine")
	for _, root := range []string{"/srv/shared", project + "-other", filepath.Dir(project)} {
		s := load()
		s.outside(root)
		require.Empty(t, s.get(sIndexDefault), root)
		require.Empty(t, s.get(sIndexTorch), root)
		require.Empty(t, s.envs, root)
		require.Len(t, s.ignored, 3, root)
		require.Equal(t, "m", s.get(sModel), "the rest of the file counts")
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	s := defaults("/base")
	require.Equal(t, 30*time.Minute, s.time(sWait))
	require.NoError(t, s.set(sWait, "90", "x", ""))
	require.Equal(t, 90*time.Second, s.time(sWait))
	require.NoError(t, s.set(sRoot, "rel/../here", "x", "/dir"))
	require.Equal(t, filepath.FromSlash("/dir/here"), s.get(sRoot))
	require.NoError(t, s.set(sOffline, "On", "x", ""))
	require.True(t, s.yes(sOffline))
	for i, value := range map[id]string{sWait: "-1", sOffline: "perhaps", sLogLevel: "loud", sLogFormat: "xml"} {
		err := s.set(i, value, "variable X", "")
		require.Equal(t, fault.BadConfig, fault.CodeOf(err), specs[i].name)
		require.ErrorContains(t, err, value)
	}
	require.NoError(t, s.set(sFindLinks, lines([]string{"/a dir/x"}), "x", ""))
	require.Equal(t, []string{"/a dir/x"}, s.list(sFindLinks), "an array's entry may hold spaces")
	require.NoError(t, s.set(sFindLinks, "/a /b", "x", ""))
	require.Equal(t, []string{"/a", "/b"}, s.list(sFindLinks))
}

// every setting has a name, and a flag or a file can reach each.
func TestSpecs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i, sp := range specs {
		require.NotEmpty(t, sp.name, i)
		require.False(t, seen[sp.name], sp.name)
		seen[sp.name] = true
		require.False(t, sp.personal && sp.installs, sp.name)
	}
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "vars")
	write(t, file, "\ufeff# comment\r\n\nexport A=1\nB=\"two words\"\nC='x'\nD=a=b # kept\nE=\n")
	vars, err := readEnvFile(file)
	require.NoError(t, err)
	require.Equal(t, []execx.Var{{Key: "A", Value: "1"}, {Key: "B", Value: "two words"}, {Key: "C", Value: "x"}, {Key: "D", Value: "a=b # kept"}, {Key: "E"}}, vars)
	write(t, file, "A=1\nnot a variable\n")
	_, err = readEnvFile(file)
	require.ErrorContains(t, err, file+":2")
}

// -C acts once and wins over the variable, and both over a file.
func TestChangeDir(t *testing.T) {
	work := t.TempDir()
	write(t, filepath.Join(work, "sub", projectFile), "cwd = \"other\"\n")
	for _, dir := range []string{"sub/other", "flag"} {
		require.NoError(t, os.MkdirAll(filepath.Join(work, dir), 0o755))
	}
	t.Chdir(work)
	cwd := func(variable, flag string) string {
		s := &session{env: execx.Environ{"MODELRUN_CWD=" + variable, "MODELRUN_ROOT=" + work}, cli: cli{}}
		s.cli.Cwd = flag
		stderr, err := os.CreateTemp(t.TempDir(), "")
		require.NoError(t, err)
		defer stderr.Close()
		s.inv.Stderr = stderr
		require.NoError(t, s.settle())
		rel, err := filepath.Rel(work, s.set.get(sCwd))
		require.NoError(t, err)
		return filepath.ToSlash(rel)
	}
	require.Equal(t, "sub", cwd("sub", ""), "not sub/sub, nor what the file there says")
	require.Equal(t, "flag", cwd("sub", "flag"))
	require.Equal(t, "sub", cwd("", filepath.Join(work, "sub")))
	require.NoError(t, os.Chdir(filepath.Join(work, "sub")))
	require.Equal(t, "sub/other", cwd("", ""), "the file's")
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("family = \"x\"\n[envs.\"a\"]\npackages = [\"b\"]\n"))
	f.Add([]byte("[index]\nfind_links = [\"/a\"]\nwait = 3"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c fileConfig
		if err := decodeStrict(data, &c, "f", 0, ""); err != nil {
			require.Equal(t, fault.BadConfig, fault.CodeOf(err))
			require.NotEmpty(t, fault.RemedyOf(err))
			return
		}
		_ = defaults("/").apply(c, "/f", "/", projectScope) // an error or not: it returns
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}
