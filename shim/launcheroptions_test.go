package shim

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// A launcher that loses an option starts something else.
func TestLauncherOptionsAreAll(t *testing.T) {
	t.Parallel()
	require.Len(t, flags{}.options(), reflect.TypeFor[flags]().NumField())
}
