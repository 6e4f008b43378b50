package shim

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sections returns a page's third-level headings with their text.
func sections(page string) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split("\n"+page, "\n### ")[1:] {
		title, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		out[title] = text
	}
	return out
}

// constants returns the string constants of a type that a file declares.
func constants(t *testing.T, file, kind string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
			if name, ok := v.Type.(*ast.Ident); ok && name.Name == kind {
				text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value) //nolint:errcheck // a panic says enough
				require.NoError(t, err)
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

// firstColumn returns the codes in the first column of the tables below a heading.
func firstColumn(page, heading string) []string {
	_, page, _ = strings.Cut(page, "\n## "+heading+"\n")
	page, _, _ = strings.Cut(page, "\n## ")
	var out []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

func troubleshooting(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../docs/troubleshooting.md")
	require.NoError(t, err)
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

// TestEveryCodeIsExplained checks that the page and the code name the same errors,
// and that each section has a command to run.
func TestEveryCodeIsExplained(t *testing.T) {
	t.Parallel()
	page := troubleshooting(t)
	_, errs, ok := strings.Cut(page, "\n## Errors: what was said")
	require.True(t, ok)
	var titles []string
	for title, text := range sections(errs) {
		titles = append(titles, title)
		require.Contains(t, text, "\n```\nmodelrun: ", "%s shows no real message", title)
		require.Contains(t, text, "\n```sh\n", "%s has no command", title)
		require.Regexp(t, "(?s)\n```\n\n[^\n]{40}.*\n```sh", text, "%s does not say why", title)
	}
	require.ElementsMatch(t, constants(t, "../resolve/fault/code.go", "Code"), titles)
	require.ElementsMatch(t, constants(t, "../resolve/health/code.go", "Code"), firstColumn(page, "Reasons of a health check"))
	require.ElementsMatch(t, doctorIDs(t), firstColumn(page, "Checks of doctor"))
	for title := range sections(page) {
		for _, old := range []string{"already being created", "Windows path errors", "no fallback used"} {
			if strings.Contains(title, old) {
				page = strings.Replace(page, "### "+title, "### (seen)", 1)
			}
		}
	}
	require.Equal(t, 3, strings.Count(page, "### (seen)"), "the three problems of the app's users")
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(page, -1) {
		require.Contains(t, titles, m[1], "a link to a section that is not there")
	}
}

// doctorIDs returns the ids that docs/json.md lists. command.TestDoctorIDs compares
// them with the code.
func doctorIDs(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("../docs/json.md")
	require.NoError(t, err)
	_, page, _ := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n## `doctor --json`\n")
	page, _, _ = strings.Cut(page, "\n## ")
	var ids []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(page, -1) {
		for _, id := range strings.Split(row[1], ",") {
			ids = append(ids, strings.Trim(id, " `"))
		}
	}
	return ids
}

// TestEveryFaultHasARemedy checks that every fault has a remedy where it is
// created: .Fix on it, or on the variable that holds it, in the same function. Three
// leave one fault each to resolve.withVersionsHint, which knows the command that
// leaves the versions open.
func TestEveryFaultHasARemedy(t *testing.T) {
	t.Parallel()
	found := 0
	later := map[string]int{"checkVersions": 1, "CheckVersions": 1, "userError": 1}
	require.NoError(t, filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			made, mended := faults(fn)
			found += made
			if made > mended+later[fn.Name.Name] {
				t.Errorf("%s: %s makes %d faults and gives %d of them a remedy", path, fn.Name.Name, made, mended)
			}
		}
		return nil
	}))
	require.Greater(t, found, 100, "the faults were not found")
}

// faults counts the calls of fault.New in a function, and how many of them get a
// remedy there.
func faults(fn *ast.FuncDecl) (made, mended int) {
	isNew := func(n ast.Expr) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return false
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && pkg.Name == "fault" && sel.Sel.Name == "New"
	}
	fixed := map[string]bool{} // variables on which Fix is called
	ast.Inspect(fn, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Fix" {
			if v, ok := sel.X.(*ast.Ident); ok {
				fixed[v.Name] = true
			}
		}
		return true
	})
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if isNew(n) {
				made++
			}
		case *ast.SelectorExpr:
			if n.Sel.Name == "Fix" && isNew(n.X) {
				mended++
			}
		case *ast.AssignStmt:
			for i, v := range n.Rhs {
				if name, ok := n.Lhs[i].(*ast.Ident); ok && isNew(v) && fixed[name.Name] {
					mended++
				}
			}
		}
		return true
	})
	return made, mended
}
