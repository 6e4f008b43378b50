package cli_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/cli"
)

func TestSplitPlain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args    []string
		program []string
		plain   bool
	}{
		"a dash and a command":             {[]string{"--", "doctor", "-x"}, []string{"doctor", "-x"}, true},
		"a second dash is the program's":   {[]string{"--", "python", "--", "a"}, []string{"python", "--", "a"}, true},
		"python needs no dash":             {[]string{"python3", "-c", "1"}, []string{"python3", "-c", "1"}, true},
		"Windows' python":                  {[]string{"PythonW.EXE", "a.pyw"}, []string{"PythonW.EXE", "a.pyw"}, true},
		"a script needs no dash":           {[]string{"dir/load.py", "--"}, []string{"dir/load.py", "--"}, true},
		"nothing after the dash":           {[]string{"--"}, []string{}, true},
		"an option needs the parser":       {[]string{"-m", "x", "--", "python"}, nil, false},
		"a sub-command needs the parser":   {[]string{"list"}, nil, false},
		"another program is no plain path": {[]string{"pythonic"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ok := cli.SplitPlain(tt.args)
			require.Equal(t, tt.plain, ok)
			require.Equal(t, tt.program, w.Program)
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	bad := "\xff\xfe"
	for name, tt := range map[string]struct {
		args    []string
		sub     string
		program []string
		wantErr string
	}{
		"options before the dash":           {[]string{"-m", "x", "--", "prog", bad}, "run", []string{"prog", bad}, ""},
		"a python ends the options":         {[]string{"-m", "x", "python", "-m", bad, "--wait"}, "run", []string{"python", "-m", bad, "--wait"}, ""},
		"and a dash behind it is python's":  {[]string{"-q", "python", "--", "a"}, "run", []string{"python", "--", "a"}, ""},
		"run may be said":                   {[]string{"run", "-q", "--", "x"}, "run", []string{"x"}, ""},
		"options behind a sub-command":      {[]string{"which", "--json", "-m", "x"}, "which", nil, ""},
		"options before a sub-command":      {[]string{"-m", "x", "list"}, "list", nil, ""},
		"an unknown option":                 {[]string{"--rot", "x", "--", "y"}, "", nil, "unknown flag --rot, did you mean"},
		"an option without its value":       {[]string{"--root"}, "", nil, "--root"},
		"a typing error in a command":       {[]string{"ensrue"}, "", nil, `did you mean "ensure"`},
		"a sub-command's name behind run":   {[]string{"run", "which"}, "", nil, `unknown command "which"`},
		"a program without a dash":          {[]string{"nvidia-smi"}, "", nil, `unknown command "nvidia-smi"`},
		"a sub-command starts no program":   {[]string{"explain", "--", "python"}, "", nil, "starts no program"},
		"a word that only looks like an op": {[]string{"-x"}, "", nil, "unknown flag -x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			w, err := cli.Parse(tt.args, grammar(), &out, &errs)
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				require.Equal(t, fault.BadUsage, fault.CodeOf(err))
				require.NotEmpty(t, fault.RemedyOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.sub, w.Name)
			require.Equal(t, tt.program, w.Program)
			require.Empty(t, out.String())
		})
	}
}
