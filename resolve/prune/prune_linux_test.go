package prune

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestPruneOfWhatCannotBeMoved checks that an env that cannot be moved is not
// deleted piece by piece.
func TestPruneOfWhatCannotBeMoved(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := abandoned(t, s)
	if err := unix.Mount(d.Path, d.Path, "", unix.MS_BIND, ""); err != nil {
		t.Skip("NOT TESTED: an env that cannot be moved: mounting is not allowed here: ", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(d.Path, unix.MNT_DETACH)) })
	p := Make(s, Options{Unused: month})
	require.Equal(t, []string{"unused " + string(key)}, kinds(p))
	freed, still := carryOut(t, s, p)
	require.ErrorContains(t, still[Unused], "it cannot be moved: ")
	require.Zero(t, freed)
	require.Equal(t, "word", content(t, d))
	requireNoLitter(t, s)
}
