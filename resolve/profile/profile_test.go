package profile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

func TestRealProfilesLoadAsTheyAre(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		accel, best, torch string
		cc                 []string
		tested             bool
	}{
		"ampere_cu121":    {"cu121", "3.12", "2.5.1", []string{"8.0", "8.6"}, true},
		"ada_cu124":       {"cu124", "3.12", "2.5.1", []string{"8.9"}, false},
		"hopper_cu124":    {"cu124", "3.12", "2.5.1", []string{"9.0"}, false},
		"blackwell_cu124": {"cu124", "3.12", "2.5.1", []string{"10.0"}, false},
		"turing_cu118":    {"cu118", "3.11", "2.5.1", []string{"7.5"}, false}, // tested: "in_progress"
	}
	f := family(t, "transformers")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Load(filepath.Join("testdata", name+".json"))
			require.NoError(t, err)
			require.Equal(t, name, p.Name)
			require.Equal(t, c.accel, p.Accel)
			require.Equal(t, c.best, p.Python.Best)
			require.Equal(t, c.cc, p.CC)
			require.Equal(t, c.tested, p.Tested)
			require.Equal(t, c.torch, p.Torch(f))
			require.Len(t, p.Hash, 64)
			require.Len(t, p.Pins, 34)
			require.Equal(t, "typing-extensions", p.Pins[0].Name, "the order of the file")
			require.Equal(t, Pin{"streamlit", "1.41.1"}, p.Pins[33])
			require.True(t, p.Has(f))
			require.False(t, p.Has(family(t, "llamacpp")))
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const head = `{"format_version":"1.0",`
	cases := map[string]struct{ text, accel, err string }{
		"torch's tag wins":          {head + `"cuda_version":"11.8","torch_index":"https://example.org/whl/cu124","packages":{"torch":"2.5.1+cu121"}}`, "cu121", ""},
		"then the index":            {head + `"cuda_version":"11.8","torch_index":"https://example.org/whl/cu124/","packages":{"torch":"2.5.1"}}`, "cu124", ""},
		"then the CUDA version":     {head + `"cuda_version":"11.8","packages":{"torch":"2.5.1"}}`, "cu118", ""},
		"else cpu":                  {head + `"packages":{"torch":"2.5.1"}}`, "cpu", ""},
		"rocm's tag":                {head + `"packages":{"torch":"2.9.1+rocm6.4"}}`, "rocm6.4", ""},
		"a file index":              {head + `"torch_index":"file:///mirror/whl/cu126","packages":{"torch":"2.9.1"}}`, "cu126", ""},
		"a BOM":                     {"\xEF\xBB\xBF" + head + `"packages":{"torch":"2.5.1"}}`, "cpu", ""},
		"unknown fields":            {head + `"x":[1],"hardware":{"y":{}},"packages":{"torch":"2.5.1"}}`, "cpu", ""},
		"said itself":               {head + `"accelerator":"mps","packages":{"torch":"2.5.1"}}`, "mps", ""},
		"not JSON, with the line":   {"{\n\"format_version\": \"1.0\",\n oops }", "", "line 3"},
		"no object":                 {"[]", "", "line 1"},
		"no packages":               {head + `"packages":{}}`, "", "no packages"},
		"packages is null":          {head + `"packages":null}`, "", "no packages"},
		"packages is a list":        {head + `"packages":["torch"]}`, "", "not an object"},
		"no format_version":         {`{"packages":{"torch":"1"}}`, "", "no format_version"},
		"a version that is a range": {head + `"packages":{"torch":">=2"}}`, "", "is not one version"},
		"a version that breaks out": {head + `"packages":{"torch":"1\"\n[tool.uv]"}}`, "", "is not one version"},
		"a name that breaks out":    {head + `"packages":{"to rch; x":"1"}}`, "", "not a package name"},
		"a number for a version":    {head + `"packages":{"torch":2}}`, "", "not a string"},
		"a name twice":              {head + `"packages":{"a-b":"1","A_B":"2"}}`, "", "twice"},
		"an index that is a path":   {head + `"torch_index":"/mirror","packages":{"torch":"1"}}`, "", "torch_index"},
		"an index that is a script": {head + `"torch_index":"javascript:x","packages":{"torch":"1"}}`, "", "torch_index"},
		"a Python that is none":     {head + `"python_version":{"min":"three"},"packages":{"torch":"1"}}`, "", "python_version"},
		"a CUDA that is none":       {head + `"cuda_version":"new","packages":{"torch":"1"}}`, "", "cuda_version"},
		"too large":                 {head + `"x":"` + strings.Repeat("x", maxSize) + `"}`, "", "1 MiB"},
		"cut off":                   {head + `"packages":{"torch":"1"`, "", "line 1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Parse("x/mine.json", []byte(c.text))
			if c.err == "" {
				require.NoError(t, err)
				require.Equal(t, c.accel, p.Accel)
				require.Equal(t, "mine", p.Name)
				return
			}
			require.ErrorContains(t, err, c.err)
			require.ErrorContains(t, err, "x/mine.json")
			require.Equal(t, fault.BadProfile, fault.CodeOf(err))
			require.NotEmpty(t, fault.RemedyOf(err))
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestInRoot(t *testing.T) {
	t.Parallel()
	root := envdir.Root(t.TempDir())
	all, bad := InRoot(root)
	require.Empty(t, all)
	require.Empty(t, bad, "a root without profiles/ is no error")

	require.NoError(t, os.Mkdir(root.Profiles(), 0o755))
	require.NoError(t, os.CopyFS(root.Profiles(), os.DirFS("testdata")))
	require.NoError(t, os.RemoveAll(filepath.Join(root.Profiles(), "fuzz")))
	require.NoError(t, os.WriteFile(filepath.Join(root.Profiles(), "broken.json"), []byte("{"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root.Profiles(), "README.txt"), nil, 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(root.Profiles(), "dir.json"), 0o755))
	all, bad = InRoot(root)
	require.Equal(t, []string{"ada_cu124", "ampere_cu121", "blackwell_cu124", "hopper_cu124", "turing_cu118"}, names(all))
	require.Len(t, bad, 1)
	require.Equal(t, fault.BadProfile, fault.CodeOf(bad["broken"]))
}

// TestEmbedded checks the built-in files, because a broken one would otherwise be
// noticed only on a machine that needs it.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	all := Embedded()
	for _, accel := range []string{"cu118", "cu121", "cu124", "cu126", "cu128", "cu130", "cu132", "rocm6.4", "xpu", "mps", "cpu"} {
		i := slices.IndexFunc(all, func(p Profile) bool { return p.Accel == accel })
		require.GreaterOrEqual(t, i, 0, accel)
		p := all[i]
		require.Empty(t, p.Path)
		require.True(t, p.Has(family(t, "transformers")), accel)
		require.NotEmpty(t, p.Python.Best)
		if accel != "mps" && accel != "cu132" { // the default index has them
			require.Equal(t, accel, indexAccel(p.TorchIndex))
		}
		if IsCUDA(accel) {
			require.NotEmpty(t, p.CC)
		}
		for name := range p.Families {
			_, ok := FamilyNamed(name)
			require.True(t, ok, "%s: family %s", p.Name, name)
		}
		for _, f := range Families() {
			if !p.Has(f) {
				continue
			}
			require.Empty(t, p.tooOld(f), "%s: %s", p.Name, f.Name)
			v := p.For(f).Verified
			require.Contains(t, []Level{Imported, Resolved, Unverified}, v.Level, "%s: %s", p.Name, f.Name)
			require.Regexp(t, `^\d{4}-\d\d-\d\d$`, v.Date, "%s: %s", p.Name, f.Name)
		}
		if l4, l5 := family(t, "transformers"), family(t, Transformers5); p.Has(l5) {
			require.Equal(t, p.Torch(l4), p.Torch(l5), "%s: the second line costs megabytes, because both have one torch", p.Name)
		}
		if d := family(t, "diffusers"); p.Has(d) {
			five := p.For(family(t, Transformers5)).Pins
			for _, pin := range p.For(d).Pins {
				require.True(t, pin.Name == "diffusers" || slices.Contains(five, pin), "%s: a second env costs megabytes only with the versions of line 5: %v", p.Name, pin)
			}
		}
		for _, pin := range p.Pins {
			if _, tag, ok := strings.Cut(pin.Version, "+"); ok {
				require.Equal(t, accel, tag)
			}
		}
	}
	for _, f := range Families() {
		require.True(t, slices.ContainsFunc(all, func(p Profile) bool { return p.Has(f) }), f.Name)
	}
}

// TestLineNeeds checks that a profile has a line only if its torch and its Pythons
// are new enough. A version from before the one whose needs are known is not judged.
func TestLineNeeds(t *testing.T) {
	t.Parallel()
	f := family(t, Transformers5)
	v, torch, python := typesVersion5, lineNeeds[5].torch, lineNeeds[5].python
	cases := map[string]struct{ text, reason, min string }{
		"new enough":       {`"python_version": {"min": "3.99"}, "packages": {"torch": "` + torch + `+cu124", "transformers": "` + v + `"}`, "", "3.99"},
		"Python is raised": {`"python_version": {"min": "3.10"}, "packages": {"torch": "2.15.0", "transformers": "` + v + `"}`, "", python},
		"any Python":       {`"packages": {"torch": "2.15.0", "transformers": "` + v + `"}`, "", python},
		"torch":            {`"packages": {"torch": "2.5.1+cu124", "transformers": "` + v + `"}`, "transformers " + v + " needs torch " + torch + " or newer, and it has torch 2.5.1", python},
		"Python":           {`"python_version": {"max": "3.10"}, "packages": {"torch": "` + torch + `", "transformers": "` + v + `"}`, "transformers " + v + " needs Python " + python + " or newer, and it has Python up to 3.10", python},
		"an earlier one":   {`"packages": {"torch": "2.5.1", "transformers": "5.0.0"}`, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Parse("mine.json", []byte(`{"format_version": "1.0", "accelerator": "cpu", `+c.text+`}`))
			require.NoError(t, err)
			require.Equal(t, c.reason, p.tooOld(f))
			require.Equal(t, c.min, p.For(f).Python.Min)
			got, err := chooser{want: Want{Family: f}}.choose([]Profile{p}, nil)
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "mine: "+c.reason)
			require.Equal(t, []Passed{{Name: "mine", Reason: c.reason}}, got.Passed)
		})
	}
}

// TestVerified checks the record of an entry, and that a family can leave its
// profile's index for the default one.
func TestVerified(t *testing.T) {
	t.Parallel()
	p, err := Parse("mine.json", []byte(`{"format_version": "1.0", "accelerator": "cu130", "torch_index": "https://example.org/whl/cu130",
		"packages": {"torch": "2.15.0", "transformers": "4.57.6"}, "without": ["torchaudio"],
		"verified": {"level": "imported", "date": "2026-11-30", "source": "https://example.org/whl/cu130"},
		"families": {"vllm": {"torch_index": "default", "packages": {"vllm": "0.33.0", "torch": "2.14.0"}, "verified": {"level": "no", "date": "2026-11-23"}}}}`))
	require.NoError(t, err)
	four, vllm := p.For(family(t, "transformers")), p.For(family(t, "vllm"))
	require.Equal(t, "versions of 2026-11-30, imported", four.Verified.String())
	require.Equal(t, []string{"torchaudio"}, four.Without)
	require.Equal(t, "versions of 2026-11-23, not verified", vllm.Verified.String())
	require.Empty(t, vllm.TorchIndex)
	plan := p.Plan("vllm-cu130", family(t, "vllm"), false)
	require.Empty(t, plan.TorchIndex)
	require.Empty(t, plan.FromTorch)
	require.Empty(t, Verified{}.String())
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"ampere_cu121", "turing_cu118"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"format_version":"1","packages":{"torch":"1"},"families":{"vllm":{"packages":{"vllm":"1"}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("f.json", data)
		if err != nil {
			require.Equal(t, fault.BadProfile, fault.CodeOf(err))
			require.NotEmpty(t, fault.RemedyOf(err))
			return
		}
		require.True(t, ValidAccel(p.Accel))
		require.NotEmpty(t, p.Pins)
		for _, fam := range Families() {
			plan := p.Plan("k", fam, len(fam.Bnb) > 0)
			for _, pin := range slices.Concat(plan.Hard, plan.Soft) {
				require.NotContains(t, pin.Name+pin.Version, "\n")
				require.NotContains(t, pin.Name+pin.Version, `"`)
			}
			require.NotContains(t, plan.TorchIndex, `"`)
		}
	})
}

func family(t *testing.T, name string) Family {
	t.Helper()
	f, ok := FamilyNamed(name)
	require.True(t, ok)
	return f
}

func names(all []Profile) []string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.Name
	}
	return out
}
