package profile

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
)

var real5 = []string{"ada_cu124", "ampere_cu121", "blackwell_cu124", "hopper_cu124", "turing_cu118"}

func rootOf(t *testing.T, list []string) []Profile {
	t.Helper()
	var out []Profile
	for _, n := range list {
		out = append(out, load(t, n))
	}
	return out
}

func onWindows(m hardware.Machine) hardware.Machine {
	m.Identity.OS = "windows"
	return m
}

func nvidia(driver string, ccs ...string) hardware.Machine {
	m := hardware.Machine{Identity: hardware.Identity{OS: "linux", Arch: "amd64", Vendor: "nvidia", Driver: driver}}
	for _, cc := range ccs {
		m.GPUs = append(m.GPUs, hardware.GPU{Name: "RTX " + cc, CC: cc})
	}
	return m
}

// rule replaces the machine's own tables, so that these cases define which
// builds it serves. The tests of hardware cover Serves itself.
func rule(builds ...string) func(accel, torch string) error {
	return func(accel, _ string) error {
		for _, b := range builds {
			if accel == b {
				return nil
			}
		}
		return errors.New("the " + accel + " build has no code for it")
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	all := []string{"cu118", "cu121", "cu124", "cu126", "cu128", "cu130", "cu132"}
	cases := map[string]struct {
		m      hardware.Machine
		serves []string
		root   []string
		family string
		accel  string
		want   string
		warn   string
	}{
		"the root before embedded":       {m: nvidia("580.1", "8.6"), serves: all, root: real5, want: "ampere_cu121"},
		"exact capability beats range":   {m: nvidia("580.1", "8.9"), serves: all, root: real5, want: "ada_cu124"},
		"turing":                         {m: nvidia("580.1", "7.5"), serves: all, root: real5, want: "turing_cu118"},
		"Blackwell falls to embedded":    {m: nvidia("580.1", "12.0"), serves: []string{"cu128", "cu130"}, root: real5, want: "cuda_cu130"},
		"an older driver takes cu128":    {m: nvidia("570.1", "12.0"), serves: []string{"cu128"}, root: real5, want: "cuda_cu128"},
		"what the driver runs natively":  {m: nvidia("550.1", "8.6"), serves: all[:5], want: "cuda_cu124"},
		"CUDA 13.2 on its own driver":    {m: nvidia("595.45", "8.6"), serves: all, want: "cuda_cu132"},
		"the default index on Windows":   {m: onWindows(nvidia("595.45", "8.6")), serves: all, want: "cuda_cu130"}, // it has torch without CUDA there
		"CUDA 13.0 on an older one":      {m: nvidia("580.1", "8.6"), serves: all, want: "cuda_cu130"},
		"Pascal":                         {m: nvidia("560.1", "6.1"), serves: all[:4], want: "cuda_cu126"},
		"two GPUs, the worst counts":     {m: nvidia("580.1", "8.6", "8.9"), serves: all, root: real5, want: "ampere_cu121"},
		"no GPU is cpu, root or not":     {m: hardware.Machine{}, serves: all, root: real5, want: "cpu"},
		"a GPU that nothing serves":      {m: nvidia("470.1", "3.5"), root: real5, want: "cpu", warn: "RTX 3.5 is not used, the CPU build is: the cu132 build has no code for it"},
		"a GPU that cannot be used":      {m: hardware.Machine{Problem: "driver/library version mismatch"}, want: "cpu", warn: "the GPU is not used, the CPU build is: driver/library version mismatch"},
		"an image built without a GPU":   {m: hardware.Machine{}, accel: "cu121", root: real5, want: "ampere_cu121"},
		"an image, no profile in a root": {m: hardware.Machine{}, accel: "cu128", want: "cuda_cu128"},
		"cpu was asked for":              {m: nvidia("580.1", "8.6"), serves: all, accel: "cpu", want: "cpu"},
		"llama.cpp comes from embedded":  {m: nvidia("550.1", "8.6"), serves: all[:5], root: real5, family: "llamacpp", want: "cuda_cu124"},
		"no build of the family":         {m: nvidia("470.1", "8.6"), serves: []string{"cu118"}, family: "llamacpp", want: "cpu", warn: "has no code for it"},
		"CTranslate2 is for CUDA 12":     {m: nvidia("595.45", "8.6"), serves: all, root: real5, family: "ctranslate2", want: "cuda_cu128"},
		"CTranslate2 on Pascal":          {m: nvidia("580.1", "6.1"), serves: all[:4], family: "ctranslate2", want: "cuda_cu126"},
		"CTranslate2 beside an AMD GPU": {m: hardware.Machine{Identity: hardware.Identity{Vendor: "amd"}, GPUs: []hardware.GPU{{Name: "RX"}}},
			family: "ctranslate2", want: "cpu", warn: "RX is not used, the CPU build is: no profile has a build of ctranslate2 for it"},
		"OpenVINO is for the CPU":          {m: nvidia("580.1", "8.6"), serves: all, root: real5, family: "openvino", want: "cpu"},
		"OpenVINO beside a broken driver":  {m: hardware.Machine{Problem: "driver/library version mismatch"}, family: "openvino", want: "cpu"},
		"diffusers beside an older driver": {m: nvidia("550.1", "8.6"), serves: all[:5], root: real5, family: "diffusers", want: "cuda_cu124"},
		"Apple": {m: hardware.Machine{Identity: hardware.Identity{Vendor: "apple"}, GPUs: []hardware.GPU{{Name: "M2"}}},
			serves: []string{"mps"}, root: real5, want: "mps"},
		"AMD": {m: hardware.Machine{Identity: hardware.Identity{Vendor: "amd"}, GPUs: []hardware.GPU{{CC: "gfx1100"}}},
			serves: []string{"rocm6.4"}, root: real5, want: "rocm6.4"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.family == "" {
				c.family = "transformers"
			}
			w := Want{Family: family(t, c.family), Accel: c.accel}
			got, err := chooser{m: c.m, serves: rule(c.serves...), want: w}.choose(rootOf(t, c.root), Embedded())
			require.NoError(t, err)
			require.Equal(t, c.want, got.Profile.Name)
			if c.warn == "" {
				require.Empty(t, got.Warning)
			} else {
				require.Contains(t, got.Warning, c.warn)
			}
			for _, p := range got.Passed {
				require.NotEmpty(t, p.Reason, p.Name)
			}
		})
	}
}

func TestSelectNamed(t *testing.T) {
	t.Parallel()
	root := rootOf(t, real5)
	blackwell := nvidia("580.1", "12.0")
	choose := func(w Want) (Choice, error) {
		w.Family = family(t, "transformers")
		return chooser{m: blackwell, serves: rule("cu128", "cu130"), want: w}.choose(root, Embedded())
	}
	got, err := choose(Want{Name: "cuda_cu128"})
	require.NoError(t, err)
	require.Equal(t, "cuda_cu128", got.Profile.Name)

	_, err = choose(Want{Name: "blackwell_cu124"})
	require.Equal(t, fault.BadProfile, fault.CodeOf(err))
	require.ErrorContains(t, err, "profile blackwell_cu124 cannot be used here: the cu124 build has no code for it")
	require.NotEmpty(t, fault.RemedyOf(err))

	_, err = choose(Want{Name: "blackwel_cu124"})
	require.ErrorContains(t, err, `no profile is called "blackwel_cu124"; there are ada_cu124, `)
	require.Equal(t, "did you mean --profile blackwell_cu124?", fault.RemedyOf(err))

	broken := errors.New("line 3")
	_, err = choose(Want{Name: "mine", Bad: map[string]error{"mine": broken}})
	require.ErrorIs(t, err, broken)

	_, err = choose(Want{Accel: "rocm9.9"})
	require.Equal(t, fault.BadProfile, fault.CodeOf(err))
	require.ErrorContains(t, err, "no profile serves rocm9.9 for transformers")

	cpu, err := chooser{m: blackwell, serves: rule(), want: Want{Name: "cpu"}}.choose(root, Embedded())
	require.NoError(t, err)
	require.Empty(t, cpu.Warning, "it was asked for")
}

// TestSelectMLX checks that MLX is chosen on Apple silicon only. Elsewhere even a key
// that is named is refused, because an image for a Mac cannot be built there.
func TestSelectMLX(t *testing.T) {
	t.Parallel()
	apple := hardware.Machine{Identity: hardware.Identity{OS: "darwin", Arch: "arm64", Vendor: "apple"}, GPUs: []hardware.GPU{{Name: "Apple M2"}}}
	got, err := Select(apple, nil, Want{Family: family(t, "mlx")})
	require.NoError(t, err)
	require.Equal(t, "mps", got.Profile.Name)
	for _, m := range []hardware.Machine{{}, nvidia("580.1", "8.6")} {
		for _, w := range []Want{{}, {Accel: "mps"}, {Name: "mps"}} {
			w.Family = family(t, "mlx")
			_, err := Select(m, nil, w)
			require.Equal(t, fault.BadProfile, fault.CodeOf(err))
			require.ErrorContains(t, err, "family mlx runs on Apple silicon only; this machine has ")
		}
	}
}

func TestTestedComesFirst(t *testing.T) {
	t.Parallel()
	a, b := load(t, "ampere_cu121"), load(t, "ampere_cu121")
	a.Name, a.Tested = "untested", false
	got, err := chooser{m: nvidia("580.1", "8.6"), serves: rule("cu121"), want: Want{}}.choose([]Profile{a, b}, nil)
	require.NoError(t, err)
	require.Equal(t, "ampere_cu121", got.Profile.Name)
}

func TestCompatible(t *testing.T) {
	t.Parallel()
	const want = "torch-cu121-transformers"
	serves := func(accel string) error { return rule("cu118", "cu121", "cu124", "cu126")(accel, "") }
	cases := map[string]struct {
		want       envdir.Key
		have, keys []envdir.Key
	}{
		"-bnb first, then builds the driver runs natively, newest first": {want,
			[]envdir.Key{"torch-cu118-transformers", "torch-cu126-transformers", "torch-cu124-transformers-bnb", "torch-cu124-transformers", want, want + "-bnb"},
			[]envdir.Key{want + "-bnb", "torch-cu124-transformers", "torch-cu118-transformers", "torch-cu126-transformers", "torch-cu124-transformers-bnb"}},
		"at least the bitsandbytes": {want + "-bnb",
			[]envdir.Key{want, "torch-cu124-transformers", "torch-cu124-transformers-bnb"}, []envdir.Key{"torch-cu124-transformers-bnb"}},
		"the other line follows its own build": {want,
			[]envdir.Key{"torch-cu124-transformers", want + "5", want + "5-bnb", want + "-bnb"},
			[]envdir.Key{want + "-bnb", want + "5", want + "5-bnb", "torch-cu124-transformers"}},
		"never cpu for a GPU":           {want, []envdir.Key{"torch-cpu-transformers", "torch-mps-transformers", "torch-rocm6.4-transformers"}, []envdir.Key{}},
		"never a GPU's for cpu":         {"torch-cpu-transformers", []envdir.Key{want, "torch-cpu-transformers-bnb"}, []envdir.Key{"torch-cpu-transformers-bnb"}},
		"never a build without code":    {want, []envdir.Key{"torch-cu130-transformers"}, []envdir.Key{}},
		"never another family":          {want, []envdir.Key{"llamacpp-cu121", "vllm-cu121"}, []envdir.Key{}},
		"never a key of another shape":  {want, []envdir.Key{"tf-cu121-t45-bnb-stable"}, []envdir.Key{}},
		"nothing for one of that shape": {"tf-cu121-t45-bnb-stable", []envdir.Key{want}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.keys, compatible(c.want, c.have, "550.54.14", true, serves))
		})
	}
}

// TestCompatibleWithoutGPU checks a machine on which no GPU can be used, for
// example because a driver was updated while it is loaded. A CUDA build also runs
// on the CPU, so no other build needs to be downloaded.
func TestCompatibleWithoutGPU(t *testing.T) {
	t.Parallel()
	m := hardware.Machine{Problem: "the NVIDIA driver was updated while it is loaded"}
	have := []envdir.Key{"torch-cu118-transformers", "torch-cu130-transformers", "torch-cpu-transformers-bnb", "torch-rocm6.4-transformers"}
	require.Equal(t, []envdir.Key{"torch-cpu-transformers-bnb", "torch-cu130-transformers", "torch-cu118-transformers"},
		Compatible("torch-cpu-transformers", have, m))
}

// TestSelectSeveral checks the choice on machines with several GPUs: a build that
// serves all, else the newest one that serves most, else that with most memory.
func TestSelectSeveral(t *testing.T) {
	t.Parallel()
	family, _ := FamilyNamed(Transformers5)
	for name, c := range map[string]struct {
		ccs    []string
		memory []int
		root   []string
		want   string
		hidden int
	}{
		"one build for both":           {ccs: []string{"6.1", "8.6"}, want: "cuda_cu126"},
		"no build for both: memory":    {ccs: []string{"6.1", "12.0"}, memory: []int{11264, 32607}, want: "cuda_cu132", hidden: 1},
		"the older has more":           {ccs: []string{"6.0", "12.0"}, memory: []int{65536, 32607}, want: "cuda_cu126", hidden: 1},
		"most count before memory":     {ccs: []string{"6.1", "6.1", "12.0"}, memory: []int{8192, 8192, 98304}, want: "cuda_cu126", hidden: 1},
		"eight, two too old":           {ccs: []string{"3.7", "8.0", "8.0", "3.7", "8.0", "8.0", "8.0", "8.0"}, want: "cuda_cu132", hidden: 2},
		"a root profile for some":      {ccs: []string{"7.5", "12.0"}, root: []string{"turing_cu118"}, want: "cuda_cu132"},
		"never the CPU for a second":   {ccs: []string{"3.5", "9.0"}, want: "cuda_cu132", hidden: 1},
		"unless no GPU is served":      {ccs: []string{"3.5", "3.7"}, want: "cpu"},
		"two of one generation, Volta": {ccs: []string{"7.0", "7.0"}, want: "cuda_cu126"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := nvidia("595.1", c.ccs...)
			for i, mib := range c.memory {
				m.GPUs[i].MemoryMiB = mib
			}
			choice, err := Select(m, rootOf(t, c.root), Want{Family: family})
			require.NoError(t, err)
			require.Equal(t, c.want, choice.Profile.Name)
			require.Len(t, m.Narrow(choice.Profile.Accel, choice.Profile.Torch(choice.Family)).Hidden, c.hidden)
		})
	}
}

// TestRefusesPickles checks from which version on transformers refuses pickled weights.
func TestRefusesPickles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		transformers, torch string
		want                bool
	}{
		{"4.57.6", "2.5.1+cu121", true}, {"4.52.1", "2.5.1", true}, {"4.57.6", "2.6.0+cu124", false}, {"4.57.6", "2.10.0", false},
		{"4.51.3", "2.5.1", false}, {"4.45.2", "2.0.1", false}, {"5.24.0", "2.5.1", true}, {"", "2.5.1", false}, {"4.57.6", "", false},
	} {
		require.Equal(t, c.want, RefusesPickles(c.transformers, c.torch), c)
	}
}
