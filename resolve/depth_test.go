package resolve

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

func TestTooDeep(t *testing.T) {
	t.Parallel()
	const key = "torch-cu121-transformers-bnb"
	staged := func(length int) envdir.Dir { // of site-packages
		short := len(envdir.Root("/r").Staging(key, "01234567").SitePackages(""))
		return envdir.Root("/r"+strings.Repeat("ü", length-short)).Staging(key, "01234567")
	}
	off, on := limits{259, 250}, limits{math.MaxInt, 250}
	for name, tt := range map[string]struct {
		site  int
		torch bool
		most  limits
		says  []string // nil: it fits
	}{
		"fits just":                 {site: 128, torch: true, most: off},
		"one too many":              {129, true, off, []string{"about 260 characters", "takes 259", "1 characters shorter", "--root", "reg add HKLM"}},
		"without torch":             {site: 157, most: off},
		"without torch, too deep":   {158, false, off, []string{"about 260", "LongPathsEnabled /t REG_DWORD /d 1 /f"}},
		"with the key":              {site: 189, torch: true, most: on},
		"libraries do not follow":   {190, true, on, []string{"about 251", "takes 250", "--root"}},
		"no limit on other systems": {site: 2000, torch: true},
		"far too deep with it off":  {400, true, off, []string{"takes 250", "--root"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tooDeep(staged(tt.site), tt.torch, tt.most)
			if tt.says == nil {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fault.BadRoot, fault.CodeOf(err))
			for _, words := range tt.says {
				require.Contains(t, err.Error()+"\n"+fault.RemedyOf(err), words)
			}
		})
	}
}
