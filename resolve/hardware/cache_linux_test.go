package hardware

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCacheKeepsNoProblem checks that only this process remembers a machine with a
// problem. The next process asks again.
func TestCacheKeepsNoProblem(t *testing.T) {
	t.Parallel()
	const broken = "no usable GPU (the NVIDIA driver is loaded and no GPU answers)"
	b := newBox(t).driver("550.54.14")
	state := &fakeState{files: map[string]string{}}
	cache := NewCache(Identify(b.env), b.env, state)
	m, err := cache.Machine(t.Context())
	require.NoError(t, err)
	require.Equal(t, broken, m.String())
	require.NoError(t, cache.Keep())
	require.Zero(t, state.writes)

	b.says(rtx3090) // repaired meanwhile
	m, err = cache.Machine(t.Context())
	require.NoError(t, err)
	require.Equal(t, broken, m.String(), "asked once per process")
	m, err = cache.Refresh(t.Context())
	require.NoError(t, err)
	require.True(t, m.HasGPU())
	m, err = cache.Machine(t.Context())
	require.NoError(t, err)
	require.True(t, m.HasGPU(), "Machine returns what Refresh found")
	require.NoError(t, cache.Keep())
	require.Equal(t, 1, state.writes)
}

// TestCacheInterrupted checks that an interrupted detection leaves no answer
// behind.
func TestCacheInterrupted(t *testing.T) {
	t.Parallel()
	b := newBox(t).driver("550.54.14").says(rtx3090)
	state := &fakeState{files: map[string]string{}}
	cache := NewCache(Identify(b.env), b.env, state)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := cache.Machine(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, cache.Keep())
	require.Zero(t, state.writes)
	m, err := cache.Machine(t.Context())
	require.NoError(t, err)
	require.True(t, m.HasGPU())
}
