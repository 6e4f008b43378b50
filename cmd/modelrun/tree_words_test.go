package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxOddWords is the number of odd words that are left. It must only decrease: a
// change that removes some must lower it.
const maxOddWords = 97

// oddWords matches words that a modern manual does not use. Say what happens, in
// ordinary words.
var oddWords = regexp.MustCompile(`(?i)\b(mend(s|ed|ing)?|anew|who(m|se)?ever|besides|stands|lies|(is|are|was|were) told|nobody|somebody|of those that|in vain)\b`)

// TestWords counts odd words in the text that users read: the documentation, and
// every string in the code. docs/modelrun.1 is made from these strings.
func TestWords(t *testing.T) {
	t.Parallel()
	var found []string
	look := func(place, text string) {
		for _, word := range oddWords.FindAllString(text, -1) {
			found = append(found, place+": "+word)
		}
	}
	root, pages, code := os.DirFS("../.."), 0, 0
	for _, place := range []string{"README.md", "CHANGELOG.md", "docs", "examples", "cmd", "shim", "resolve", "execx"} {
		require.NoError(t, fs.WalkDir(root, place, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir() && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata"):
				return fs.SkipDir
			case strings.HasSuffix(path, ".md"):
				pages++
				data, err := fs.ReadFile(root, path)
				for i, line := range strings.Split(string(data), "\n") {
					look(path+":"+strconv.Itoa(i+1), line)
				}
				return err
			case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !strings.Contains(filepath.Dir(path), "test"):
				code++
				return lookAtTexts(path, look)
			}
			return nil
		}))
	}
	require.Greater(t, pages, 10)
	require.Greater(t, code, 100)
	slices.Sort(found)
	if len(found) > maxOddWords {
		t.Errorf("%d odd words, %d are allowed; say it in plain English:\n%s", len(found), maxOddWords, strings.Join(found, "\n"))
	}
	require.GreaterOrEqual(t, len(found), maxOddWords, "there are fewer: lower maxOddWords")
}

// lookAtTexts calls look for each string in a Go file, including struct tags.
func lookAtTexts(path string, look func(place, text string)) error {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, filepath.Join("../..", path), nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
			look(path+":"+strconv.Itoa(files.Position(text.Pos()).Line), text.Value)
		}
		return true
	})
	return nil
}
