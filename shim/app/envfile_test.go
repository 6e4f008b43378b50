package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func TestEnvFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "vars")
	writeFile(t, file, "\ufeff# comment\r\n\nexport A=1\nB=\"two words\"\nC='x'\nD=a=b # kept\nE=\n")
	vars, err := readEnvFile(file)
	require.NoError(t, err)
	require.Equal(t, []execx.Var{{Key: "A", Value: "1"}, {Key: "B", Value: "two words"}, {Key: "C", Value: "x"}, {Key: "D", Value: "a=b # kept"}, {Key: "E"}}, vars)
	writeFile(t, file, "A=1\nnot a variable\n")
	_, err = readEnvFile(file)
	require.ErrorContains(t, err, file+":2")
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}
