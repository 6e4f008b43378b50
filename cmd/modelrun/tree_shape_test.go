package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The limits for code that is not a test. A reader can keep track of anything
// within these limits.
const (
	maxFields   = 15   // of a struct
	maxMethods  = 20   // of a type, on one system
	maxPackage  = 3000 // in lines, on all systems
	maxFunction = 60   // in lines
)

// exceptions lists everything that exceeds a limit, and why.
var exceptions = map[string]string{
	"fields of resolve/health.Seal": "it is READY.json",
	"methods of shim/config.Config": "a line for each thing that is known",
}

// TestShape checks the size of structs, types, packages and functions.
func TestShape(t *testing.T) {
	t.Parallel()
	sizes := packageSizes{lines: map[string]int{}, methods: map[string]map[string]int{}, fields: map[string]int{}, functions: map[string]int{}}
	for _, top := range []string{"cmd", "shim", "resolve", "execx"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return sizes.add(path)
		}))
	}
	require.Greater(t, len(sizes.lines), 15, "packages were found")
	atMost := func(n, limit int, what string) {
		t.Helper()
		if _, excepted := exceptions[what]; excepted != (n > limit) {
			t.Errorf("%d %s, the limit is %d, and the exception %q", n, what, limit, exceptions[what])
		}
	}
	for pkg, lines := range sizes.lines {
		atMost(lines, maxPackage, "lines of package "+pkg)
	}
	for receiver, systems := range sizes.methods {
		most := systems[""]
		for system, n := range systems {
			if system != "" {
				most = max(most, systems[""]+n)
			}
		}
		atMost(most, maxMethods, "methods of "+receiver)
	}
	for name, n := range sizes.fields {
		atMost(n, maxFields, "fields of "+name)
	}
	for name, n := range sizes.functions {
		atMost(n, maxFunction, "lines of "+name)
	}
}

// packageSizes holds the lines of each package, the methods of each type and
// system, the fields of each struct, and the lines of each function.
type packageSizes struct {
	lines     map[string]int
	methods   map[string]map[string]int
	fields    map[string]int
	functions map[string]int
}

func (s packageSizes) add(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, data, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	pkg, err := filepath.Rel("../..", filepath.Dir(path))
	if err != nil {
		return err
	}
	pkg = filepath.ToSlash(pkg)
	s.lines[pkg] += strings.Count(string(data), "\n")
	for _, decl := range tree.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1
		s.functions[f.Name.Name+" in "+strings.TrimPrefix(path, "../../")] = lines
		if f.Recv != nil {
			receiver := pkg + "." + typeName(f.Recv.List[0].Type)
			if s.methods[receiver] == nil {
				s.methods[receiver] = map[string]int{}
			}
			s.methods[receiver][system(path)]++
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if structure, ok := spec.Type.(*ast.StructType); ok {
				s.fields[pkg+"."+spec.Name.Name] = structure.Fields.NumFields()
			}
		}
		return true
	})
	return nil
}

// typeName returns a receiver's type without its star.
func typeName(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if name, ok := e.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// system returns the system in the name of a platform file, or "" for a file of all
// systems.
func system(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".go")
	_, last, _ := strings.Cut(name, "_")
	switch last {
	case "unix", "windows", "linux", "darwin", "other":
		return last
	}
	return ""
}
