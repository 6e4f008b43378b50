package health

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
)

// judge turns the probe's answer and exit status into a verdict.
func (c *Checker) judge(ctx context.Context, s Subject, st *site, a answer, res execx.Result) (Verdict, error) {
	v := Verdict{Python: a.python.Version, Torch: a.torch.Version}
	set := func(w Verdict) Verdict {
		v.State, v.Code, v.Reason = w.State, w.Code, w.Reason
		return v
	}
	switch {
	case a.fail.Code == CodeOOM || a.fail.Code == CodeBusy:
		return set(Verdict{Code: a.fail.Code, Reason: a.fail.Text}), nil
	case a.fail.Code != "":
		return set(broken(a.fail.Code, "%s", a.fail.Text)), nil
	case !a.done:
		return set(unfinished(a, res, c.limit())), nil
	}
	if w := checkInterpreter(s, st, a); w.Code != "" {
		return set(w), nil
	}
	if w := c.checkTorch(ctx, s, a.torch); w.Code != "" {
		if ctx.Err() != nil {
			return Verdict{}, context.Cause(ctx)
		}
		return set(w), nil
	}
	v.State, v.Code, v.Warnings = Healthy, CodeHealthy, a.notes
	return v, nil
}

// lackedResources reports whether a library that crashed python complained
// about missing memory, threads or files. That is a limit of this caller, not a
// fault of the env.
func lackedResources(tail string) bool {
	tail = strings.ToLower(tail)
	for _, sign := range []string{"cannot allocate memory", "resource temporarily unavailable", "std::bad_alloc", "too many open files"} {
		if strings.Contains(tail, sign) && !strings.Contains(tail, "static tls") {
			return true
		}
	}
	return false
}

// unfinished returns the verdict on a probe that did not reach its end.
func unfinished(a answer, res execx.Result, limit time.Duration) Verdict {
	during := a.step
	if during == "" {
		during = "the start of python"
	}
	switch {
	case res.TimedOut:
		return Verdict{Code: CodeTimeout, Reason: fmt.Sprintf("%s did not end within %s", during, limit)}
	case lackedResources(res.Tail):
		return Verdict{Code: CodeBusy, Reason: fmt.Sprintf("python ended during %s for want of memory, threads or files (see ulimit -a): %s", during, lastLine(res.Tail))}
	case a.crash != "":
		return broken(CodeProbe, "python crashed during %s: %s", during, a.crash)
	case res.ExitCode < 0:
		// Python reported no crash. So it was killed, as by a system that is out of
		// memory.
		return Verdict{Code: CodeOOM, Reason: fmt.Sprintf("python was killed during %s, as a system out of memory does", during)}
	}
	text := fmt.Sprintf("python ended with %s during %s", exitText(res.ExitCode), during)
	if last := lastLine(res.Tail); last != "" {
		text += ": " + last
	}
	return broken(CodeProbe, "%s", text)
}

// checkInterpreter detects a python that runs, but not as this env: without a
// usable pyvenv.cfg it silently runs as its base interpreter.
func checkInterpreter(s Subject, st *site, a answer) Verdict {
	if m := minorOf(a.python.Version); m != st.cfg.minor {
		return broken(CodeMovedBase, "base interpreter moved: pyvenv.cfg says Python %s, but python is %s", st.cfg.minor, a.python.Version)
	}
	if runsAs(s.Dir, a.python.Prefix) {
		return Verdict{}
	}
	return broken(CodeMovedBase, "python does not run as this environment, but as %s", a.python.Prefix)
}

// runsAs reports whether sys.prefix is the env.
func runsAs(d envdir.Dir, prefix string) bool {
	want, err1 := os.Stat(d.Venv())
	got, err2 := os.Stat(prefix)
	return err1 == nil && err2 == nil && os.SameFile(want, got)
}

// checkTorch compares what torch sees with what is needed.
func (c *Checker) checkTorch(ctx context.Context, s Subject, t torchFacts) Verdict {
	if !s.CUDA || !needs(s.Imports, "torch") {
		return Verdict{}
	}
	if w := cpuBuild(s, torchVersion{version: t.Version, cuda: t.CUDA, hip: t.HIP}); w.Code != "" {
		return w
	}
	if !t.Available {
		return c.noGPU(ctx, t)
	}
	usable := func(d device) bool { return len(t.Archs) == 0 || covers(t.Archs, d) }
	if d := t.Devices; len(d) > 0 && !slices.ContainsFunc(d, usable) {
		d := d[0]
		cc := d.CC
		if t.HIP != "" {
			cc = d.GCN
		}
		return broken(CodeArch, "torch %s has no code for %s (%s): built for %s", t.Version, d.Name, cc, formatArchs(t.Archs))
	}
	return Verdict{}
}

// noGPU explains why torch sees no GPU. A problem that the driver reported
// takes precedence over torch's own message.
func (c *Checker) noGPU(ctx context.Context, t torchFacts) Verdict {
	why := t.Why
	if c.Machine != nil {
		if m, err := c.Machine(ctx); err == nil && m.Problem != "" {
			why = m.Problem
		}
	}
	text := fmt.Sprintf("torch %s sees no GPU", t.Version)
	if why != "" {
		text += ": " + why
	}
	if t.WhyKind == CodeBusy || t.WhyKind == CodeOOM {
		return Verdict{Code: t.WhyKind, Reason: text}
	}
	return broken(CodeNoCUDA, "%s", text)
}

// covers reports whether code for one of torch's targets runs on a device:
//
//   - code runs on the same major version and on the same or a later minor one (8.0
//     on 8.6)
//   - PTX runs on its own version and on all later ones
//   - a target with a letter (sm_90a) runs on exactly its own version
//
// https://docs.nvidia.com/cuda/cuda-compiler-driver-nvcc/#gpu-feature-list
func covers(archs []string, d device) bool {
	major, minor, known := parseCC(d.CC)
	for _, arch := range archs {
		kind, number, ok := strings.Cut(arch, "_")
		if !ok {
			if d.GCN == "" || arch == d.GCN || strings.Contains(arch, "-generic") {
				return true
			}
			continue
		}
		aMajor, aMinor, exact, ok := parseArch(number)
		switch {
		case !ok || !known:
			return true // a notation newer than this program: the probe's computation decided
		case exact:
			if aMajor == major && aMinor == minor {
				return true
			}
		case kind == "compute":
			if aMajor < major || aMajor == major && aMinor <= minor {
				return true
			}
		case aMajor == major && aMinor <= minor:
			return true
		}
	}
	return false
}

func parseCC(cc string) (major, minor int, ok bool) {
	a, b, ok := strings.Cut(cc, ".")
	major, err1 := strconv.Atoi(a)
	minor, err2 := strconv.Atoi(b)
	return major, minor, ok && err1 == nil && err2 == nil
}

// parseArch splits "120" into 12 and 0. exact is set for "90a". "100f" counts
// as its family, which is the same major version.
func parseArch(s string) (major, minor int, exact, ok bool) {
	exact = strings.HasSuffix(s, "a")
	n, err := strconv.Atoi(strings.TrimRight(s, "af"))
	return n / 10, n % 10, exact, err == nil && n >= 10
}

// formatArchs returns "8.0 8.6 9.0 +PTX" for torch's sm_80 sm_86 sm_90
// compute_90.
func formatArchs(archs []string) string {
	var out []string
	ptx := false
	for _, arch := range archs {
		kind, number, ok := strings.Cut(arch, "_")
		major, minor, _, good := parseArch(number)
		switch {
		case !ok || !good:
			out = append(out, arch)
		case kind == "compute":
			ptx = true
		default:
			letters := strings.TrimLeft(number, "0123456789")
			out = append(out, fmt.Sprintf("%d.%d%s", major, minor, letters))
		}
	}
	if ptx {
		out = append(out, "+PTX")
	}
	return strings.Join(out, " ")
}
