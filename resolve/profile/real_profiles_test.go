package profile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
)

// TestSelectReal checks how the machine's own tables judge the five real profiles.
func TestSelectReal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		m    hardware.Machine
		want string

		refused int // out of five
	}{
		"GTX 1060":        {m: nvidia("525.60.13", "6.1"), want: "ampere_cu121"}, // no profile is made for it, but this one is tested
		"RTX 2080":        {m: nvidia("550.54.14", "7.5"), want: "turing_cu118"},
		"RTX 3090":        {m: nvidia("550.54.14", "8.6"), want: "ampere_cu121"},
		"RTX 4090":        {m: nvidia("550.54.14", "8.9"), want: "ada_cu124"},
		"H100":            {m: nvidia("550.54.14", "9.0"), want: "hopper_cu124"},
		"RTX 5090":        {m: nvidia("580.65.06", "12.0"), want: "cuda_cu130", refused: 5},
		"RTX 5090, older": {m: nvidia("572.16", "12.0"), want: "cuda_cu128", refused: 5},
		"none":            {m: hardware.Machine{}, want: "cpu", refused: 5},
		"a driver of 470": {m: nvidia("470.256.02", "8.6"), want: "turing_cu118", refused: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Select(c.m, rootOf(t, real5), Want{Family: family(t, "transformers")})
			require.NoError(t, err)
			require.Equal(t, c.want, got.Profile.Name)
			require.Empty(t, got.Warning)
			refused := map[string]string{}
			for _, p := range got.Passed {
				refused[p.Name] = p.Reason
			}
			n := 0
			for _, p := range real5 {
				if refused[p] != "" {
					n++
				}
			}
			require.Equal(t, c.refused, n, "%v", refused)
		})
	}
}

const blackwellWhy = "GPU RTX 12.0 (compute capability 12.0) needs CUDA build cu128 or newer and torch 2.7 or newer; this is cu124 with torch "

// TestSelectRealBlackwell checks the app's own profile for Blackwell, which cannot
// run there. It is rejected with that reason, even if the user names it.
func TestSelectRealBlackwell(t *testing.T) {
	t.Parallel()
	m, root := nvidia("580.65.06", "12.0"), rootOf(t, real5)
	blackwell := load(t, "blackwell_cu124")
	f := family(t, "transformers")
	why := blackwellWhy + blackwell.Torch(f)

	got, err := Select(m, root, Want{Family: f})
	require.NoError(t, err)
	require.Contains(t, got.Passed, Passed{Name: "blackwell_cu124", Reason: why})

	_, err = Select(m, root, Want{Family: f, Name: "blackwell_cu124"})
	require.Equal(t, fault.BadProfile, fault.CodeOf(err))
	require.ErrorContains(t, err, why)
	require.NotEmpty(t, fault.RemedyOf(err))
}
