package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/uv/uvtest"
)

// TestScenario runs the scripts of testdata/script. Each one drives the real binary
// with the real uv, real venvs and small wheels from a file:// index.
func TestScenario(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               scenarioSetup(t),
		Condition:           condition,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"venv":      venv(uvtest.Path(t)),
			"made":      made(t),
			"oldid":     oldID,
			"gpu":       gpu,
			"snapshot":  snapshot,
			"unchanged": unchanged,
			"clean":     clean,
			"await":     await,
			"count":     count,
			"only":      only,
			"touch":     touch,
			"copytree":  copyTree,
			"truncate":  truncate,
			"replace":   replace,
			"tell":      tell,
			"base":      base,
			"age":       age,
			"spoil":     spoil,
			"publish":   publish(t),
			"head":      head,
		},
	})
}

// scenarioSetup gives every script a home, a root, no GPU and no network.
func scenarioSetup(t *testing.T) func(*testscript.Env) error {
	t.Helper()
	more, origin, index, pip, other, dated := creating(t), originDir(t), smallWheels(t), realPip(t), otherIndex(t), datedIndex(t)
	return func(env *testscript.Env) error {
		vars, err := callerEnv(env.WorkDir)
		for _, v := range append(vars, more...) {
			name, value, _ := strings.Cut(v, "=")
			env.Setenv(name, value)
		}
		hints := new(pastes)
		env.Values[(*pastes)(nil)] = hints
		env.Defer(func() {
			hints.try(env.T().(testing.TB), strings.TrimPrefix(filepath.Base(env.WorkDir), "script-"), env.WorkDir)
		})
		env.Setenv("BIN", filepath.Dir(built))
		env.Setenv("EXE", exe)
		env.Setenv("SCRIPTS", filepath.Base(envdir.Dir{}.Scripts()))
		env.Setenv("ORIGIN", origin)
		env.Setenv("LINKS", index.Dir())
		env.Setenv("REAL_PIP", pip.URL())
		env.Setenv("OTHER_INDEX", other.URL())
		env.Setenv("DATED", dated)
		return err
	}
}

func condition(cond string) (bool, error) {
	switch cond {
	case "root":
		return os.Geteuid() == 0, nil
	case "mount":
		return canMount(), nil
	}
	return false, errors.New("unknown condition " + cond)
}

// canMount tries to mount. A container may forbid it even to root.
func canMount() bool {
	dir, err := os.MkdirTemp("", "mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if exec.Command("mount", "-t", "tmpfs", "tmpfs", dir).Run() != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
}

// exits implements "exits N command…": the command must end with exit code N.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command [args…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = run(ts, args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	dropSlowCheck(ts)
	keepHints(ts, args[1:])
}

// slowCheck is the line for a check that takes longer than a second. It depends on
// the machine, not on the story.
var slowCheck = regexp.MustCompile(`(?m)^modelrun: Checking environment .*\n`)

// dropSlowCheck removes that line from the stderr that a script looks at.
func dropSlowCheck(ts *testscript.TestScript) {
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if !slowCheck.MatchString(stderr) {
		return
	}
	ts.Check(restore(ts, stdout, slowCheck.ReplaceAllString(stderr, "")))
}

// snapshot implements "snapshot NAME DIR…": it remembers every file below DIR, with
// size, mode and time.
func snapshot(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.WriteFile(snapshotFile(ts, args[0]), []byte(tree(ts, args[1:])), 0o600))
}

// unchanged implements "unchanged NAME DIR…": nothing was created, changed or
// removed since the snapshot.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	before := ts.ReadFile(snapshotFile(ts, args[0]))
	if after := tree(ts, args[1:]); after != before {
		ts.Fatalf("changed:\n--- before\n%s\n--- after\n%s", before, after)
	}
}

// snapshotFile returns a file outside the script's folder, so that it changes
// nothing in there.
func snapshotFile(ts *testscript.TestScript, name string) string {
	return ts.Getenv("WORK") + ".snapshot-" + name
}

func tree(ts *testscript.TestScript, dirs []string) string {
	var out strings.Builder
	for _, dir := range dirs {
		err := filepath.WalkDir(ts.MkAbs(dir), func(path string, e os.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			stamp := ""
			if !e.IsDir() || !strings.HasSuffix(path, "__pycache__") {
				stamp = info.ModTime().String()
			}
			out.WriteString(path + " " + info.Mode().String() + " " + strconv.FormatInt(info.Size(), 10) + " " + stamp + "\n")
			return nil
		})
		ts.Check(err)
	}
	return out.String()
}

// clean implements "clean FILE": it replaces text that differs from run to run by
// fixed words, so that cmp works.
func clean(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	if exe != "" { // as run does with printed text
		text = strings.ReplaceAll(text, `\\`, "/")
		text = strings.ReplaceAll(text, "/Scripts/python.exe", "/bin/python")
	}
	text = strings.ReplaceAll(text, filepath.ToSlash(ts.Getenv("WORK")), "$WORK")
	for _, r := range volatile() {
		text = r.pattern.ReplaceAllString(text, r.word)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// await implements "await FILE [TEXT]": it waits until FILE exists and contains
// TEXT. The test's own time limit ends a script that waits too long.
func await(ts *testscript.TestScript, neg bool, args []string) {
	for {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && (len(args) < 2 || strings.Contains(string(data), args[1])) {
			return
		}
		time.Sleep(5 * time.Millisecond) // a poll interval, not an estimate
	}
}

// card is a GPU of a machine.
type card struct{ name, cc, memory string }

// smiTable returns what nvidia-smi says of the cards.
func smiTable(driver string, cards []card) (text string) {
	for i, c := range cards {
		text += fmt.Sprintf("%d, GPU-1111111%d-2222-3333-4444-555555555555, %s, %s, %s, %s\n", i, i+1, c.name, driver, c.memory, c.cc)
	}
	return text
}

// gpu implements "gpu NAME CC DRIVER [NAME CC MEMORY]...", with the memory in MiB, and
// "gpu none": from then on the machine has these GPUs.
func gpu(ts *testscript.TestScript, neg bool, args []string) {
	hw := ts.MkAbs("hardware")
	ts.Check(os.RemoveAll(hw))
	ts.Check(os.MkdirAll(hw, 0o755))
	if args[0] == "none" {
		return
	}
	cards := []card{{args[0], args[1], "24576"}}
	for rest := args[3:]; len(rest) > 0; rest = rest[3:] {
		cards = append(cards, card{rest[0], rest[1], rest[2]})
	}
	for path, text := range machine(args[2], cards...) {
		ts.Check(execxtest.Write(filepath.Join(hw, path), []byte(text)))
	}
}

// count implements "count N DIR": the folder has N entries. A missing folder has
// none.
func count(ts *testscript.TestScript, neg bool, args []string) {
	entries, _ := os.ReadDir(ts.MkAbs(args[1])) // after an error there are none: see above
	if strconv.Itoa(len(entries)) != args[0] {
		ts.Fatalf("%d entries: %v", len(entries), entries)
	}
}

// only implements "only PATTERN DIR": the folder has one entry, whose name matches.
func only(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(entries) != 1 || !regexp.MustCompile(args[0]).MatchString(entries[0].Name()) {
		ts.Fatalf("%v", entries)
	}
}

// touch implements "touch FILE": it creates an empty file.
func touch(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o600))
}

// copyTree implements "copytree FROM TO": it copies a folder with its content.
func copyTree(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(args[0])))
}

// truncate implements "truncate FILE BYTES": it gives the file that size. Most of
// the file is sparse.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// replace implements "replace OLD NEW FILE": it replaces all occurrences in the
// file.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[2]), args[0], args[1])
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o600))
}

// base implements "base DIR": it makes a separate python, as python3 and python3.X
// in DIR/bin, that a script may move and remove. The standard library is the real
// one.
func base(ts *testscript.TestScript, neg bool, args []string) {
	out, err := exec.Command("python3", "-c", "import os, sys; print(os.path.realpath(sys.executable)); print(os.path.dirname(os.__file__)); print('python%d.%d' % sys.version_info[:2])").Output()
	ts.Check(err)
	words := strings.Split(strings.TrimSpace(string(out)), "\n")
	bin, lib := filepath.Join(ts.MkAbs(args[0]), "bin"), filepath.Join(ts.MkAbs(args[0]), "lib")
	ts.Check(errors.Join(os.MkdirAll(bin, 0o755), os.MkdirAll(lib, 0o755)))
	program, err := os.ReadFile(words[0])
	ts.Check(err)
	ts.Check(execxtest.Write(filepath.Join(bin, words[2]), program))
	ts.Check(os.Symlink(words[2], filepath.Join(bin, "python3")))
	ts.Check(os.Symlink(words[1], filepath.Join(lib, words[2])))
}

// spoil implements "spoil empty|zero DIR NAME": it empties every file of that name
// below a folder, or overwrites it with zeros of the same size, as after a power
// cut.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	spoiled := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.Name() != args[2] || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		spoiled++
		if err = os.Truncate(path, 0); err == nil && args[0] == "zero" {
			err = os.Truncate(path, info.Size())
		}
		return err
	}))
	if spoiled == 0 {
		ts.Fatalf("no %s below %s", args[2], args[1])
	}
}

// publish implements "publish INDEX NAME VERSION": an index gets one more small
// wheel.
func publish(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		uvtest.NewIndex(t, ts.MkAbs(args[0])).Add(stand(args[1], args[2]))
	}
}

// tell implements "tell TEXT DIR": one file of the folder must contain the text.
func tell(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), "*"))
	ts.Check(err)
	for _, file := range files {
		if strings.Contains(ts.ReadFile(file), args[0]) {
			if neg {
				ts.Fatalf("%s tells %q", file, args[0])
			}
			return
		}
	}
	if !neg || len(files) == 0 {
		ts.Fatalf("none of %v tells %q", files, args[0])
	}
}

// age implements "age DAYS FILE…": it sets the time of each file to that many days
// ago.
func age(ts *testscript.TestScript, neg bool, args []string) {
	days, err := strconv.Atoi(args[0])
	ts.Check(err)
	at := time.Now().AddDate(0, 0, -days)
	for _, file := range args[1:] {
		ts.Check(os.Chtimes(ts.MkAbs(file), at, at))
	}
}

// venv implements "venv DIR PKG…": it makes a real venv with small packages, as the
// app would have made it.
func venv(uvPath string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		dir := ts.MkAbs(args[0])
		ts.Check(os.MkdirAll(dir, 0o755))
		venv := filepath.Join(dir, ".venv")
		uv := func(args ...string) {
			cmd := exec.Command(uvPath, args...)
			cmd.Env = append(os.Environ(), "UV_CACHE_DIR="+ts.MkAbs(".uv-cache"), "UV_PYTHON_DOWNLOADS=never")
			if out, err := cmd.CombinedOutput(); err != nil {
				ts.Fatalf("uv %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		uv("venv", "-q", "--no-project", venv)
		for i, pkg := range args {
			if pkg == "transformers" { // the app knew no other line
				args[i] += "<5"
			}
		}
		if len(args) > 1 {
			uv(append([]string{"pip", "install", "-q", "--no-deps", "--no-index", "--find-links", ts.Getenv("LINKS"), "--python", venv}, args[1:]...)...)
		}
	}
}

// made implements "made KEY…": it gives the root a healthy env of that key, as a
// copy of an env that was made earlier. It is for scripts that do not test
// creation.
func made(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		for _, key := range args {
			ts.Check(copyTreeAsIs(string(madeRoot(t, envdir.Key(key))), ts.MkAbs("root")))
		}
	}
}

// oldID implements "oldID VAR MODEL": it sets a variable to the id of the model's
// old env.
func oldID(ts *testscript.TestScript, neg bool, args []string) {
	path, err := filepath.EvalSymlinks(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv(args[0], string(envdir.LocalID(path)))
}

type volatileWord struct {
	pattern *regexp.Regexp
	word    string
}

// volatile returns the words that differ between two runs of the same scenario.
func volatile() []volatileWord {
	return []volatileWord{
		{regexp.MustCompile(`"pid": \d+`), `"pid": 1`},
		{regexp.MustCompile(`"micros": \d+`), `"micros": 0`},
		{regexp.MustCompile(`"(size|size_alone|total|cache)": \d+`), `"$1": 0`},
		{regexp.MustCompile(`"created": "[^"]*"`), `"created": "TIME"`},
		{regexp.MustCompile(`"(python|uv)": "[0-9.]+"`), `"$1": "VERSION"`},
		{regexp.MustCompile(`"(torch|onnxruntime)": "[0-9.]+"`), `"$1": "VERSION"`}, // of built-in profiles: "make profiles" changes them
		{regexp.MustCompile(`"(level|date|source)": "[^"]+"`), `"$1": "CHECK"`},
		{regexp.MustCompile(`versions of [0-9-]+, (not verified|resolved|imported)`), `versions of DATE, CHECK`},
		{regexp.MustCompile(`  (TORCH|2\.\d+\.\d+) +`), `  TORCH  `},
		{regexp.MustCompile(`profiles are of [0-9-]+`), `profiles are of DATE`},
		{regexp.MustCompile(`"last_used": "[^"]*"`), `"last_used": "DAY"`},
		{regexp.MustCompile(`local_[0-9a-f]{12}`), `local_ID`},
		{regexp.MustCompile(`local_ID-[0-9a-f]{8}`), `local_ID-01234567`},
		{regexp.MustCompile(`"bytes": \d+`), `"bytes": 0`},
		{regexp.MustCompile(`\d+ unpacked wheels`), `N unpacked wheels`},
		{regexp.MustCompile(`onnx-cpu-[0-9a-f]{8}`), `onnx-cpu-01234567`},
		{regexp.MustCompile(`[a-z]+ [a-z0-9]+ ?[a-z]*; modelrun [^;]+; (.* name) [0-9a-f]{12}`), `SYSTEM; $1 MACHINE`},
		{regexp.MustCompile(`\.state/[0-9a-f]{12}`), `.state/MACHINE`},
		{regexp.MustCompile(`[^" ]+ [0-9.]+ \(MODELRUN_UV\)`), `UV`},
		{regexp.MustCompile(`[^" ]+(, for [a-z0-9-]+")`), `PYTHON$1`},
		{regexp.MustCompile(`("id": "disk",\s+"state": )"[a-z]+"(,\s+"text": )"[^"]*"(,\s+"remedy": )"[^"]*"`), `$1"ok"$2"SPACE"$3""`},
		{regexp.MustCompile(`has \d+ characters, the root \d+`), `has 0 characters, the root 0`},
		{regexp.MustCompile(`, owner [^" ]+`), `, owner ME`},
	}
}
