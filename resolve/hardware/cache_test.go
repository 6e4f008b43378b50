package hardware

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

// fakeState is a state folder in memory.
type fakeState struct {
	files  map[string]string
	reads  int
	writes int
	broken error // the error of Write
}

func (s *fakeState) Read(name string) ([]byte, error) {
	s.reads++
	text, ok := s.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (s *fakeState) Write(name string, data []byte) error {
	s.writes++
	if s.broken == nil {
		s.files[name] = string(data)
	}
	return s.broken
}

// TestCache uses AMD machines. Detect completes them without a process, so the name
// of a GPU shows where an answer came from.
func TestCache(t *testing.T) {
	t.Parallel()
	amd := Identity{OS: "linux", Arch: "amd64", Vendor: "amd", Driver: "6.8.5", GPUs: []string{"gfx1100"}}
	asJSON := func(m Machine) string {
		data, err := json.Marshal(m)
		require.NoError(t, err)
		return string(data)
	}
	updated := amd
	updated.Driver = "6.10.5"
	replaced := amd
	replaced.GPUs = []string{"gfx900"}
	stored := []GPU{{Name: "stored", CC: "gfx1100"}}
	const detected = "AMD gfx1100, driver 6.8.5"
	for name, c := range map[string]struct {
		id      Identity
		file    string // hardware.json; "" if there is none
		refresh bool   // Refresh is called before Machine
		want    string // Machine.String
		reads   int
		kept    bool // Keep writes
	}{
		"no accelerator":            {Identity{OS: "linux"}, "", false, "no GPU", 0, false},
		"no accelerator, refreshed": {Identity{OS: "linux"}, "", true, "no GPU", 0, false},
		"nothing stored":            {amd, "", false, detected, 1, true},
		"stored":                    {amd, asJSON(Machine{Identity: amd, GPUs: stored}), false, "stored (gfx1100), driver 6.8.5", 1, false},
		"stored with a problem":     {amd, asJSON(Machine{Identity: amd, Problem: "restart"}), false, "no usable GPU (restart)", 1, false},
		"stored, refreshed":         {amd, asJSON(Machine{Identity: amd, GPUs: stored}), true, detected, 0, true},
		"another driver":            {amd, asJSON(Machine{Identity: updated, GPUs: stored}), false, detected, 1, true},
		"other GPUs":                {amd, asJSON(Machine{Identity: replaced, GPUs: stored}), false, detected, 1, true},
		"not JSON":                  {amd, `{"driver":"6.8.5","devices":[{"name":"stored"}`, false, detected, 1, true},
		"JSON of another type":      {amd, `{"devices":"stored"}`, false, detected, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := &fakeState{files: map[string]string{}}
			if c.file != "" {
				state.files[cacheFile] = c.file
			}
			cache := NewCache(c.id, execx.NewEnviron(nil), state)
			require.NoError(t, cache.Keep(), "nothing was asked yet")
			if c.refresh {
				m, err := cache.Refresh(t.Context())
				require.NoError(t, err)
				require.Equal(t, c.want, m.String())
			}
			for range 2 { // the second answer comes from memory
				m, err := cache.Machine(t.Context())
				require.NoError(t, err)
				require.Equal(t, c.want, m.String())
				require.Equal(t, c.id, m.Identity)
			}
			require.Equal(t, c.reads, state.reads)
			require.Zero(t, state.writes)
			require.NoError(t, cache.Keep())
			if !c.kept {
				require.Zero(t, state.writes)
				return
			}
			require.Equal(t, 1, state.writes)
			next := NewCache(c.id, execx.NewEnviron(nil), state)
			m, err := next.Machine(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.want, m.String(), "the next process reads it")
			require.NoError(t, next.Keep())
			require.Equal(t, 1, state.writes)
		})
	}
}

func TestCacheReturnsWhatItWasMadeWith(t *testing.T) {
	t.Parallel()
	id, env := Identity{OS: "linux", Vendor: "amd"}, execx.NewEnviron([]string{"A=b"})
	cache := NewCache(id, env, &fakeState{})
	require.Equal(t, id, cache.Identity())
	require.Equal(t, env, cache.Env())
}

func TestCacheKeepFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("read-only file system")
	cache := NewCache(Identity{Vendor: "amd", GPUs: []string{"gfx1100"}}, execx.NewEnviron(nil), &fakeState{broken: broken})
	_, err := cache.Machine(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, cache.Keep(), broken)
}
