package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
)

// shells holds the shells to test. Each is started at its own terminal, without any
// user's configuration.
var shells = map[string]struct {
	args  []string
	setup string
}{
	"bash": {[]string{"--norc", "--noprofile", "-i"}, `eval "$(modelrun completion bash)"`},
	"zsh":  {[]string{"-f", "-i"}, `autoload -Uz compinit; compinit -u -D; eval "$(modelrun completion zsh)"`},
	"fish": {[]string{"--no-config", "-i", "-C", `function fish_prompt; echo "READY> "; end`}, `modelrun completion fish | source`},
}

// typedWords holds what a user types before Tab, and the words that the command
// then has.
var typedWords = []struct{ typed, words string }{
	{"modelrun whi", "<which>"},
	{"modelrun which --fam", "<which><--family>"},
	{"modelrun -q --family vl", "<-q><--family><vllm>"},
	{"modelrun --profile rocm", "<--profile><rocm6.4>"},
	{"modelrun --profile=rocm", "<--profile=rocm6.4>"},
	{"modelrun explain -e onnx", "<explain><-e><onnx-cpu>"}, // an env that exists
	{"modelrun --env=vllm-cu12", "<--env=vllm-cu128>"},      // an env that can be made
	{"modelrun --log-level t", "<--log-level><trace>"},
	{"modelrun completion f", "<completion><fish>"},
	{"modelrun -C my", "<-C><my dir>"},
	{"modelrun -m mod", "<-m><model.onnx>"},
	{"modelrun -m known", "<-m><known/model>"}, // from the root's notes
	{"modelrun load", "<load_model.py>"},
	{"modelrun -q -- cat mod", "<-q><--><cat><model.onnx>"}, // an argument of the program
	{"modelrun python -u loa", "<python><-u><load_model.py>"},
}

// TestCompletion checks Tab in real shells.
func TestCompletion(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := execxtest.Tool(t, name)
			dir := t.TempDir()
			root := filepath.Join(dir, "root")
			require.NoError(t, os.MkdirAll(filepath.Join(root, ".envs", "onnx-cpu", ".venv"), 0o755))
			require.NoError(t, os.MkdirAll(filepath.Join(root, ".envs", ".state", "models", "onnx-cpu"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, ".envs", ".state", "models", "onnx-cpu", "known__model"), []byte("known/model\n"), 0o600))
			require.NoError(t, os.Mkdir(filepath.Join(dir, "my dir"), 0o755))
			for _, file := range []string{"model.onnx", "load_model.py", "my notes"} { // the last one is not a folder
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), nil, 0o600))
			}
			before := listing(t, root)
			c := r.other(t, path, shell.args...)
			c.Dir = dir
			c.Env = append(r.env[:len(r.env):len(r.env)], "MODELRUN_ROOT="+root, "HOME="+dir, "TERM=xterm", "PS1=READY> ")
			person := atTerminal(t, c)
			screen := ""
			until := func(pattern string) []string {
				re := regexp.MustCompile(pattern)
				for b := make([]byte, 4096); ; {
					if m := re.FindStringSubmatchIndex(screen); m != nil {
						found := re.FindStringSubmatch(screen)
						screen = screen[m[1]:]
						return found
					}
					n, err := person.Read(b)
					require.NoError(t, err, "while waiting for %s after %q", pattern, screen)
					screen += string(b[:n])
				}
			}
			until("READY> ")
			typed(t, person, shell.setup+"; echo set''up\r") // the echo of the typed text must not match
			until("setup")
			until("READY> ")
			tab := func(text string) string {
				typed(t, person, text+"\t\x01printf '<%s>' \x05; echo e''nd\r")
				got := until(`<[^<>]*modelrun>((<[^<>]*>)*)\s*end`)[1]
				until("READY> ")
				return strings.ReplaceAll(got, "/>", ">") // zsh removes a trailing slash
			}
			for _, c := range typedWords {
				require.Equal(t, c.words, tab(c.typed), c.typed)
			}
			require.Equal(t, "<which>", tab(built+" whi"))
			trap := filepath.Join(dir, "modelrun")
			require.NoError(t, execxtest.Write(trap, []byte("#!/bin/sh\n: >\"$HOME/trapped\"\n")))
			require.Equal(t, "<which>", tab("./modelrun whi"))
			require.NoFileExists(t, filepath.Join(dir, "trapped"), "a Tab runs nothing of the folder")
			require.Equal(t, before, listing(t, root), "Tab changes nothing")
			typed(t, person, "exit\r")
		})
	}
}

// listing lists every file below a folder, with its time.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		out.WriteString(path + " " + info.ModTime().String() + "\n")
		return err
	}))
	return out.String()
}
