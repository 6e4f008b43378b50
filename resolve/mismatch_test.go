package resolve

import (
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/health"
)

// TestAcceptMismatches checks that files that differ from RECORD are accepted only if two caches gave the
// same content.
func TestAcceptMismatches(t *testing.T) {
	t.Parallel()
	mismatches := func(pairs ...string) (out []health.Mismatch) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, health.Mismatch{Path: pairs[i], Sum: pairs[i+1], Err: errors.New(pairs[i])})
		}
		return out
	}
	for name, tt := range map[string]struct {
		first, second []health.Mismatch
		want          string // the error of the second attempt
	}{
		"a damaged cache":                      {mismatches("a", "1", "z", "0"), nil, ""},
		"a wheel that differs from its RECORD": {mismatches("a", "1"), mismatches("a", "1"), ""},
		"both":                                 {mismatches("a", "1", "z", "0"), mismatches("a", "1"), ""},
		"another file in the second attempt":   {mismatches("a", "1"), mismatches("a", "1", "z", "0"), "z"},
		"other content in the second attempt":  {mismatches("a", "1"), mismatches("a", "2"), "a"},
		"the first attempt verified no files":  {nil, mismatches("a", "1"), "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &build{Deps: &Deps{Log: hclog.NewNullLogger()}}
			require.Equal(t, len(tt.first) > 0, b.acceptMismatches(tt.first) != nil)
			b.privateCache = true
			err := b.acceptMismatches(tt.second)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
}
