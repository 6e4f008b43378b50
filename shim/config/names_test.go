package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNamesInCode checks that every setting that the code reads by its name is in the
// table. A Config panics for another one, but perhaps only in the user's hands.
func TestNamesInCode(t *testing.T) {
	t.Parallel()
	readers := []string{"Value", "String", "IsSet", "Bool", "Duration", "List", "Flag", "With"}
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			name, isLiteral := call.Args[0].(*ast.BasicLit)
			if !ok || !isLiteral || name.Kind != token.STRING || !slices.Contains(readers, method.Sel.Name) {
				return true
			}
			text, err := strconv.Unquote(name.Value)
			require.NoError(t, err)
			require.GreaterOrEqual(t, Settings().index(text), 0, "%s reads the setting %q, which the table does not have", path, text)
			found[text] = true
			return true
		})
		return nil
	}))
	require.Greater(t, len(found), 15, "the code reads more settings than these: %v", found)
}

// TestDurationPattern checks that the schema accepts the durations that modelrun
// accepts.
func TestDurationPattern(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(durationPattern)
	for _, text := range []string{
		"0", "90", "+90", "30s", "1h30m", "1.5h", ".5s", "5.s", "+5s", "100ms", "2us", "2µs", "2ns",
		"", "-1", "-5s", "s", ".", "1e3", "5 s", "5d", "1.5", "five", "0x10",
	} {
		_, ok := parseDuration(text)
		require.Equal(t, ok, pattern.MatchString(text), "%q", text)
	}
}
