package launch

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

func TestSearchPath(t *testing.T) {
	t.Parallel()
	d := envdir.Root("/root").Shared("new")
	list := string(filepath.ListSeparator)
	old := filepath.FromSlash("/old/.venv/" + filepath.Base(d.Scripts()))
	path := func(dirs ...string) string { return strings.Join(dirs, list) }
	for name, tt := range map[string]struct{ path, active, want string }{
		"first":                               {path("/usr/bin", "/bin"), "", path(d.Scripts(), "/usr/bin", "/bin")},
		"once":                                {path(d.Scripts(), "/bin", d.Scripts()+"/"), "", path(d.Scripts(), "/bin")},
		"without the env of an outer start":   {path(old, "/bin"), "/old/.venv", path(d.Scripts(), "/bin")},
		"with a venv that the user activated": {path("/mine/.venv/bin", "/bin"), "/old/.venv", path(d.Scripts(), "/mine/.venv/bin", "/bin")},
		"an empty entry is the current dir":   {path("", "/bin"), "", path(d.Scripts(), "/bin")},
		"no PATH at all":                      {"", "", d.Scripts()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := execx.Environ{"PATH=" + tt.path, "MODELRUN_ACTIVE_ENV=" + tt.active}
			require.Equal(t, tt.want, searchPath(env, d))
		})
	}
}

func TestNesting(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	at := func(n int, ago int64) execx.Environ {
		return execx.Environ{fmt.Sprintf("%s=%d@%d", nestVariable, n, now-ago)}
	}
	got, err := nesting(nil)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(got, "1@"))
	got, err = nesting(at(3, 2))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("4@%d", now-2), got)
	_, err = nesting(at(maxNest, 5))
	require.Equal(t, fault.Recursion, fault.CodeOf(err))
	got, err = nesting(at(maxNest, 60))
	require.NoError(t, err, "nested work that takes longer than the window is no loop")
	require.True(t, strings.HasPrefix(got, "1@"))
	for _, junk := range []string{"x", "9@", "@1", "9@99999999999999999999"} {
		_, err = nesting(execx.Environ{nestVariable + "=" + junk})
		require.NoError(t, err, junk)
	}
}

// TestStartFault checks that a command line that is too long is not reported as a
// fault of the program's file.
func TestStartFault(t *testing.T) {
	t.Parallel()
	long := &execx.StartError{Path: "/x/tool.cmd", Reason: "too long", Err: fmt.Errorf("%w: by far", execx.ErrTooLong)}
	require.Contains(t, fault.RemedyOf(startFault(long)), "modelrun -- tool.cmd FILE")
	damaged := &execx.StartError{Path: "/x/tool", Reason: "damaged", Err: fs.ErrInvalid}
	require.Contains(t, fault.RemedyOf(startFault(damaged)), "check that file")
	for _, err := range []*execx.StartError{long, damaged} {
		require.Equal(t, fault.CannotStart, fault.CodeOf(startFault(err)))
		require.ErrorContains(t, startFault(err), "cannot be started: "+err.Reason)
	}
}
