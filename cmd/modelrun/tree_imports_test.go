package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/modelrun/modelrun/"

// forbidden says which package may not be reached from which, and why.
var forbidden = []struct{ from, to, why string }{
	{"resolve", module + "shim", "the decision knows nothing of argv or terminals"},
	{"resolve/", module + "resolve", "the parts do not know the whole"},
	{"resolve/", module + "shim", "the parts do not know the command"},
	{"execx", module + "resolve", "processes know nothing of environments"},
	{"execx", module + "shim", "processes know nothing of the command"},
	{"resolve/fsys", module + "resolve/envdir", "file work does not know what a file means"},
	{"resolve/usage", module + "resolve/store", "measuring takes no locks"},
	{"resolve/store", module + "resolve/prune", "what is deleted is not the store's to decide"},
	{"resolve/envdir", "os", "paths are spelled without a look at the disk"},
	{"resolve", "github.com/alecthomas/kong", "only shim parses options"},
	{"resolve/", "github.com/alecthomas/kong", "only shim parses options"},
	{"cmd/modelrun", "net", "no network stack on everybody's launch path"},
	{"cmd/modelrun", "net/http", "no network stack on everybody's launch path"},
	{"cmd/modelrun", "text/template", "it costs start-up time and 0.5 MB"},
	{"cmd/modelrun", "github.com/stretchr/testify", "tests only"},
}

// direct are imports that only the named packages may have themselves.
var direct = map[string][]string{
	"os/exec":                    {"execx", "execx/execxtest"},
	"github.com/gofrs/flock":     {"resolve/store"},
	"github.com/alecthomas/kong": {"shim"},
}

// Only the named packages lock files: locks of others would be in their way.
func TestLocks(t *testing.T) {
	t.Parallel()
	callers := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "fsys.LockFile(") {
			rel, _ := filepath.Rel("../..", filepath.Dir(path))
			callers[filepath.ToSlash(rel)] = true
		}
		return err
	}))
	require.Equal(t, map[string]bool{"resolve/store": true, "resolve/prune": true}, callers)
}

// TestImports keeps the arrows of ARCHITECTURE: cmd → shim → resolve →
// resolve/* → execx.
func TestImports(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_MODELRUN") != "" {
		t.Skip("there is no go here")
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,Deps,Doc", module+"...").Output()
	require.NoError(t, err)
	type pkg struct {
		ImportPath, Doc string
		Imports, Deps   []string
	}
	seen := map[string]bool{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		seen[name] = true
		require.NotEmpty(t, p.Doc, "%s has no package comment", name)
		for _, rule := range forbidden {
			if name != rule.from && (!strings.HasSuffix(rule.from, "/") || !strings.HasPrefix(name, rule.from)) {
				continue
			}
			list := p.Deps
			if rule.to == "os" {
				list = p.Imports // everything reaches os somehow
			}
			require.NotContains(t, list, rule.to, "%s must not reach %s: %s", name, rule.to, rule.why)
		}
		for imp, allowed := range direct {
			if !slices.Contains(allowed, name) {
				require.NotContains(t, p.Imports, imp, "%s must not import %s", name, imp)
			}
		}
	}
	for _, name := range []string{"cmd/modelrun", "shim", "resolve", "execx", "resolve/envdir"} {
		require.True(t, seen[name], name)
	}
}
