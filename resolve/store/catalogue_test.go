package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys/fsystest"
)

func TestKeysAndEnvs(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	have := s.Catalogue()
	keys, err := have.Keys()
	require.NoError(t, err)
	require.Empty(t, keys, "a root without .envs")
	envs, err := have.Envs()
	require.NoError(t, err)
	require.Empty(t, envs)

	next := s.Root.Next("torch-cpu-transformers")
	for _, dir := range []string{
		s.Root.Shared("torch-cpu-transformers").Venv(), s.Root.Shared("onnx-cpu").Venv(), next.Venv(), s.Root.Old("local_0123456789ab").Venv(),
		s.Root.Staging("onnx-cpu", "0123abcd").Venv(), s.Root.Trash("0123abcd"), s.Root.Locks(), filepath.Join(s.Root.Environments(), "no env"),
		filepath.Join(s.Root.Envs(), "Not A Key"),
	} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.Root.Envs(), "a-file"), nil, 0o600))
	keys, err = have.Keys()
	require.NoError(t, err)
	require.Equal(t, []envdir.Key{"onnx-cpu", "torch-cpu-transformers"}, keys)
	envs, err = have.Envs()
	require.NoError(t, err)
	require.Equal(t, []envdir.Dir{s.Root.Shared("a-file"), s.Root.Shared("onnx-cpu"), s.Root.Shared("torch-cpu-transformers"), next, s.Root.Old("local_0123456789ab")}, envs, "a file where an env belongs is shown")

}

func TestModels(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	have := s.Catalogue()
	d := s.Root.Shared(key)
	require.Empty(t, have.Models(d))
	require.NotNil(t, have.Models(d), "JSON says [], not null")
	require.NoError(t, have.NoteModel(d, "local_2", "/models/b"))
	require.NoError(t, have.NoteModel(d, "local_1", "org/a"))
	require.NoError(t, have.NoteModel(d, "local_1", "another"), "written once")
	require.Equal(t, []string{"/models/b", "org/a"}, have.Models(d))
	require.Empty(t, have.Models(s.Root.Shared("onnx-cpu")))
}

func TestLastUsed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	have := s.Catalogue()
	d := s.Root.Shared(key)
	require.Zero(t, have.LastUsed(d))
	l, err := s.Lease(t.Context(), d)
	require.NoError(t, err)
	l.Release()
	require.WithinDuration(t, time.Now(), have.LastUsed(d), time.Hour)
}

func TestModelOf(t *testing.T) {
	t.Parallel()
	path := "/models/llama"
	id := envdir.LocalID(path)
	for name, tt := range map[string]struct {
		id         envdir.ID
		note, want string
	}{
		"a path":             {id, path + "\n", path},
		"a hub id":           {"org__name", "org/name\n", "org/name"},
		"another model":      {id, "/models/other\n", ""},
		"more than one line": {id, path + "\n\n", ""},
		"no line at all":     {"org__name", "org/na\x1bme\n", ""}, // an id drops characters that it cannot contain
		"nothing":            {id, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			file := s.Root.State().Model(s.Root.Shared(key), tt.id)
			fsystest.Put(t, 0, file)
			require.NoError(t, os.WriteFile(file, []byte(tt.note), 0o600))
			require.Equal(t, tt.want, s.Catalogue().ModelOf(tt.id))
			require.Empty(t, s.Catalogue().ModelOf("org__other"))
		})
	}
}
