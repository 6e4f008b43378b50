package terminal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMeter checks that the rate is that of the last seconds.
func TestMeter(t *testing.T) {
	t.Parallel()
	var m meter
	now := time.Unix(0, 0)
	require.Zero(t, m.update(now, 0))
	rate := 0.0
	for i := range 60 { // fast
		rate = m.update(now.Add(time.Duration(i)*time.Second), int64(i)*100e6)
	}
	require.InDelta(t, 100e6, rate, 1)
	for i := range 20 { // slow, for longer than the window
		rate = m.update(now.Add(time.Duration(60+i)*time.Second), 59*100e6+int64(i)*1e6)
	}
	require.InDelta(t, 1e6, rate, 1)
	require.Less(t, len(m), 15)
	for i := range 20 { // no more data arrives
		rate = m.update(now.Add(time.Duration(80+i)*time.Second), 59*100e6+19*1e6)
	}
	require.Zero(t, rate)
	require.Zero(t, m.update(now.Add(101*time.Second), 5), "another download begins")
	require.InDelta(t, 10, m.update(now.Add(102*time.Second), 15), 0.1)
}
