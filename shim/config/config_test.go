package config

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// TestPrecedence checks that the strongest source wins when every source names the
// same setting.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	home, project := t.TempDir(), t.TempDir()
	write(t, filepath.Join(home, "modelrun", "config.toml"), `family = "user"`)
	write(t, filepath.Join(project, "a", "run.py"), "# /// script\n# [tool.modelrun]\n# family = \"script\"\n# ///\n")
	env := execx.Environ{"XDG_CONFIG_HOME=" + home, "APPDATA=" + home, "HOME=" + home, "LOCALAPPDATA=" + home}
	family := func(env execx.Environ, script string, f Flags) Value {
		in := input(filepath.Join(project, "a"), env, f)
		if script != "" {
			in.Program = []string{script}
		}
		c, err := Load(in)
		require.NoError(t, err)
		v := c.Value("family")
		v.under = nil
		return v
	}
	require.Equal(t, "user", family(env, "", nil).Text)
	require.Equal(t, "script", family(env, "run.py", nil).Text)
	write(t, filepath.Join(project, ProjectFile), `family = "project"`)
	require.Equal(t, Value{"project", filepath.Join(project, ProjectFile), project, nil}, family(env, "run.py", nil))
	env = append(env, "MODELRUN_FAMILY=variable", "MODELRUN_ACTIVE_MODEL=never")
	require.Equal(t, "variable", family(env, "run.py", nil).Text)
	require.Equal(t, Value{Text: "flag", From: "flag --family"}, family(env, "run.py", Flags{"family": "flag"}))
	require.Equal(t, "variable", family(append(env, "MODELRUN_PROFILE="), "", nil).Text, "an empty variable is one that is not set")
}

// input returns the input of a launch in a folder.
func input(dir string, env execx.Environ, f Flags) Input {
	return Input{Table: Settings(), Env: env, Dir: Dir{Path: dir}, Flags: f}
}

// TestOutside checks that a project can say what gets installed only in a root
// inside that project, whether a file or a script says it.
func TestOutside(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	write(t, filepath.Join(project, ProjectFile), "model = \"m\"\n[index]\ndefault = \"https://evil.example.org\"\n[envs.mine]\npackages = [\"x\"]\n")
	write(t, filepath.Join(project, "run.py"), "# /// script\n# [tool.modelrun.index]\n# torch = \"https://evil.example.org\"\n# ///\n")
	load := func(root string) Config {
		in := input(project, nil, Flags{"root": root})
		in.Program = []string{"run.py"}
		c, err := Load(in)
		require.NoError(t, err)
		return c
	}
	inside := load(filepath.Join(project, "envs"))
	require.NotEmpty(t, inside.String("index.default"))
	require.NotEmpty(t, inside.String("index.torch"))
	require.Contains(t, inside.Envs(), "mine")
	for _, root := range []string{filepath.Join(t.TempDir(), "shared"), project + "-other", filepath.Dir(project)} {
		c := load(root)
		require.Empty(t, c.String("index.default"), root)
		require.Empty(t, c.String("index.torch"), root)
		require.Empty(t, c.Envs(), root)
		require.Len(t, c.Ignored(), 3, root)
		require.Equal(t, project, c.Outsider("mine"))
		require.Equal(t, "m", c.String("model"), "the rest of the file counts")
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	of := func(f Flags) Config {
		c, err := OfFlags(input(base, nil, f))
		require.NoError(t, err)
		return c
	}
	require.Equal(t, 30*time.Minute, of(nil).Duration("wait"))
	require.False(t, of(nil).IsSet("wait"))
	require.Equal(t, 90*time.Second, of(Flags{"wait": "90"}).Duration("wait"))
	require.Equal(t, filepath.Join(base, "here"), of(Flags{"root": "rel/../here"}).String("root"))
	require.True(t, of(Flags{"offline": "On"}).Bool("offline"))
	for name, value := range map[string]string{"wait": "-1", "offline": "perhaps", "log_level": "loud", "log_format": "xml"} {
		_, err := OfFlags(input(base, nil, Flags{name: value}))
		require.Equal(t, fault.BadConfig, fault.CodeOf(err), name)
		require.ErrorContains(t, err, value)
	}
	require.Equal(t, []string{"a b"}, of(Flags{"with": Lines([]string{"a b"})}).List("with"), "an array's entry may hold spaces")
	require.Equal(t, []string{"/a", "/b"}, of(Flags{"with": "/a /b"}).List("with"))
	require.Panics(t, func() { of(nil).String("no such setting") })
}

// TestDocumentKeys checks that a file is read the same way whether or not its keys
// are found at once. A key in another case is the same key. A quoted key with a dot
// is another key.
func TestDocumentKeys(t *testing.T) {
	t.Parallel()
	doc, err := readDocument([]byte("FAMILY = \"x\"\n[Index]\nDefault = \"u\"\n"), Settings(), "f")
	require.NoError(t, err)
	require.Equal(t, "x", doc.settings[Settings().index("family")])
	require.Equal(t, "u", doc.settings[Settings().index("index.default")])
	for _, text := range []string{"\"index.default\" = \"u\"\n", "\"index.default\" = \"u\"\n[index]\ndefault = \"v\"\n"} {
		_, err := readDocument([]byte(text), Settings(), "f")
		require.ErrorContains(t, err, `f:1: unknown key "index.default"`)
	}
	s, err := readScript([]byte("Dependencies = [\"rich\"]\n[tool.ModelRun]\nOffline = true\n[Tool.other]\nx = 1\n"), Settings(), "f", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"rich"}, s.dependencies)
	require.Equal(t, "true", s.document.settings[Settings().index("offline")])
}

// TestWith checks that a Config never changes: With makes a new one.
func TestWith(t *testing.T) {
	t.Parallel()
	one, err := OfFlags(input(t.TempDir(), nil, Flags{"model": "a"}))
	require.NoError(t, err)
	two := one.With("model", Value{Text: "b", From: "here"})
	require.Equal(t, "a", one.String("model"))
	require.Equal(t, "a", one.Flag("model"))
	require.Equal(t, "b", two.String("model"))
	require.Empty(t, two.Flag("model"))
}

// TestSettings checks that every row is complete, and that every source a row names
// works.
func TestSettings(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Settings() {
		for _, name := range []string{s.Name, "variable " + s.Variable, "flag " + s.Flag, "short " + s.Short} {
			if !strings.HasSuffix(name, " ") {
				require.False(t, seen[name], name)
				seen[name] = true
			}
		}
		require.NotEmpty(t, s.Name)
		require.NotEmpty(t, s.Help, s.Name)
		require.False(t, s.Personal && s.Installs, s.Name)
		require.Equal(t, s.Flag == "", s.Group == "", s.Name)
		_, err := OfFlags(Input{Table: Table{s}, Flags: Flags{s.Name: s.Default}})
		require.NoError(t, err, "the default of %s", s.Name)
	}
	require.Len(t, Settings().Flags(), strings.Count(strings.Join(slices.Collect(maps.Keys(seen)), "\n"), "flag "))
}

// TestChangeDir checks that -C acts once, wins over the variable, and that both win
// over a file.
func TestChangeDir(t *testing.T) {
	work := t.TempDir()
	write(t, filepath.Join(work, "sub", ProjectFile), "cwd = \"other\"\n")
	for _, dir := range []string{"sub/other", "flag"} {
		require.NoError(t, os.MkdirAll(filepath.Join(work, dir), 0o755))
	}
	t.Chdir(work)
	cwd := func(variable, flag string) string {
		env := execx.Environ{"MODELRUN_CWD=" + variable, "MODELRUN_ROOT=" + work}
		flags := Flags{"cwd": flag}
		dir, err := WorkDir(flags, env)
		require.NoError(t, err)
		c, err := Load(Input{Table: Settings(), Env: env, Dir: dir, Flags: flags})
		require.NoError(t, err)
		rel, err := filepath.Rel(work, c.String("cwd"))
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
	f.Add([]byte("Family = \"x\"\n\"index.default\" = \"a\"\n[Index]\ndefault = \"b\""))
	f.Add([]byte("[index]\nfind_links = [\"/a\"]\nwait = 3"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := readDocument(data, Settings(), "f")
		if err != nil {
			require.Equal(t, fault.BadConfig, fault.CodeOf(err))
			require.NotEmpty(t, fault.RemedyOf(err))
			return
		}
		v := reflect.New(documentType(Settings()))
		require.NoError(t, DecodeStrict(data, v.Interface(), "f", Strict{}))
		strict := fromStruct(v.Elem(), Settings())
		require.Equal(t, strict.settings, doc.settings, "both ways to read a file read the same")
		require.Equal(t, len(strict.env), len(doc.env))
		require.Equal(t, len(strict.envs), len(doc.envs))
		_ = newLoader(input("/", nil, nil)).apply(doc, "/f", "/", projectScope) // it may fail, but must return
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}
