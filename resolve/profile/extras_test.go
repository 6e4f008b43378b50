package profile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/requirement"
)

func TestExtras(t *testing.T) {
	t.Parallel()
	base := Plan{
		Packages: []string{"torch", "transformers", "numpy"}, Hard: []Pin{{Name: "transformers", Version: "4.57.6"}},
		TorchIndex: "https://x", FromTorch: []string{"torch"}, Python: Python{Min: "3.10", Max: "3.12", Best: "3.11"},
	}
	parse := func(s string) requirement.Requirement {
		r, err := requirement.Parse(s)
		require.NoError(t, err)
		return r
	}
	for need, want := range map[string]bool{
		"numpy":                true,
		"Transformers>=4.50":   true,
		"transformers<4":       false,
		"numpy>=1":             false, // the plan has no pin for it
		"transformers[vision]": false,
		"rich":                 false,
		"python>=3.10":         true,
		"python>=3.11":         false,
		"python<3.13":          true,
		"python<3.12":          false,
	} {
		require.Equal(t, want, base.Covers(parse(need)), need)
	}
	p := base.WithExtras([]requirement.Requirement{parse("rich>=13"), parse("torchvision"), parse("python>=3.11.2")})
	require.Equal(t, []string{"rich>=13", "torchvision"}, requirement.Strings(p.Extras))
	require.Equal(t, []string{"torch", "torchvision"}, p.FromTorch)
	require.Equal(t, []string{"torch"}, base.FromTorch)
	require.Equal(t, ">=3.11.2", p.Python.Also)
	require.Empty(t, p.Python.Best, "3.11 may be 3.11.1")
	require.Equal(t, base.Packages, p.Packages)
	require.NotEqual(t, base.Hash(), p.Hash())
	require.Equal(t, base.Hash(), base.WithExtras(nil).Hash())
	// Hashes from before extras existed stay valid.
	require.Equal(t, "e64d83ec987c36da9cf324f5b4a592ce2d079035f07604f8ca2c2cf2fb6957c0", base.Hash())
}

// TestPinsGiveWay checks which pins a requirement overrules, and that the hash of a
// plan whose soft pins give way stays what it was.
func TestPinsGiveWay(t *testing.T) {
	t.Parallel()
	base := Plan{
		Source: Source{Profile: "cpu"}, Packages: []string{"torch", "torchvision", "transformers"},
		Hard: []Pin{{"torch", "2.11.0+cpu"}, {"torchvision", "0.26.0"}, {"transformers", "4.57.6"}}, Soft: []Pin{{"numpy", "1.26.4"}, {"Hub", "0.36"}},
		Python: Python{Min: "3.10", Max: "3.12", Best: "3.11"},
	}
	for need, want := range map[string][]string{
		"rich":                                 nil,
		"transformers>=4.50":                   nil,
		"torch==2.11.0":                        nil,
		"transformers==4.46; sys_platform==''": nil,
		"transformers==4.46; python_version<'3.11'": nil,
		"transformers==4.46":                        {"transformers==4.57.6 of profile cpu gives way to transformers==4.46"},
		"torch @ https://h/torch.whl":               {"torch==2.11.0+cpu, torchvision==0.26.0 of profile cpu give way to torch @ https://h/torch.whl"},
		"hub>1":                                     {"Hub==0.36 of profile cpu gives way to hub>1"},
		"torchvision<0.26":                          {"torch==2.11.0+cpu, torchvision==0.26.0 of profile cpu give way to torchvision<0.26"},
	} {
		r, err := requirement.Parse(need)
		require.NoError(t, err)
		p := base.WithExtras([]requirement.Requirement{r})
		require.Equal(t, want, p.Yielded(), need)
		require.Equal(t, base.Soft, p.Soft, need)
		require.Equal(t, r.Name == "hub", len(p.Kept()) < len(p.Soft), need)
	}
	require.Len(t, base.Hard, 3)
}

func TestCheckVersions(t *testing.T) {
	t.Parallel()
	for versions, want := range map[[2]string]string{
		{"4.57.6", "2.5.1"}:     "",
		{"5.24.0", "2.6.0+cpu"}: "",
		{"5.24.0", ""}:          "",
		{"", "2.5.1"}:           "",
		{"5.24.0", "2.5.1+cpu"}: "transformers 5.24.0 needs torch 2.6 or newer, and does not work with torch 2.5.1+cpu, which is what profile old has",
	} {
		p := Plan{Source: Source{Profile: "old"}, Hard: []Pin{{"torch", "2.5.1+cpu"}}}
		err := p.CheckVersions(func(name string) string {
			return map[string]string{"transformers": versions[0], "torch": versions[1]}[name]
		})
		if want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
	}
}
