package uv

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

const day = 24 * time.Hour

// newDated returns a sandbox whose index has dates and a cool-down of 3 days.
func newDated(t *testing.T) *sandbox {
	t.Helper()
	l := newSandbox(t).add(
		wheel("cool", "1.0"), wheel("cool", "1.1"), wheel("cool", "1.2"), wheel("young", "1.0"), wheel("undated", "1.0"), wheel("undated", "2.0"), wheel("half", "1.0"), wheel("half", "2.0"),
		wheel("needs-young", "1.0", "young"), wheel("needs-new", "1.0", "cool>=1.2"), wheel("needs-undated", "1.0", "undated"), wheel("needs-source", "1.0", "source"),
		wheel("mixed", "1.0"), wheel("plain-and-variant", "1.0"), wheel("variant", "1.0"),
	)
	l.ix.AddSource(wheel("source", "1.0"))
	l.ix.AddSource(wheel("mixed", "2.0"))
	l.ix.AddSource(wheel("llama-cpp-python", "1.0"))
	for name, plain := range map[string]bool{"plain_and_variant": true, "variant": false} {
		file := filepath.Join(l.ix.Dir(), name+"-1.0-py3-none-any")
		data, err := os.ReadFile(file + ".whl")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file+"-cu128.whl", data, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(l.ix.Dir(), name+"-1.0-variants.json"), []byte("{}"), 0o644))
		if !plain {
			require.NoError(t, os.Remove(file+".whl"))
		}
	}
	l.ix.Pages(t, map[string]time.Duration{
		"cool-1.1": 2 * day, "cool-1.2": time.Hour, "young-1.0": time.Hour,
		"undated-1.0": uvtest.Undated, "undated-2.0": uvtest.Undated, "half-2.0": uvtest.Undated,
	})
	files := http.FileServer(http.Dir(filepath.Dir(l.ix.Dir())))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/simple-json/") {
			w.Header().Set("Content-Type", uvtest.PagesType)
			r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	l.uv.cfg.IndexDefault, l.uv.cfg.Cooldown = s.URL+"/simple-json", 3*day
	return l
}

// same returns a sandbox with the same index and root, but its own log and settings.
func (l *sandbox) same(change func(*Config)) *sandbox {
	m, u := *l, *l.uv
	m.uv, m.log = &u, &bytes.Buffer{}
	u.cfg.Log = m.log
	if change != nil {
		change(&u.cfg)
	}
	u.env = environ(u.cfg)
	return &m
}

// versions resolves a plan, and returns "name version" for each package.
func (l *sandbox) versions(p profile.Plan) (all string, lock Lock, err error) {
	l.t.Helper()
	lock, err = l.uv.Resolve(l.t.Context(), p)
	var list []string
	for _, p := range lock.Packages {
		list = append(list, p.Name+" "+p.Version)
	}
	return strings.Join(list, ", "), lock, err
}

// runs returns how often uv has resolved, and forgets it.
func (l *sandbox) runs() int {
	defer l.log.Reset()
	return strings.Count(l.log.String(), "$ uv pip compile")
}

// TestCooldown resolves against a real index with dates.
func TestCooldown(t *testing.T) {
	t.Parallel()
	dated := newDated(t)
	for name, c := range map[string]struct {
		change func(*Config)
		plan   profile.Plan
		want   string
		note   string
		runs   int
	}{
		"younger than 3 days":           {plan: plan("cool"), want: "cool 1.0", runs: 1},
		"another age":                   {func(c *Config) { c.Cooldown = 30 * time.Hour }, plan("cool"), "cool 1.1", "", 1},
		"none":                          {func(c *Config) { c.Cooldown = 0 }, plan("cool"), "cool 1.2", "", 1},
		"a version that is written":     {plan: profile.Plan{Packages: []string{"cool"}, Extras: extras("cool==1.2")}, want: "cool 1.2", runs: 1},
		"a range leaves a choice":       {plan: profile.Plan{Extras: extras("cool>=1.0")}, want: "cool 1.0", runs: 1},
		"a range that needs it":         {plan: profile.Plan{Extras: extras("cool>=1.1")}, want: "cool 1.2", note: "nothing older than 3 days resolves in place of cool 1.2: it is taken (cooldown)", runs: 2},
		"a hard pin":                    {plan: profile.Plan{Packages: []string{"cool"}, Hard: pins("cool==1.1")}, want: "cool 1.1", runs: 1},
		"a soft pin":                    {plan: profile.Plan{Packages: []string{"cool"}, Soft: pins("cool==1.1")}, want: "cool 1.1", runs: 1},
		"a dependency":                  {plan: plan("needs-young", "cool"), want: "cool 1.0, needs-young 1.0, young 1.0", note: "nothing older than 3 days resolves in place of young 1.0: it is taken (cooldown)", runs: 2},
		"a version of a dependency":     {plan: plan("needs-new"), want: "cool 1.2, needs-new 1.0", note: "nothing older than 3 days resolves in place of cool 1.2: it is taken (cooldown)", runs: 2},
		"no dates":                      {plan: plan("undated", "cool"), want: "cool 1.0, undated 2.0", runs: 2},
		"no dates of a dependency":      {plan: plan("needs-undated", "cool"), want: "cool 1.0, needs-undated 1.0, undated 2.0", runs: 2},
		"a date for the oldest only":    {plan: plan("half", "cool"), want: "cool 1.0, half 2.0", runs: 2},
		"uv's variable wins":            {func(c *Config) { c.Env = c.Env.With("UV_EXCLUDE_NEWER", "2999-01-01") }, plan("cool"), "cool 1.2", "", 1},
		"uv's variable for one package": {func(c *Config) { c.Env = c.Env.With("UV_EXCLUDE_NEWER_PACKAGE", "half=false,cool=false") }, plan("cool"), "cool 1.2", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := dated.same(c.change)
			got, lock, err := l.versions(c.plan)
			require.NoError(t, err, l.log)
			require.Equal(t, c.want, got)
			require.Equal(t, c.note, strings.Join(lock.Notes, "\n"))
			require.Equal(t, c.runs, l.runs())
		})
	}
}

// TestCooldownOfTorchIndex checks that the cool-down does not hold for what comes
// from torch's index: it has dates for some files only, and those are old.
func TestCooldownOfTorchIndex(t *testing.T) {
	t.Parallel()
	l := newDated(t)
	got, lock, err := l.versions(profile.Plan{Packages: []string{"half", "cool"}, FromTorch: []string{"half"}, TorchIndex: l.uv.cfg.IndexDefault})
	require.NoError(t, err, l.log)
	require.Equal(t, "cool 1.0, half 2.0", got)
	require.Empty(t, lock.Notes)
	require.Equal(t, 1, l.runs())
}

// TestNoCooldownOfFolders checks that an index of files costs no further run.
func TestNoCooldownOfFolders(t *testing.T) {
	t.Parallel()
	l := newDated(t)
	l.uv.cfg.IndexDefault = l.ix.URL()
	got, _, err := l.versions(plan("cool", "half", "needs-young"))
	require.NoError(t, err, l.log)
	require.Equal(t, "cool 1.2, half 2.0, needs-young 1.0, young 1.0", got)
	require.Equal(t, 1, l.runs())
}

// TestUnsolvableWithoutCooldown checks that the cool-down does not change an error.
func TestUnsolvableWithoutCooldown(t *testing.T) {
	t.Parallel()
	l := newDated(t)
	_, _, err := l.versions(profile.Plan{Extras: extras("cool>=2")})
	require.Equal(t, fault.NoSolution, fault.CodeOf(err))
	require.ErrorContains(t, err, ": Because only cool<=1.2 is available")
}

// TestBuilds checks what is built from source: what the user names, and what the
// families' tables allow. Everything else needs a wheel.
func TestBuilds(t *testing.T) {
	t.Parallel()
	dated := newDated(t)
	note := func(what string) string {
		return what + " comes as source and is built here: that may take minutes, and a compiler"
	}
	for name, c := range map[string]struct {
		plan       profile.Plan
		want, note string
		err, fix   string
	}{
		"a dependency":            {plan: profile.Plan{Extras: extras("needs-source>=1")}, err: "source has no wheel for this Python and system, and building it would run code of its authors: Because"},
		"of an own env":           {plan: profile.Plan{Key: "mine", Source: profile.Source{Own: "/m.toml"}, Packages: []string{"needs-source"}}, err: "source has no wheel", fix: `if you trust them, name it in /m.toml: packages of [envs."mine"]`},
		"of a profile":            {plan: plan("source"), err: "source has no wheel"},
		"the user's":              {plan: profile.Plan{Extras: extras("Source")}, want: "source 1.0", note: note("source 1.0")},
		"named too":               {plan: profile.Plan{Extras: extras("needs-source", "source")}, want: "needs-source 1.0, source 1.0", note: note("source 1.0")},
		"named in an own env":     {plan: profile.Plan{Source: profile.Source{Own: "/m.toml"}, Packages: []string{"needs-source", "source"}}, want: "needs-source 1.0, source 1.0", note: note("source 1.0")},
		"in a family's table":     {plan: plan("llama-cpp-python"), want: "llama-cpp-python 1.0", note: note("llama-cpp-python 1.0")},
		"an older one is a wheel": {plan: profile.Plan{Extras: extras("mixed")}, want: "mixed 1.0"},
		"only the older one is":   {plan: profile.Plan{Extras: extras("mixed==2.0")}, want: "mixed 2.0", note: note("mixed 2.0")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := dated.same(nil)
			got, lock, err := l.versions(c.plan)
			if c.err != "" {
				require.Equal(t, fault.NoSolution, fault.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, c.err)
				var u *Unbuilt
				require.ErrorAs(t, err, &u)
				require.Equal(t, []string{"source"}, u.Packages)
				require.Contains(t, strings.ReplaceAll(fault.RemedyOf(err), `"`, `'`), strings.ReplaceAll(c.fix, `"`, `'`))
				return
			}
			require.NoError(t, err, l.log)
			require.Equal(t, c.want, got)
			require.Equal(t, c.note, strings.Join(lock.Notes, "\n"))
		})
	}
}

// TestVariants holds what uv does with wheel variants (PEP 825, a draft): uv uses the
// plain wheel, and says so if there is none. A newer uv may choose a variant, or
// refuse to write a lock for it. So look at this table before you raise the range of
// versions that is tested.
func TestVariants(t *testing.T) {
	t.Parallel()
	require.Equal(t, 13, maxMinor, "read what the new one does with variants")
	l := newDated(t)
	got, lock, err := l.versions(plan("plain-and-variant"))
	require.NoError(t, err, l.log)
	require.Equal(t, "plain-and-variant 1.0", got)
	require.Contains(t, string(lock.Pylock), "plain_and_variant-1.0-py3-none-any.whl")
	require.NotContains(t, string(lock.Pylock), "cu128")
	_, _, err = l.versions(profile.Plan{Extras: extras("variant")})
	require.Equal(t, fault.NoSolution, fault.CodeOf(err))
	require.ErrorContains(t, err, "the index has only wheel variants, which uv "+pinned+" does not install: Because variant==1.0 has only unsupported wheel variants")
}

func TestUndatedPackage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"warning: `undated_x-2.0-py3-none-any.whl` is missing an upload date, but user provided: 2026-11-27T22:52:31Z": "undated_x",
		"warning: `un-dated-2.0.tar.gz` is missing an upload date, but user provided: 2026-11-27T22:52:31Z":            "un-dated",
		"warning: `odd.whl` is missing an upload date, but user provided: x":                                           "odd.whl",
		"warning: plain-2.0-py3-none-any.whl is missing an upload date, but user provided: 2026-11-27T22:52:31Z":       "plain",
		"warning: `odd` is missing an upload date":                                                                     "",
		"warning: `odd": "", "": "", "Resolved 1 package in 3ms": "",
	} {
		require.Equal(t, want, undatedPackage(line), "%q", line)
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{"3 days": 3 * day, "1 day": day, "36 hours": 36 * time.Hour, "1 hour": time.Hour} {
		require.Equal(t, want, age(d))
	}
}

// TestNamesIn checks the names in hints of several versions of uv.
func TestNamesIn(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"only-sdist", "b"}, unbuilt("hint: Wheels are required for `only-\n  sdist` because building from source\n is disabled\n hint: Wheels are required for `b` because\nWheels are required for `b` because"))
	c := &cooldown{before: "x", exempt: map[string]bool{"a": true}}
	require.True(t, c.waive("hint: `B_c` was filtered by `exclude-newer` to `a` was filtered by"))
	require.Equal(t, map[string]bool{"a": true, "b-c": true}, c.exempt)
	require.NotEmpty(t, c.args(nil))
	require.True(t, c.waive("hint: `B_c` was filtered by"), "nothing more is named: it ends for all")
	require.Empty(t, c.args(nil))
	require.False(t, c.waive(""))
}
