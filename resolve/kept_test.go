package resolve

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/pylock"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/resolve/uv"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	was := kept{
		lock: uv.Lock{Packages: []pylock.Package{{Name: "A_b", Version: "1", Hashes: []string{"sha256:1"}}, {Name: "c", Version: "1"}, {Name: "d", Version: "1"}}},
		seal: health.Seal{Python: health.SealedPython{Version: "3.11"}, Installed: map[string]string{"a-b": "1", "c": "1", "d": "1", "pip": "24.0"}},
	}
	now := uv.Lock{
		Packages: []pylock.Package{{Name: "a-b", Version: "1", Hashes: []string{"sha256:2"}}},
		Relaxed:  []uv.Relaxed{{Name: "C", From: "1", To: "2", Why: "the index has no such version"}},
	}
	seal := health.Seal{Python: health.SealedPython{Version: "3.12"}, Installed: map[string]string{"a-b": "1", "c": "2", "e": "1", "pip": "25.0"}}
	require.Equal(t, []string{
		"Python 3.11 -> 3.12", "a-b 1 (the index has other files of it now)", "c 1 -> 2 (the index has no such version)", "d 1 -> none", "e none -> 1", "pip 24.0 -> 25.0",
	}, was.differences(seal, now))
	require.Empty(t, was.differences(was.seal, was.lock))
	require.Empty(t, kept{again: "--update"}.differences(seal, now), "the versions were meant to change")
}

func TestSoften(t *testing.T) {
	t.Parallel()
	k := kept{lock: uv.Lock{Packages: []pylock.Package{{Name: "a", Version: "1"}, {Name: "url", Version: "1", Direct: true}, {Name: "folder"}}}}
	p := k.soften(profile.Plan{Soft: []profile.Pin{{Name: "b", Version: "2"}, {Name: "a", Version: "1"}}})
	require.Equal(t, []profile.Pin{{Name: "a", Version: "1"}, {Name: "b", Version: "2"}}, p.Soft)
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	for code, again := range map[fault.Code]bool{
		fault.NoPython: true, fault.NoIndex: true, fault.BadWheel: true, fault.Install: true, fault.Offline: true,
		fault.NoSpace: false, fault.Interrupted: false, fault.Verify: false, fault.CreateTimeout: false, fault.NoSolution: false,
	} {
		k := kept{exact: true}
		require.Equal(t, again, k.giveUp(fault.New(code, "why")), code)
		require.Equal(t, !again, k.exact, code)
		require.False(t, k.giveUp(fault.New(code, "why")) && again, "only once")
	}
	require.True(t, (&kept{exact: true, newer: true}).giveUp(fault.New(fault.Verify, "why")), "a newer profile may need more")
	require.False(t, (&kept{exact: true}).giveUp(nil))
	require.False(t, (&kept{exact: true}).giveUp(errors.New("a bug")))
}

func TestSameText(t *testing.T) {
	t.Parallel()
	built := profile.Source{Profile: "cpu"}
	own := profile.Source{Own: "modelrun.toml", OwnHash: "1", Profile: "cpu"}
	beyond := Request{Key: "k--x-1", Base: "k", With: []requirement.Requirement{{Name: "rich"}}}
	for name, c := range map[string]struct {
		req  Request
		plan profile.Source
		seal health.Seal
		want bool
	}{
		"built in":         {plan: built, seal: health.Seal{Profile: "cpu"}, want: true},
		"another one":      {plan: built, seal: health.Seal{Profile: "mps"}},
		"of the root":      {plan: profile.Source{Profile: "cpu", ProfilePath: "cpu.json"}, seal: health.Seal{Profile: "cpu", ProfilePath: "cpu.json"}},
		"was of the root":  {plan: built, seal: health.Seal{Profile: "cpu", ProfilePath: "cpu.json"}},
		"own":              {plan: own, seal: health.Seal{Own: "modelrun.toml", OwnHash: "1", Profile: "cpu"}, want: true},
		"own, changed":     {plan: own, seal: health.Seal{Own: "modelrun.toml", OwnHash: "2", Profile: "cpu"}},
		"own, not known":   {plan: profile.Source{Own: "a"}, seal: health.Seal{Own: "a"}},
		"was not own":      {plan: own, seal: health.Seal{Profile: "cpu"}},
		"is no longer own": {plan: built, seal: health.Seal{Own: "modelrun.toml", OwnHash: "1", Profile: "cpu"}},
		"needs":            {req: beyond, plan: built, seal: health.Seal{Profile: "cpu", With: []string{"rich"}}, want: true},
		"other needs":      {req: beyond, plan: built, seal: health.Seal{Profile: "cpu", With: []string{"poor"}}},
		"no needs":         {req: beyond, plan: built, seal: health.Seal{Profile: "cpu"}},
	} {
		require.Equal(t, c.want, sameText(&c.req, profile.Plan{Source: c.plan}, c.seal), name)
	}
}
