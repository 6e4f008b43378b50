package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScriptOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		program []string
		want    string
	}{
		"a script":                        {[]string{"a.py", "b.py"}, "a.py"},
		"python and a script":             {[]string{"python", "a", "b.py"}, "a"},
		"behind python's options":         {[]string{"python", "-u", "-X", "dev", "-Werror", "-W", "ignore", "a.py"}, "a.py"},
		"behind a cluster":                {[]string{"python", "-uBX", "dev", "a.py"}, "a.py"},
		"-c is no script":                 {[]string{"python", "-c", "a.py"}, ""},
		"-m is no script":                 {[]string{"python", "-um", "a.py"}, ""},
		"a long option with a word of it": {[]string{"python", "--check-hash-based-pycs", "never", "a.py"}, "a.py"},
		"a dash ends python's options":    {[]string{"python", "--", "a.py"}, "a.py"},
		"stdin":                           {[]string{"python", "-", "a.py"}, ""},
		"python alone":                    {[]string{"python"}, ""},
		"another program":                 {[]string{"uvicorn", "a.py"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, ScriptOf(tt.program))
		})
	}
}

func FuzzScriptOf(f *testing.F) {
	f.Add("python", "-u", "a.py")
	f.Add("a.py", "", "--")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		program := []string{a, b, c}
		if got := ScriptOf(program); got != "" {
			require.Contains(t, program, got)
		}
	})
}
