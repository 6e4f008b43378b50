package terminal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTableColumns checks that the width of a column counts characters, not bytes.
func TestTableColumns(t *testing.T) {
	t.Parallel()
	var rows Table
	rows.Row("üüü", "x")
	rows.Row("abcd", "y")
	rows.Below("  z\n")
	var out strings.Builder
	require.NoError(t, rows.Write(&out))
	require.Equal(t, "üüü   x\nabcd  y\n  z\n", out.String())
}

// TestTableControlCharacters checks that no byte in a cell can end a cell, a row or
// the table.
func TestTableControlCharacters(t *testing.T) {
	t.Parallel()
	var rows Table
	rows.Row("a\xffb", "x\ty")
	rows.Below("below\n")
	rows.Row("c\nd\v\fe", "")
	rows.Row("", "z")
	var out strings.Builder
	require.NoError(t, rows.Write(&out))
	require.Equal(t, "a\ufffdb     x y\nbelow\nc d  e  \n        z\n", out.String())
}
