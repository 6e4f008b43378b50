package health

import (
	"bytes"
	"context"
	_ "embed" // the probe's source
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

//go:embed probe.py
var probeSource string

// request is the argument of probe.py.
type request struct {
	Nonce   string   `json:"nonce"`
	Imports []string `json:"imports"`
	GPU     bool     `json:"gpu"`
	Accel   string   `json:"accel"`
	Old     bool     `json:"old"` // an old env: of its libraries, only transformers is used, as the app did it
}

// answer is the report of probe.py up to its end, however it ended.
type answer struct {
	step   string // its last step
	python struct{ Version, Prefix string }
	torch  torchFacts
	fail   struct {
		Code Code
		Text string
	}
	notes []string
	crash string // "Segmentation fault", from faulthandler
	done  bool
}

// torchFacts is probe.py's report on torch.
type torchFacts struct {
	Version, CUDA, HIP string
	Available          bool
	Why                string
	WhyKind            Code `json:"why_kind"`
	Archs              []string
	Devices            []device
}

// device is a GPU as torch describes it.
type device struct{ Name, CC, GCN string }

// deep makes the check of level L3: the env's own python imports what the model
// needs. With -I, python ignores PYTHONPATH and the user's site-packages. With -B,
// it writes no byte code.
func (c *Checker) deep(ctx context.Context, s Subject, st *site) (Verdict, error) {
	req := request{Nonce: nonce(), Imports: []string{}, GPU: s.CUDA, Accel: s.Accel, Old: s.Dir.Kind == envdir.Old}
	for _, i := range s.Imports {
		req.Imports = append(req.Imports, i.Module)
	}
	arg, err := json.Marshal(req)
	if err != nil {
		return Verdict{}, err
	}
	env := WithLibraries(c.Env, s.Dir, s.Imports)
	if s.CUDA && c.Machine != nil {
		env = Narrowing(ctx, s.Dir, c.Identity, c.Machine).Apply(env)
	}
	res, err := c.runPython(ctx, env, s.Dir, c.limit(), "-u", "-X", "utf8", "-c", probeSource, string(arg))
	if ctx.Err() != nil {
		return Verdict{}, context.Cause(ctx)
	}
	if err != nil {
		v := notStarted(err)
		v.Cached = false
		return v, nil
	}
	v, err := c.judge(ctx, s, st, parseAnswer(res.Stdout, req.Nonce), res)
	v.Cached = false
	return v, err
}

// runPython runs the env's interpreter in an empty folder. It gets the
// program's variables env, without the variables that redirect python, and with
// those that keep libraries off the network.
func (c *Checker) runPython(ctx context.Context, env execx.Environ, d envdir.Dir, limit time.Duration, args ...string) (execx.Result, error) {
	dir, err := os.MkdirTemp("", "modelrun-check-")
	if err == nil {
		defer os.RemoveAll(dir)
	} else {
		dir = d.Venv() // if there is no temporary folder: -I keeps the working directory off sys.path anyway
	}
	return execx.Run(ctx, execx.Cmd{
		Path: d.Python(), Args: append([]string{"-I", "-B"}, args...),
		Env: probeEnv(env), Dir: dir, Timeout: limit, Started: killFirst,
	})
}

// killFirst makes Linux kill the check first if memory runs out: before modelrun,
// and before a model that runs on this machine. The verdict of a killed check is
// Unknown.
//
// modelrun sets no memory limit itself. A limit on address space would end every
// check that uses CUDA, which reserves more than the machine has.
func killFirst(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0) // fails on other systems, which have no such file
}

// probeEnv returns the program's environment without python's variables, and
// without network access for Hugging Face's libraries.
func probeEnv(env execx.Environ) execx.Environ {
	var drop []string
	for _, entry := range env {
		key, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(strings.ToUpper(key), "PYTHON") || key == "__PYVENV_LAUNCHER__" {
			drop = append(drop, key)
		}
	}
	return env.Without(drop...).
		With("HF_HUB_OFFLINE", "1").
		With("TRANSFORMERS_OFFLINE", "1").
		With("HF_HUB_DISABLE_TELEMETRY", "1").
		// With this, is_available() asks the driver's library and creates no
		// CUDA context:
		// https://docs.pytorch.org/docs/stable/cuda_environment_variables.html
		With("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
}

// Starts returns nil if the env's python runs at all and runs as this env,
// healthy or not. The last resort needs no more. Without pyvenv.cfg python
// would run as its base interpreter. It takes at most 20 s.
func (c *Checker) Starts(ctx context.Context, d envdir.Dir) error {
	res, err := c.runPython(ctx, c.Env, d, 20*time.Second, "-X", "utf8", "-c", "import sys; sys.stdout.write(sys.prefix)")
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("python cannot be started: %w", err)
	case res.TimedOut:
		return fmt.Errorf("python did not end within 20 s: %s", d.Python())
	case res.ExitCode != 0:
		return fmt.Errorf("python ends with %s: %s", exitText(res.ExitCode), lastLine(res.Tail))
	}
	if prefix := lastLine(string(res.Stdout)); !runsAs(d, prefix) {
		return fmt.Errorf("python does not run as this environment, but as %s", prefix)
	}
	return nil
}

// notStarted returns the verdict for a python that could not be started.
func notStarted(err error) Verdict {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return Verdict{Code: CodeBusy, Reason: fmt.Sprintf("python cannot be started now: %s", err)}
	}
	return broken(CodeProbe, "python cannot be started: %s", err)
}

const noncePrefix = "modelrun-"

// nonce returns a random prefix for the probe's lines, so that no line that a
// library prints looks like one of them.
func nonce() string {
	return noncePrefix + fsys.RandomHex(16) // against accidents, not attackers: their code runs in the probe anyway
}

// parseAnswer finds the probe's lines in its whole output. It never fails: a
// line that is cut off is ignored.
func parseAnswer(out []byte, nonce string) answer {
	var a answer
	for line := range bytes.Lines(out) {
		text := string(bytes.TrimSpace(line))
		if crash, ok := strings.CutPrefix(text, "Fatal Python error: "); ok {
			a.crash = crash
		}
		if crash, ok := strings.CutPrefix(text, "Windows fatal exception: "); ok {
			a.crash = crash
		}
		rest, ok := strings.CutPrefix(text, nonce+" ")
		if !ok {
			continue
		}
		word, value, _ := strings.Cut(rest, " ")
		a.take(word, []byte(value))
	}
	return a
}

// take reads the value of one line.
func (a *answer) take(word string, value []byte) {
	var target any
	switch word {
	case "step":
		target = &a.step
	case "python":
		target = &a.python
	case "torch":
		target = &a.torch
	case "fail":
		target = &a.fail
	case "done":
		target = &a.notes
	default:
		return
	}
	if json.Unmarshal(value, target) == nil && word == "done" {
		a.done = true
	}
}

func exitText(code int) string {
	if code < 0 {
		return "a signal"
	}
	if code > 255 {
		return fmt.Sprintf("exit code %#x", uint32(code)) //nolint:gosec // an NTSTATUS has 32 bits
	}
	return fmt.Sprintf("exit code %d", code)
}

// lastLine returns the last line that a library wrote. If there was nothing on
// stderr, tail comes from stdout and contains the probe's lines, which are
// skipped.
func lastLine(tail string) string {
	last := ""
	for line := range strings.Lines(tail) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, noncePrefix) {
			last = line
		}
	}
	if len(last) > 300 {
		last = strings.ToValidUTF8(last[:300], "") + "…"
	}
	return last
}
