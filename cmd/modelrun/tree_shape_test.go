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

// The limits of the code that is no test. A reader can hold what is below them in
// mind.
const (
	maxFields   = 15   // of a struct
	maxMethods  = 20   // of a type, on one system
	maxPackage  = 3000 // lines, on all systems
	maxFunction = 60   // lines
)

// moreFields are structs with more fields, and why.
var moreFields = map[string]string{
	"resolve/health.Seal": "READY.json",
	"resolve.Request":     "all that decides: it is data, made in one place",
}

// TestShape keeps structs, types, packages and functions small.
func TestShape(t *testing.T) {
	t.Parallel()
	sizes := packageSizes{lines: map[string]int{}, methods: map[string]map[string]int{}, fields: map[string]int{}}
	for _, top := range []string{"cmd", "shim", "resolve", "execx"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return sizes.add(t, path)
		}))
	}
	require.Greater(t, len(sizes.lines), 15, "packages were found")
	for pkg, lines := range sizes.lines {
		require.LessOrEqual(t, lines, maxPackage, "lines of package %s", pkg)
	}
	for receiver, systems := range sizes.methods {
		for system, n := range systems {
			if system != "" {
				n += systems[""]
			}
			require.LessOrEqual(t, n, maxMethods, "methods of %s %s", receiver, system)
		}
	}
	for name, n := range sizes.fields {
		if moreFields[name] == "" {
			require.LessOrEqual(t, n, maxFields, "fields of %s", name)
		}
	}
	for name := range moreFields {
		require.Greater(t, sizes.fields[name], maxFields, "%s needs no exception", name)
	}
}

// packageSizes are lines by package, methods by type and system, fields by struct.
type packageSizes struct {
	lines   map[string]int
	methods map[string]map[string]int
	fields  map[string]int
}

func (s packageSizes) add(t *testing.T, path string) error {
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
		require.LessOrEqual(t, lines, maxFunction, "lines of %s in %s", f.Name.Name, path)
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

// typeName is a receiver's type without its star.
func typeName(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if name, ok := e.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// system is the last part of a platform twin's name; "" for a file of all systems.
func system(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".go")
	_, last, _ := strings.Cut(name, "_")
	switch last {
	case "unix", "windows", "linux", "darwin", "other":
		return last
	}
	return ""
}
