package resolve

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/store"
)

// TestBytecodeSources checks that byte code is linked only from envs that are sealed and trusted.
func TestBytecodeSources(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	for _, key := range []envdir.Key{"a", "key", "key--x-01234567", "open", "unsealed"} {
		d := root.Shared(key)
		require.NoError(t, os.MkdirAll(d.Venv(), 0o755))
		if key != "unsealed" {
			require.NoError(t, os.WriteFile(d.Ready(), []byte(`{"schema": 1, "build_id": "1", "key": "`+string(key)+`"}`), 0o644))
		}
	}
	want := []envdir.Key{"key--x-01234567", "key", "a", "key", "key--x-01234567"}
	if runtime.GOOS == "windows" {
		want = append(want, "open")
	} else {
		require.NoError(t, os.Chmod(root.Shared("open").Path, 0o777))
	}
	b := &build{Deps: &Deps{Store: &store.Store{Root: root}}, req: &Request{Root: root, Key: "key--x-01234567", Base: "key"}}
	var got []envdir.Key
	for _, d := range b.bytecodeSources(b.req) {
		got = append(got, envdir.Key(d.Name))
	}
	require.Equal(t, want, got, "the likeliest first")
}
