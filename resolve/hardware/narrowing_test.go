package hardware

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

// TestNarrow checks which GPUs of several a build uses.
func TestNarrow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ccs          []string
		accel, torch string
		used         string // "" if nothing is narrowed
	}{
		"all alike":            {[]string{"8.6", "8.6"}, "cu130", "2.11.0", ""},
		"all served":           {[]string{"7.5", "8.6", "12.0"}, "cu130", "2.11.0", ""},
		"one":                  {[]string{"6.1"}, "cu130", "2.11.0", ""},
		"none served":          {[]string{"3.5", "3.7"}, "cu130", "2.11.0", ""},
		"the second":           {[]string{"6.1", "12.0"}, "cu130", "2.11.0", "1"},
		"the first":            {[]string{"12.0", "6.1"}, "cu130", "2.11.0", "0"},
		"the old one":          {[]string{"12.0", "6.1"}, "cu126", "2.10.0", "1"},
		"eight":                {[]string{"8.0", "8.0", "3.7", "8.0", "3.7", "8.0", "8.0", "8.0"}, "cu128", "2.10.0", "0,1,3,5,6,7"},
		"the version of torch": {[]string{"7.0", "9.0"}, "cu128", "2.11.0", "1"},
		"an older torch":       {[]string{"7.0", "9.0"}, "cu128", "2.10.0", ""},
		"an unknown one stays": {[]string{"", "3.7"}, "cu128", "2.10.0", "0"},
		"no CUDA":              {[]string{"8.6", "3.7"}, "cpu", "", ""},
	} {
		n := machine("580.1", c.ccs...).Narrow(c.accel, c.torch)
		require.Equal(t, c.used, n.list(), name)
		require.Equal(t, c.used == "", n.Empty(), name)
		if !n.Empty() {
			require.Len(t, c.ccs, len(n.Used)+len(n.Hidden), name)
		}
	}
	amd := Machine{Identity: Identity{Vendor: "amd"}, GPUs: []GPU{{CC: "gfx1100"}, {CC: "gfx900"}}}
	require.True(t, amd.Narrow("rocm6.4", "2.9.1").Empty())
}

// TestApply checks that a modelrun in the program sees the GPUs that the user's own
// variables show, whatever an outer one has set.
func TestApply(t *testing.T) {
	t.Parallel()
	n := Narrowing{Used: []int{0, 2}, Hidden: []GPU{{Name: "Tesla K80", CC: "3.7"}}, Build: "cu130"}
	plain := execx.NewEnviron([]string{"A=1"})
	inside := n.Apply(plain)
	require.Equal(t, []string{"0,2", "PCI_BUS_ID"}, []string{inside.Get("CUDA_VISIBLE_DEVICES"), inside.Get("CUDA_DEVICE_ORDER")})
	require.Equal(t, plain, Undo(inside))
	require.Equal(t, plain, Undo(plain))
	require.Equal(t, "cu130 has no code for Tesla K80 (3.7): the program sees only GPU 0, 2", n.Warning(plain))
	require.Empty(t, Narrowing{}.Warning(plain))
	require.Equal(t, plain, Narrowing{}.Apply(plain))

	// A project's file cannot make a modelrun inside undo what the user set.
	own := execx.NewEnviron([]string{"CUDA_VISIBLE_DEVICES=0", "CUDA_DEVICE_ORDER=PCI_BUS_ID"})
	require.Equal(t, own, Undo(n.Apply(own.With("MODELRUN_ACTIVE_GPUS", "0"))))
	require.Equal(t, own, Undo(Narrowing{}.Apply(own.With("MODELRUN_ACTIVE_GPUS", "0"))))

	changed := Undo(inside.With("CUDA_VISIBLE_DEVICES", "2")) // by the program
	require.Equal(t, "2", changed.Get("CUDA_VISIBLE_DEVICES"))
	require.Equal(t, "PCI_BUS_ID", changed.Get("CUDA_DEVICE_ORDER"))

	for _, own := range []string{"CUDA_VISIBLE_DEVICES=0,1", "CUDA_VISIBLE_DEVICES=", "CUDA_DEVICE_ORDER=FASTEST_FIRST"} {
		env := execx.NewEnviron([]string{own})
		require.Equal(t, env, n.Apply(env), own)
		require.Contains(t, n.Warning(env), "CUDA_VISIBLE_DEVICES", own)
	}
	require.Empty(t, n.Warning(execx.NewEnviron([]string{"CUDA_VISIBLE_DEVICES=MIG-8d5a"})))
}

// TestSeveral checks when a start asks the driver for the GPUs of the machine.
func TestSeveral(t *testing.T) {
	t.Parallel()
	for want, all := range map[bool][]Identity{
		true:  {{Vendor: "nvidia"}, {Vendor: "nvidia", GPUs: []string{"a", "b"}}, {Vendor: "nvidia", GPUs: []string{"wsl 1 2"}}},
		false: {{}, {Vendor: "amd", GPUs: []string{"gfx1100", "gfx900"}}, {Vendor: "nvidia", GPUs: []string{"0000:01:00.0 0x2204"}}},
	} {
		for _, id := range all {
			require.Equal(t, want, id.Several(), id)
		}
	}
}
