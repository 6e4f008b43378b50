package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryPackageIsolatesItself checks that tests that start programs use an
// environment that they make: each package with such tests needs a TestMain that
// calls execxtest.
func TestEveryPackageIsolatesItself(t *testing.T) {
	t.Parallel()
	programs, isolated := map[string]bool{}, map[string]bool{}
	for _, pattern := range []string{"*/*_test.go", "*/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		require.NoError(t, err)
		for _, file := range files {
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			dir := filepath.Dir(file)
			for _, imp := range tree.Imports {
				programs[dir] = programs[dir] || slices.ContainsFunc([]string{"os/exec", "/execxtest", "/uvtest"}, func(s string) bool { return strings.HasSuffix(imp.Path.Value, s+`"`) })
			}
			isolated[dir] = isolated[dir] || isolates(tree)
		}
	}
	require.Greater(t, len(programs), 10)
	for dir, yes := range programs {
		require.True(t, !yes || isolated[dir], "%s starts programs: its TestMain must call execxtest.Main", dir)
	}
}

// isolates reports whether a file has a TestMain that calls execxtest.
func isolates(tree *ast.File) (yes bool) {
	for _, decl := range tree.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "TestMain" {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.SelectorExpr); ok && (call.Sel.Name == "Main" || call.Sel.Name == "Isolate") {
					pkg, ok := call.X.(*ast.Ident)
					yes = yes || ok && pkg.Name == "execxtest"
				}
				return true
			})
		}
	}
	return yes
}
