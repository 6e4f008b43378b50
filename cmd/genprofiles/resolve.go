package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/execx"
)

// resolver asks uv which versions fit together. It installs nothing, and only
// versions that have a wheel count.
type resolver struct {
	uv  string // the program
	env execx.Environ
	dir string // for uv's cache and temporary files
}

// request is one question to the resolver.
type request struct {
	packages []string // requirements
	limits   []string // constraints: they hold for what is installed
	index    string   // the index of the packages in from; "" for the default index
	from     []string
	platform string // as uv names it
	python   string // "3.12"
}

// set has the versions that fit together, by name.
type set map[string]string

// errUnsolvable means that the index was asked, and that no versions fit.
var errUnsolvable = errors.New("no versions fit")

// resolve returns the newest versions that fit together.
func (r resolver) resolve(ctx context.Context, q request) (set, error) {
	file, limits := filepath.Join(r.dir, "pyproject.toml"), filepath.Join(r.dir, "limits.txt")
	var b strings.Builder
	fmt.Fprintf(&b, "[project]\nname = \"profile\"\nversion = \"0\"\ndependencies = [\n")
	for _, p := range q.packages {
		fmt.Fprintf(&b, "    %q,\n", p)
	}
	b.WriteString("]\n")
	if q.index != "" {
		fmt.Fprintf(&b, "[[tool.uv.index]]\nname = \"torch\"\nurl = %q\nexplicit = true\n[tool.uv.sources]\n", q.index)
		for _, name := range q.from {
			fmt.Fprintf(&b, "%s = { index = \"torch\" }\n", name)
		}
	}
	if err := errors.Join(os.WriteFile(file, []byte(b.String()), 0o644), os.WriteFile(limits, []byte(strings.Join(q.limits, "\n")+"\n"), 0o644)); err != nil {
		return nil, err
	}
	res, err := execx.Run(ctx, execx.Cmd{Path: r.uv, Dir: r.dir, Env: r.env, Args: []string{
		"pip", "compile", file, "--constraints", limits, "--python-version", q.python, "--python-platform", q.platform, "--no-build", "--upgrade",
		"--quiet", "--no-config", "--no-header", "--no-annotate", "--no-python-downloads", "--cache-dir", filepath.Join(r.dir, "cache"),
	}})
	if err != nil {
		return nil, err
	}
	if text := strings.Join(strings.Fields(res.Tail), " "); res.ExitCode != 0 {
		if strings.Contains(text, "No solution found") {
			return nil, fmt.Errorf("%w: %s", errUnsolvable, text)
		}
		return nil, errors.New(text)
	}
	found := set{}
	for line := range strings.Lines(string(res.Stdout)) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), "=="); ok {
			found[name] = version
		}
	}
	return found, nil
}

// cudaLimits returns the constraints that leave only builds for a CUDA version:
// for torch of the default index that of its toolkit, and else that of its major
// version. An index for torch has builds for one version only.
func cudaLimits(accel string, torch bool, index string) []string {
	major, minor, ok := cuda(accel)
	switch {
	case !ok || torch && index != "":
		return nil
	case torch:
		return []string{"cuda-toolkit==" + major + "." + minor + ".*"}
	case major < "13": // the package for 12 has another name: nvidia-cuda-runtime-cu12
		return []string{"nvidia-cuda-runtime<13"}
	}
	return []string{"nvidia-cuda-runtime==" + major + ".*"}
}

// checkCUDA returns an error if the versions are not for the CUDA version. The
// constraints do not see that: a version that does not name its CUDA fits. Libraries
// for an older CUDA may be there as well.
func (s set) checkCUDA(accel string, torch bool, index string) error {
	major, minor, ok := cuda(accel)
	if !ok {
		return nil
	}
	named := strings.HasPrefix(s["nvidia-cuda-runtime"], major+".") // from 13 on, CUDA's libraries do not name it
	for name := range s {
		i := strings.LastIndex(name, "-cu")
		if i < 0 || len(name) != i+5 {
			continue
		}
		if name[i+3:] > major && name[i+3:] <= "99" {
			return fmt.Errorf("%s %s is not for CUDA %s", name, s[name], major)
		}
		named = named || name[i+3:] == major
	}
	switch {
	case torch && index == "" && !strings.HasPrefix(s["cuda-toolkit"], major+"."+minor+"."):
		return fmt.Errorf("torch %s does not say that it is for CUDA %s.%s", s["torch"], major, minor)
	case !torch && !named:
		return fmt.Errorf("it does not come with libraries of CUDA %s", major)
	}
	return nil
}

// cuda splits "cu132" into "13" and "2".
func cuda(accel string) (major, minor string, ok bool) {
	n, ok := strings.CutPrefix(accel, "cu")
	if !ok || len(n) != 3 {
		return "", "", false
	}
	return n[:2], n[2:], true
}
