package execx_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func TestNewEnviron(t *testing.T) {
	t.Parallel()
	given := []string{"A=1", "=C:=C:\\", "junk", "A=2", "B=", "=C:=C:\\", "A\xff=\xfe", "C=a=b"}
	env := execx.NewEnviron(given)
	require.Equal(t, execx.Environ{"A=1", "=C:=C:\\", "junk", "B=", "=C:=C:\\", "A\xff=\xfe", "C=a=b"}, env)
	require.Equal(t, "a=b", env.Get("C"))
	require.Equal(t, "\xfe", env.Get("A\xff"))
	_, ok := env.Lookup("B")
	require.True(t, ok)
	_, ok = env.Lookup("junk")
	require.False(t, ok)
	_, ok = env.Lookup("")
	require.False(t, ok)
}

func TestEnvironEdit(t *testing.T) {
	t.Parallel()
	env := execx.Environ{"A=1", "junk", "A=2", "=X=y", "B=3"} // not from NewEnviron
	require.Equal(t, execx.Environ{"junk", "=X=y", "B=3", "A=9"}, env.With("A", "9"))
	require.Equal(t, execx.Environ{"junk", "=X=y", "B=3"}, env.Without("A", "none"))
	require.Equal(t, execx.Environ{"junk", "=X=y", "B=5", "A=8"},
		env.Edit([]execx.Var{{"A", "7"}, {"B", "5"}, {"A", "8"}}, "B"), "set wins over remove, the last of two counts")
	require.Equal(t, execx.Environ{"A=1", "junk", "A=2", "=X=y", "B=3"}, env, "never changed in place")
}

func TestEnvironFoldsOnWindowsOnly(t *testing.T) {
	t.Parallel()
	env := execx.NewEnviron([]string{"Path=a", "PATH=b"})
	if runtime.GOOS == "windows" {
		require.Equal(t, execx.Environ{"Path=a"}, env)
		require.Equal(t, execx.Environ{"PATH=c"}, env.With("PATH", "c"))
		return
	}
	require.Equal(t, execx.Environ{"Path=a", "PATH=b"}, env)
	require.Equal(t, execx.Environ{"Path=a", "PATH=c"}, env.With("PATH", "c"))
}

func FuzzEnviron(f *testing.F) {
	f.Add("A=1\x00A=2\x00junk", "A", "v")
	f.Add("=C:=x\x00\xff=\xfe", "\xff", "=")
	f.Fuzz(func(t *testing.T, list, key, value string) {
		env := execx.NewEnviron(strings.Split(list, "\x00"))
		require.Equal(t, env, execx.NewEnviron(env), "once is enough")
		if key == "" || strings.ContainsAny(key, "=\x00") {
			t.Skip("no key")
		}
		require.Equal(t, value, env.With(key, value).Get(key))
		_, ok := env.With(key, value).Without(key).Lookup(key)
		require.False(t, ok)
	})
}

func hundred() []string {
	var list []string
	for i := range 100 {
		list = append(list, fmt.Sprintf("SOME_VARIABLE_%03d=/a/value/of/usual/length", i))
	}
	return list
}

func BenchmarkNewEnviron(b *testing.B) {
	list := hundred()
	b.ReportAllocs()
	for b.Loop() {
		execx.NewEnviron(list)
	}
}

// BenchmarkEdit compares one Edit with a With for each variable. The launch path
// sets eleven variables and removes three.
func BenchmarkEdit(b *testing.B) {
	env := execx.NewEnviron(hundred())
	var set []execx.Var
	for i := range 11 {
		set = append(set, execx.Var{Key: fmt.Sprintf("MODELRUN_ACTIVE_%d", i), Value: "value"})
	}
	b.Run("Edit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			env.Edit(set, "PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
		}
	})
	b.Run("With", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e := env.Without("PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
			for _, v := range set {
				e = e.With(v.Key, v.Value)
			}
		}
	})
}
