package target

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

// TestHubDir has what huggingface_hub 2.4.0 has in constants.HF_HUB_CACHE.
func TestHubDir(t *testing.T) {
	t.Parallel()
	const home, base = "/home/me", "/work"
	cases := map[string]struct {
		env  []string
		want string
	}{
		"nothing":              {nil, home + "/.cache/huggingface/hub"},
		"XDG":                  {[]string{"XDG_CACHE_HOME=/x"}, "/x/huggingface/hub"},
		"XDG, relative":        {[]string{"XDG_CACHE_HOME=x"}, base + "/x/huggingface/hub"},
		"HF_HOME":              {[]string{"HF_HOME=/hf", "XDG_CACHE_HOME=/x"}, "/hf/hub"},
		"a ~":                  {[]string{"HF_HOME=~/hf"}, home + "/hf/hub"},
		"a ~ alone":            {[]string{"HF_HOME=~"}, home + "/hub"},
		"another user's ~":     {[]string{"HF_HOME=/a/~x"}, "/a/~x/hub"},
		"a variable":           {[]string{"HF_HOME=$D/${N}-$M/$GONE", "D=/d", "N=n", "M=~"}, "/d/n-~/$GONE/hub"},
		"in another's value":   {[]string{"HF_HOME=$D", "D=/$D"}, "/$D/hub"},
		"no name":              {[]string{"HF_HOME=/a/$/${/${}"}, "/a/$/${/${}/hub"},
		"the old name":         {[]string{"HUGGINGFACE_HUB_CACHE=~/old", "HF_HOME=/hf"}, home + "/old"},
		"the cache itself":     {[]string{"HF_HUB_CACHE=$HOME/c", "HUGGINGFACE_HUB_CACHE=/old", "HF_HOME=/hf"}, home + "/c"},
		"a set one counts":     {[]string{"HF_HUB_CACHE=", "HF_HOME=/hf"}, base},
		"a set HF_HOME counts": {[]string{"HF_HOME="}, base + "/hub"},
		"a ~ in a variable":    {[]string{"HF_HOME=$A/x", "A=~"}, home + "/x/hub"},
	}
	if runtime.GOOS == "windows" {
		delete(cases, "in another's value") // the second expansion gives a name that begins with two backslashes
		cases["a variable of Windows"] = struct {
			env  []string
			want string
		}{[]string{`HF_HOME=%D%\x%`, `D=C:\d`}, `C:\d\x%\hub`}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := execx.NewEnviron(append(c.env, "HOME="+home, "USERPROFILE="+home))
			require.Equal(t, filepath.FromSlash(c.want), hubDir(env, filepath.FromSlash(base)))
		})
	}
}

// FuzzExpand checks that a path without variables stays as it is, and that none is
// lost.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"~", "$", "${", "${A", "${A}", "%A%", "%", "a$A/~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		require.Equal(t, path, expand(path, nil))
	})
}
