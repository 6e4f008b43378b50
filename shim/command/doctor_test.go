package command

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDoctorIDs compares the ids of doctor's checks with docs/json.md.
func TestDoctorIDs(t *testing.T) {
	t.Parallel()
	used := []string{"env:KEY", "next:KEY", "old:ID", "definition:KEY"} // see envCheckID and checkDefinitions
	for _, file := range []string{"doctor.go", "doctor_checks.go", "doctor_envs.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && (method.Sel.Name == "add" || method.Sel.Name == "addError") && len(call.Args) > 1 {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					id, err := strconv.Unquote(lit.Value)
					require.NoError(t, err)
					used = append(used, id)
				}
			}
			return true
		})
	}
	slices.Sort(used)
	require.ElementsMatch(t, slices.Compact(used), documentedIDs(t))
}

// documentedIDs returns the ids of checks that docs/json.md lists. A test of the
// docs compares them with docs/troubleshooting.md.
func documentedIDs(t *testing.T) []string {
	t.Helper()
	_, page, _ := strings.Cut(jsonPage(t), "\n## `doctor --json`\n")
	page, _, _ = strings.Cut(page, "\n## ")
	var ids []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(page, -1) {
		for _, id := range strings.Split(row[1], ",") {
			ids = append(ids, strings.Trim(id, " `"))
		}
	}
	return ids
}
