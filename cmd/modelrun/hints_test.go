package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// Users paste hints. So "exits" keeps every hint that a command prints, with a copy
// of the script's folder. When the script has ended, each hint is run in a shell, in
// the state in which it was printed. It must be understood, harm nothing, and help if
// it claims to.

// mayFail are the hints that are not held to these rules. A hint is excepted if
// its script has that name ("" is any script) and its text contains those words.
var mayFail = []struct{ script, words, reason string }{
	{"wait_limits", "", "its uv never ends"},
	{"health_gpu", "ensure --env torch-cu", "its torch sees no GPU, in no environment"},
	{"choose_require_gpu", "ensure --env torch-cu", "its torch sees no GPU, in no environment"},
	{"choose_gpu", "ensure --env torch-cu121-transformers", "no profile serves that GPU, and ensure says so"},
	{"line_existing", "ensure --env torch-cpu-transformers", "its index lacks a package of both lines"},
	{"health_moved", "--env my-onnx", "nothing describes that copy, and ensure says so"},
	{"wait_failure", "/installing", "its uv writes that file"},
	{"launch_by_name", "modelrun launcher repair", "modelrun did not write that file"},
	{"migrate_blocked", "create it once", "its index is empty"},
	{"security_projects", "smi.env", "its nvidia-smi writes that file"},
	{"with_direct_bad", "https://***@", "no hint can hold a secret"},
	{"with_requirements", "elsewhere.example.org", "that index does not exist"},
}

// A hint is "COMMAND", "PROSE: COMMAND" or "PROSE". After three spaces, "# PROSE" or
// "# PROSE: COMMAND" may follow, which a shell ignores. Of the commands that act on the
// machine or the network, only the syntax is checked.
const (
	inside  = `modelrun|rm|chmod|mkdir|ls|ulimit`
	outside = `python3|systemctl|supervisorctl|sudo|git|uv|gio|nvidia-smi|icacls|id`
)

var (
	hintPart     = regexp.MustCompile(`^(?:# )?(?:(.*?): )?((?:` + inside + `|` + outside + `)(?: .*)?)$`)
	outsider     = regexp.MustCompile(`^(?:` + outside + `)\b`)
	modelrunLine = regexp.MustCompile(`\bmodelrun (?:-|(?:ensure|explain|which|list|prune|migrate|doctor|profiles|config|launcher|completion|export)\b)`)
)

// commandsOf returns the commands of a hint. hidden says whether there is another
// one in its prose, where nothing finds it.
func commandsOf(hint string) (commands []string, hidden bool) {
	for part := range strings.SplitSeq(hint, "   ") {
		m := hintPart.FindStringSubmatch(part)
		if m == nil {
			m = []string{"", part, ""}
		} else {
			commands = append(commands, m[2])
		}
		hidden = hidden || modelrunLine.MatchString(m[1])
	}
	return commands, hidden
}

// paste is one command of a hint, with what is needed to try it.
type paste struct {
	by      []string // the command line that printed it
	failure string   // the line above the hint, which says what failed
	times   int      // how often the output has that line
	hint    string
	claims  bool // it says that it helps
	command string
	dir     string // the working directory
	env     []string
	state   string // a copy of $WORK
}

// pastes is what a script has to try at its end.
type pastes []paste

// tried holds what some script tries, for one key. TEST_NIGHTLY tries it in every
// script.
var tried sync.Map

// anyKey matches env keys, ids of old envs and times.
var anyKey = regexp.MustCompile(`\b(?:(?:onnx|torch|my|llamacpp)-[\w.-]+|local_\w+|\d+s)\b`)

// keepHints keeps each hint that the script's last command printed.
func keepHints(ts *testscript.TestScript, by []string) {
	if exe != "" {
		return // sh is not the shell there
	}
	kept := ts.Value((*pastes)(nil)).(*pastes)
	stdout, stderr, work := ts.ReadFile("stdout"), ts.ReadFile("stderr"), ts.Getenv("WORK")
	for _, p := range printed(stderr + "\n" + stdout) {
		commands, hidden := commandsOf(p.hint)
		if hidden {
			ts.Fatalf("hint %q has a command in its midst: end it with \": COMMAND\", or add \"   # PROSE: COMMAND\"", p.hint)
		}
		for _, p.command = range commands {
			id := anyKey.ReplaceAllString(strings.ReplaceAll(p.failure+"\n"+p.command, work, "$WORK"), "KEY")
			if os.Getenv("TEST_NIGHTLY") != "" {
				id += "\n" + ts.Name()
			}
			if excepted(ts.Name(), p.hint) {
				continue
			}
			if _, other := tried.LoadOrStore(id, true); other {
				continue
			}
			p.by, p.dir, p.state = by, ts.MkAbs("."), fmt.Sprintf("%s.hint-%d", work, len(*kept))
			env, err := exec.LookPath("env")
			ts.Check(errors.Join(err, ts.Exec(env, "-0")))
			p.env = strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\x00"), "\x00")
			_ = copyTreeAsIs(work, p.state) // a program of the script may remove files meanwhile
			*kept = append(*kept, p)
			ts.Check(restore(ts, stdout, stderr))
		}
	}
}

// restore makes a text the output that the script looks at.
func restore(ts *testscript.TestScript, stdout, stderr string) error {
	_, err := io.WriteString(ts.Stdout(), stdout)
	_, err2 := io.WriteString(ts.Stderr(), stderr)
	return errors.Join(err, err2)
}

var (
	hintLine = regexp.MustCompile(`^(?:modelrun: )? *(hint: |next +)(.*)$`)
	hintJSON = regexp.MustCompile(`"(remedy|next)": ("(?:[^"\\]|\\.)+")`)
)

// printed returns the hints of a command's output.
func printed(output string) (all []paste) {
	above := ""
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		if m := hintLine.FindStringSubmatch(line); m != nil {
			claims := m[1] == "hint: " && !strings.Contains(above, "[bad-usage]") && !strings.Contains(m[2], "to try again now")
			all = append(all, paste{failure: above, times: strings.Count(output, above), hint: m[2], claims: claims})
			continue
		}
		if m := hintJSON.FindStringSubmatch(line); m != nil {
			if text, err := strconv.Unquote(m[2]); err == nil {
				all = append(all, paste{hint: text, claims: m[1] == "remedy"})
			}
		}
		above = strings.TrimSpace(line)
	}
	return all
}

// try pastes the hints of a script that has passed.
func (kept pastes) try(t testing.TB, script, work string) {
	t.Helper()
	if t.Failed() {
		return
	}
	require.NoError(t, errors.Join(os.RemoveAll(work+".script"), os.Rename(work, work+".script")))
	for _, p := range kept {
		require.NoError(t, os.Rename(p.state, work))
		if problem := p.try(t, work); problem != "" && !excepted(script, problem) {
			t.Errorf("a hint does not keep the rules of hints_test.go. Correct it, or declare an exception there.\nscript:  %s\ncommand: %s\nfailure: %s\nhint:    %s\npasted:  %s\n%s",
				script, strings.Join(p.by, " "), p.failure, p.hint, p.command, problem)
		}
		require.NoError(t, os.RemoveAll(work))
	}
	require.NoError(t, os.Rename(work+".script", work))
}

func excepted(script, text string) bool {
	for _, e := range mayFail {
		if (e.script == "" || e.script == script) && strings.Contains(text, e.words) {
			return true
		}
	}
	return false
}

// try pastes the hint's command. It returns what is wrong with it.
func (p *paste) try(t testing.TB, work string) string {
	t.Helper()
	if outsider.MatchString(p.command) {
		out, _ := p.shell(t, "if false; then\n"+p.command+"\nfi")
		return out
	}
	if !strings.HasPrefix(p.command, "modelrun ") && strings.Contains(p.command, "/") && !strings.Contains(p.command, work+"/") {
		return "it leaves the script's folder, and was not run"
	}
	line, template := p.fill(work)
	envs, files := p.healthy(work), owned(work)
	out, code := p.shell(t, line)
	example := template || strings.Contains(p.command, " -- ") // the program may fail, and what it does is the user's
	switch {
	case notUnderstood.MatchString(out) || !template && strings.Contains(out, "[bad-usage]") || code == 127 && !example:
		return "it is not understood:\n" + line + "\n" + out
	case p.claims && !example && code != 0 && !(code == 1 && strings.Contains(line, " doctor")):
		return fmt.Sprintf("it ends with %d:\n%s", code, out)
	}
	if harm := p.harm(work, envs, files); harm != "" && !example {
		return harm + "\n" + out
	}
	acts := actions.FindStringSubmatch(p.command)
	if acts == nil || template || !p.claims || p.failure == "" || slices.Contains(p.by, acts[2]) {
		return ""
	}
	if again, _ := p.shell(t, quoted(p.by)); strings.Count(again, p.failure) >= p.times {
		return "it does not help, the command fails in the same way:\n" + again + "--- the hint said\n" + out
	}
	return ""
}

var (
	notUnderstood = regexp.MustCompile(`\[internal\]|panic:|unknown (flag|command)|unexpected argument|needs a value|Syntax error`)

	// actions matches the commands that change something. The command that printed
	// the hint then gets further, unless the hint replaces it.
	actions = regexp.MustCompile(`^(?:(rm|chmod|mkdir|ulimit) |modelrun .*(ensure|launcher (?:remove|repair)|--yes)\b)`)

	// moves matches the commands that move or remove files of the user.
	moves = regexp.MustCompile(`^(rm|chmod) |^modelrun .*(launcher|migrate|prune)\b`)
)

// harm returns what the command has broken.
func (p *paste) harm(work string, envs, files map[string]string) string {
	after := p.healthy(work)
	for env := range envs {
		if after[env] == "" && !strings.Contains(p.command, env) {
			return "environment " + env + " is no longer healthy"
		}
	}
	after = owned(work)
	for file, was := range files {
		if after[file] != was && !moves.MatchString(p.command) {
			return fmt.Sprintf("file %s was %q and is %q", file, was, after[file])
		}
	}
	return ""
}

// fill replaces the placeholders of a command. template says whether there were
// any.
func (p *paste) fill(work string) (line string, template bool) {
	all := ""
	if strings.HasPrefix(p.command, "modelrun -") {
		all = " " + quoted(p.by[1:])
	}
	_, program, ok := strings.Cut(quoted(p.by), " -- ")
	if !ok {
		program = "python -c pass"
	}
	line = strings.NewReplacer("python …", "python -c pass", "-- …", "-- "+program, " …", all, " script.py", " -c pass").Replace(p.command)
	for word, value := range map[string]string{"DIR": work + "/elsewhere", "MODEL": "model", "FILE": "file", "NAME": "name", "URL": "file:///none", "KEY": "onnx-cpu", "path/to/model": "model"} {
		line = regexp.MustCompile(`\b`+word+`\b`).ReplaceAllString(line, value)
	}
	return line, line != p.command
}

func quoted(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, fault.Quote(w))
	}
	return strings.Join(out, " ")
}

// shell runs a command line where and as the script's command ran. It returns the
// output and the exit code, which is -1 if the command does not end.
func (p *paste) shell(t testing.TB, line string) (string, int) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	var out strings.Builder
	res, err := execx.Run(t.Context(), execx.Cmd{Path: sh, Args: []string{"-c", line}, Dir: p.dir, Env: p.env, Timeout: 2 * time.Minute, Output: &out})
	require.NoError(t, err)
	return out.String(), res.ExitCode
}

// healthy returns the healthy envs of all roots below work.
func (p *paste) healthy(work string) map[string]string {
	found := map[string]string{}
	for _, pattern := range []string{"*/.envs", "*/*/.envs"} {
		roots, _ := filepath.Glob(filepath.Join(work, pattern))
		for _, envs := range roots {
			cmd := exec.Command("modelrun", "list", "--json", "--root", filepath.Dir(envs))
			cmd.Path, cmd.Dir, cmd.Env = built, p.dir, p.env
			out, _ := cmd.Output()
			var doc struct {
				Envs []struct{ Path, State string }
			}
			_ = json.Unmarshal(out, &doc) // a root that cannot be read has no envs
			for _, e := range doc.Envs {
				if e.State == "healthy" {
					found[e.Path] = e.State
				}
			}
		}
	}
	return found
}

// owned returns the files below work that belong to the user, with mode, size and
// time.
func owned(work string) map[string]string {
	found := map[string]string{}
	_ = filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if e.IsDir() && slices.Contains([]string{".envs", "constraints", "__pycache__", ".cache", ".config", ".local", ".tmp"}, e.Name()) {
			return fs.SkipDir
		}
		if info, err := e.Info(); err == nil && !e.IsDir() {
			found[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
		}
		return nil
	})
	return found
}
