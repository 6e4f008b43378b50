package command

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

func TestHideSecret(t *testing.T) {
	t.Parallel()
	require.Equal(t, "see https://***@host/x and a@b", fault.Mask("see https://me:pw@host/x and a@b"))
	require.Equal(t, "***", hideSecret("HF_TOKEN", "x"))
	require.Equal(t, "x", hideSecret("HOME", "x"))
}
