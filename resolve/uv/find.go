package uv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// The range of versions that is used from PATH. pylock.toml, --relocatable and
// --exclude-newer-package NAME=false are known to work in all of them (0.9 does not
// know the last). A newer one may treat wheel variants in another way: see
// TestVariants. A uv that the user names is used whatever its version.
const (
	minMinor = 10 // 0.10
	maxMinor = 13 // 0.13
)

// Find looks for uv in MODELRUN_UV, next to modelrun, in .envs/.tools and on
// PATH. If there is none, it installs uv into .envs/.tools.
func Find(ctx context.Context, c Config) (*UV, error) {
	u, passed, err := findExisting(ctx, c)
	if u != nil || err != nil {
		return u, err
	}
	if fsys.Reachable(installed(c)) {
		if err := trusted(installed(c), aboveInstalled, c.Owners); err != nil {
			return nil, err // checking it would mean running it
		}
	}
	path, err := bootstrap(ctx, c)
	if err == nil {
		var version string
		if version, err = versionOf(ctx, path, environ(c)); err == nil {
			return &UV{Path: path, Version: version, Source: "installed into the root", cfg: c, env: environ(c)}, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if fault.CodeOf(err) == fault.NoIndex {
		return nil, fault.New(fault.NoIndex, "uv is not to be found%s; installing it failed: %w", passed, err).Fix("%s", fault.RemedyOf(err))
	}
	return nil, notFound("%s; installing it failed: %w", passed, err)
}

// Look does the same as Find, but changes nothing: it does not install uv.
func Look(ctx context.Context, c Config) (*UV, error) {
	u, passed, err := findExisting(ctx, c)
	if u == nil && err == nil {
		err = notFound("%s", passed)
	}
	return u, err
}

// notFound returns a NoUV error with the command that installs uv.
func notFound(format string, args ...any) error {
	return fault.New(fault.NoUV, "uv is not to be found"+format, args...).
		Fix("python3 -m pip install uv==%s   # or name one: MODELRUN_UV=/path/to/uv", pinned)
}

// findExisting returns the uv that is installed, or nil. passed describes the
// ones that it did not take.
func findExisting(ctx context.Context, c Config) (u *UV, passed string, err error) {
	env := environ(c)
	try := func(path, source string) (*UV, error) {
		version, err := versionOf(ctx, path, env)
		if err != nil {
			return nil, err
		}
		return &UV{Path: path, Version: version, Source: source, cfg: c, env: env}, nil
	}
	if c.Override != "" {
		u, err := try(c.Override, "MODELRUN_UV")
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		if err != nil {
			return nil, "", fault.New(fault.NoUV, "the uv that is named, %s, cannot be used: %w", c.Override, err).
				Fix("set MODELRUN_UV to a uv that starts, or unset it")
		}
		return u, "", nil
	}
	for _, place := range []struct {
		path, source string
		above        int // number of parent folders that must be trusted as well
	}{
		{filepath.Join(c.BesideDir, binary), "beside modelrun", 0},
		{installed(c), "in the root", aboveInstalled},
	} {
		if !filepath.IsAbs(place.path) || !fsys.Reachable(place.path) {
			continue
		}
		if err := trusted(place.path, place.above, c.Owners); err != nil {
			passed = fmt.Sprintf("; %s is not run: %v", place.path, err)
			continue
		}
		if u, err := try(place.path, place.source); err == nil {
			return u, "", nil
		}
	}
	if path, err := execx.LookPath(binary, filepath.SplitList(c.Env.Get("PATH")), c.Env); err == nil {
		u, err := try(path, "on PATH")
		switch {
		case err != nil:
			passed += fmt.Sprintf("; %s cannot be used: %v", path, err)
		case u.Untested() == "":
			return u, "", nil
		default:
			passed += fmt.Sprintf("; %s is %s", path, u.Untested())
		}
	}
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	return nil, passed, nil
}

// trusted returns an error for a program that another user could have put there.
func trusted(path string, above int, owners []string) error {
	for range above + 1 {
		if err := fsys.Trusted(path, owners); err != nil {
			return err
		}
		path = filepath.Dir(path)
	}
	return nil
}

// aboveInstalled is the number of folders to check above uv: bin, uv-… and
// .tools.
const aboveInstalled = 3

// installed returns the path of the uv that bootstrap installs.
func installed(c Config) string { return filepath.Join(c.Root.Tools().UV(pinned), "bin", binary) }

var errNotUV = errors.New("it does not say a version as uv does")

// versionOf runs a uv to get its version.
func versionOf(ctx context.Context, path string, env execx.Environ) (string, error) {
	res, err := execx.Run(ctx, execx.Cmd{Path: path, Args: []string{"--version"}, Env: env, Timeout: 20 * time.Second})
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(res.Stdout))
	if res.ExitCode != 0 || len(fields) < 2 || fields[0] != "uv" {
		return "", errNotUV
	}
	return fields[1], nil
}

// Untested returns a message if the version is outside the range that is known
// to work, else "".
func (u *UV) Untested() string {
	parts := strings.Split(u.Version, ".")
	if len(parts) >= 2 && parts[0] == "0" {
		if minor, err := strconv.Atoi(parts[1]); err == nil && minMinor <= minor && minor <= maxMinor {
			return ""
		}
	}
	return fmt.Sprintf("version %s, 0.%d to 0.%d are known to work", u.Version, minMinor, maxMinor)
}

// bootstrap installs the pinned uv with the pip of any Python; pip verifies its
// hash. Two processes can do this at the same time: the first rename wins.
func bootstrap(ctx context.Context, c Config) (string, error) {
	if c.Offline {
		return "", errors.New("--offline is set")
	}
	tools := c.Root.Tools().Dir()
	if err := fsys.MkdirLike(tools); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(tools, ".new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "requirements.txt"), []byte(requirements), 0o644); err != nil {
		return "", err
	}
	why := errors.New("no Python with pip is on PATH")
	for _, name := range pythons {
		python, err := execx.LookPath(name, filepath.SplitList(c.Env.Get("PATH")), c.Env)
		if err != nil {
			continue
		}
		if err := pipInstall(ctx, c, python, tmp); err != nil {
			why = fmt.Errorf("%s -m pip: %w", python, err)
			continue
		}
		return installed(c), publish(ctx, c, tmp)
	}
	return "", why
}

// publish moves a new uv from tmp to its final place. If there already is one
// that starts, another process was faster, and that one stays. One that does
// not start is left from a power cut, and is removed.
func publish(ctx context.Context, c Config, tmp string) error {
	f, err := os.OpenFile(filepath.Join(tmp, "uv", "bin", binary), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	to := c.Root.Tools().UV(pinned)
	err = fsys.Rename(filepath.Join(tmp, "uv"), to)
	if err == nil || !fsys.Reachable(to) {
		return err
	}
	if _, e := versionOf(ctx, installed(c), environ(c)); e == nil {
		return nil
	}
	if e := fsys.Rename(to, filepath.Join(tmp, "broken")); e != nil && !errors.Is(e, fs.ErrNotExist) {
		return e
	}
	if err = fsys.Rename(filepath.Join(tmp, "uv"), to); fsys.Reachable(installed(c)) {
		return nil // a third process was faster
	}
	return err
}

// pipInstall installs the pinned uv into tmp with a Python's pip.
func pipInstall(ctx context.Context, c Config, python, tmp string) error {
	set := []execx.Var{{Key: "PIP_DISABLE_PIP_VERSION_CHECK", Value: "1"}, {Key: "PIP_NO_INPUT", Value: "1"}}
	if index := c.defaultIndex(""); index != "" {
		set = append(set, execx.Var{Key: "PIP_INDEX_URL", Value: index})
	}
	env := c.Env.Edit(set, "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	res, err := execx.Run(ctx, execx.Cmd{
		Path: python, Env: env, Dir: tmp, Output: masked{c.Log}, Timeout: 10 * time.Minute,
		Started: func(pid int) { go c.watch(ctx, pid) },
		Args: []string{
			"-m", "pip", "install", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes",
			"--target", filepath.Join(tmp, "uv"), "-r", filepath.Join(tmp, "requirements.txt"),
		},
	})
	if err != nil {
		return err
	}
	switch {
	case res.ExitCode != 0 && (strings.Contains(res.Tail, "connection broken by") || strings.Contains(res.Tail, "Could not fetch URL")):
		// pip's last message would be that there is no such version.
		return fault.New(fault.NoIndex, "the index does not answer: %s", errorText(res.Tail)).Fix(noAnswer)
	case res.ExitCode != 0:
		return errors.New(errorText(res.Tail))
	}
	if !fsys.Reachable(filepath.Join(tmp, "uv", "bin", binary)) {
		return errors.New("the wheel holds no uv")
	}
	return nil
}
