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
	require.Equal(t, []string{"rich>=13", "torchvision"}, p.Extras)
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
