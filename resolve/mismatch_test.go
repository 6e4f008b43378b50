package resolve

import (
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/health"
)

// What RECORD does not tell is accepted only when two caches gave the same.
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
		want          string // of the second
	}{
		"the cache was damaged":              {mismatches("a", "1", "z", "0"), nil, ""},
		"the wheel is like that":             {mismatches("a", "1"), mismatches("a", "1"), ""},
		"and the cache was damaged":          {mismatches("a", "1", "z", "0"), mismatches("a", "1"), ""},
		"another file in the second":         {mismatches("a", "1"), mismatches("a", "1", "z", "0"), "z"},
		"another content in the second":      {mismatches("a", "1"), mismatches("a", "2"), "a"},
		"the first was never looked through": {nil, mismatches("a", "1"), "a"},
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
