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
	"time"

	"github.com/stretchr/testify/require"
)

// TestNamesInCode checks that every setting that the code reads by its name is in the
// table. A Config panics for another one, but perhaps only in the user's hands.
func TestNamesInCode(t *testing.T) {
	t.Parallel()
	readers := []string{"Value", "String", "IsSet", "Bool", "Duration", "Age", "List", "Flag", "With"}
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

// TestAge checks which ages modelrun accepts, and that the schema accepts the same.
func TestAge(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(agePattern)
	for text, want := range map[string]time.Duration{
		"0": 0, "3 days": 72 * time.Hour, "72h": 72 * time.Hour, "1 week": 168 * time.Hour, "36 hours": 36 * time.Hour, "2d": 48 * time.Hour,
		"1 day": 24 * time.Hour, "9999w": 9999 * 168 * time.Hour, "0 days": 0, "007 d": 168 * time.Hour,
	} {
		got, ok := parseAge(text)
		require.True(t, ok && pattern.MatchString(text), "%q", text)
		require.Equal(t, want, got, "%q", text)
	}
	for _, text := range []string{"", "3", "-1 days", "+1 days", "00", "0 ", " 3 days", "3  days", "3 days ", "days", "3 months", "1.5 days", "3 Days", "10000 days", "3 day s", "1e3 d", "3m", "3 д"} {
		_, ok := parseAge(text)
		require.False(t, ok || pattern.MatchString(text), "%q", text)
	}
}
