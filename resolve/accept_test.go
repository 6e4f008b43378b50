package resolve

import (
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/health"
)

// What RECORD does not tell is accepted only when two caches gave the same.
func TestAccept(t *testing.T) {
	t.Parallel()
	odd := func(pairs ...string) (out []health.Mismatch) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, health.Mismatch{Path: pairs[i], Sum: pairs[i+1], Err: errors.New(pairs[i])})
		}
		return out
	}
	for name, tt := range map[string]struct {
		first, second []health.Mismatch
		want          string // of the second
	}{
		"the cache was damaged":              {odd("a", "1", "z", "0"), nil, ""},
		"the wheel is like that":             {odd("a", "1"), odd("a", "1"), ""},
		"and the cache was damaged":          {odd("a", "1", "z", "0"), odd("a", "1"), ""},
		"another file in the second":         {odd("a", "1"), odd("a", "1", "z", "0"), "z"},
		"another content in the second":      {odd("a", "1"), odd("a", "2"), "a"},
		"the first was never looked through": {nil, odd("a", "1"), "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &build{Deps: &Deps{Log: hclog.NewNullLogger()}}
			require.Equal(t, len(tt.first) > 0, b.accept(tt.first) != nil)
			b.fresh = true
			err := b.accept(tt.second)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
}
