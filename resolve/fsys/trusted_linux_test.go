package fsys

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

func TestTrustedOwners(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: another owner: only root can give files away")
	}
	const daemon = 1 // its name is the same on every Linux
	for name, c := range map[string]struct {
		uid    int
		owners []string
		ok     bool
	}{
		"ours":        {0, nil, true},
		"a stranger":  {daemon, nil, false},
		"by name":     {daemon, []string{"nobody", "daemon"}, true},
		"by number":   {daemon, []string{"1"}, true},
		"another one": {daemon, []string{"nobody", "2", "", "no such user"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Chown(path, c.uid, -1))
			err := Trusted(path, c.owners)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fault.Untrusted, fault.CodeOf(err))
			require.Contains(t, fault.RemedyOf(err), `trusted_owners = ["daemon"]`)
			require.NoError(t, os.Chmod(path, 0o606))
			require.ErrorContains(t, Trusted(path, append(c.owners, "daemon")), "can be written by everybody", "whoever owns it")
		})
	}
}
