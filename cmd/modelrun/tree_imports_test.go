package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/modelrun/modelrun/"

// forbidden lists the packages that must not be reachable from another package, and
// why.
var forbidden = []struct{ from, to, why string }{
	{"resolve", module + "shim", "the decision knows nothing of argv or terminals"},
	{"resolve/", module + "resolve", "the parts do not know the whole"},
	{"resolve/", module + "shim", "the parts do not know the command"},
	{"resolve/store", module + "resolve/prune", "locks and leases do not know what can be deleted"},
	{"resolve/fsys", module + "resolve/store", "files know nothing of environments"},
	{"execx", module + "resolve", "processes know nothing of environments"},
	{"execx", module + "shim", "processes know nothing of the command"},
	{"resolve/envdir", "os", "paths are spelled without a look at the disk"},
	{"shim/config", module + "shim/", "settings are read before all else"},
	{"shim/terminal", module + "shim/", "output knows nothing of settings and commands"},
	{"shim/launcher", module + "shim/", "launchers know nothing of the command"},
	{"shim/cli", module + "shim/command", "the grammar is given the commands"},
	{"shim/cli", module + "shim/target", "the grammar comes before the target"},
	{"shim/target", module + "shim/command", "a target comes before a command"},
	{"shim/target", module + "shim/cli", "a target comes from settings, not from argv"},
	{"cmd/modelrun", "net", "no network stack on everybody's launch path"},
	{"cmd/modelrun", "net/http", "no network stack on everybody's launch path"},
	{"cmd/modelrun", "text/template", "it costs start-up time and 0.5 MB"},
	{"cmd/modelrun", "github.com/stretchr/testify", "tests only"},
	{"resolve/", "net/http", "helpers of tests are checked for vulnerabilities like the program"},
	{"execx/", "net/http", "helpers of tests are checked for vulnerabilities like the program"},
}

// direct lists the imports that only the named packages may have.
var direct = map[string][]string{
	"os/exec":                    {"execx", "execx/execxtest"},
	"github.com/gofrs/flock":     {"resolve/store"},
	"github.com/alecthomas/kong": {"shim/cli"},
}

// imported is a package as go list shows it.
type imported struct {
	ImportPath, Doc string
	Imports, Deps   []string
}

// TestImports checks the import rules of docs/ARCHITECTURE.md on every system: cmd
// → shim → resolve → resolve/* → execx. All rules for imports are in this file.
func TestImports(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_MODELRUN") != "" {
		t.Skip("there is no go here")
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, p := range listPackages(t, system) {
				name, ours := strings.CutPrefix(p.ImportPath, module)
				if !ours {
					continue
				}
				seen[name] = true
				require.NotEmpty(t, p.Doc, "%s has no package comment", name)
				checkImports(t, system, name, p)
			}
			for _, rule := range forbidden {
				require.True(t, strings.HasSuffix(rule.from, "/") || seen[rule.from], "a rule for a package that does not exist: %s", rule.from)
			}
		})
	}
}

func listPackages(t *testing.T, system string) (list []imported) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,Deps,Doc", module+"...")
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	out, err := cmd.Output()
	require.NoError(t, err)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p imported
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, p)
	}
}

func checkImports(t *testing.T, system, name string, p imported) {
	t.Helper()
	for _, rule := range forbidden {
		if system == "windows" && rule.to == "net" {
			continue // golang.org/x/sys/windows imports it, and uses a type of it
		}
		if name != rule.from && (!strings.HasSuffix(rule.from, "/") || !strings.HasPrefix(name, rule.from)) {
			continue
		}
		list := p.Deps
		if rule.to == "os" {
			list = p.Imports // every package reaches os somehow
		}
		below := strings.HasSuffix(rule.to, "/")
		for _, to := range list {
			if to == rule.to || below && strings.HasPrefix(to, rule.to) {
				t.Errorf("%s must not reach %s: %s", name, to, rule.why)
			}
		}
	}
	for imp, allowed := range direct {
		if !slices.Contains(allowed, name) {
			require.NotContains(t, p.Imports, imp, "%s must not import %s", name, imp)
		}
	}
}
