package resolve

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
)

func TestCheckDepth(t *testing.T) {
	t.Parallel()
	const key = "torch-cu121-transformers-bnb"
	staging := func(length int) envdir.Dir { // length is the length of the path of site-packages
		prefix := len(envdir.Root("/r").Staging(key, "01234567").SitePackages(""))
		return envdir.Root("/r"+strings.Repeat("ü", length-prefix)).Staging(key, "01234567")
	}
	short, long := limits{259, 250}, limits{math.MaxInt, 250}
	for name, tt := range map[string]struct {
		site    int
		torch   bool
		allowed limits
		want    []string // nil if it fits
	}{
		"the longest that fits":       {site: 128, torch: true, allowed: short},
		"one too many":                {129, true, short, []string{"about 260 characters", "takes 259", "1 characters shorter", "--root", "reg add HKLM"}},
		"without torch":               {site: 157, allowed: short},
		"without torch, too deep":     {158, false, short, []string{"about 260", "LongPathsEnabled /t REG_DWORD /d 1 /f"}},
		"with long paths":             {site: 189, torch: true, allowed: long},
		"libraries stay limited":      {190, true, long, []string{"about 251", "takes 250", "--root"}},
		"no limit on other systems":   {site: 2000, torch: true},
		"too deep for libraries, too": {400, true, short, []string{"takes 250", "--root"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkDepth(staging(tt.site), tt.torch, tt.allowed)
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fault.BadRoot, fault.CodeOf(err))
			for _, text := range tt.want {
				require.Contains(t, err.Error()+"\n"+fault.RemedyOf(err), text)
			}
		})
	}
}
