// Package uv finds, installs and runs uv as a program. It resolves versions,
// creates venvs and installs packages into them. It does not duplicate the work of
// uv.
//
// Statements about uv's behaviour were measured with uv 0.13.9.
package uv

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// Config configures how uv is run.
type Config struct {
	Root         envdir.Root   // where the cache and an installed uv are
	Env          execx.Environ // the caller's environment: proxies, certificates, index settings
	Override     string        // MODELRUN_UV; may be ""
	BesideDir    string        // the folder of the modelrun binary
	Offline      bool          // use no network
	Cooldown     time.Duration // releases younger than this are passed over; 0 for none
	IndexDefault string        // replaces PyPI; "" for the UV_* and PIP_* settings, or PyPI
	IndexExtra   []string      // further indexes, which are asked first
	IndexTorch   string        // replaces the profile's torch index; may contain {accel}
	FindLinks    []string      // folders or URLs of wheels
	Owners       []string      // users whose uv is trusted in addition to ours and root's
	NoCache      bool          // write nothing into the root's cache
	Log          io.Writer     // gets uv's full output; may be nil
	Heartbeat    func()        // called at every sign of life of a running uv; may be nil
}

// UV is a uv that was found and that starts.
type UV struct {
	Path    string // of the program
	Version string // for example "0.13.9"
	Source  string // where it was found, for messages

	cfg   Config
	env   execx.Environ
	cache string // "" for the root's cache

	config string // a generated uv.toml; "" for none
}

// WithCache returns the same uv with its own cache, for a second attempt. A
// power cut leaves empty files in the usual cache, and hard links spread them
// (uv#16841). uv's own --no-cache would fill the system's folder for temporary
// files.
func (u *UV) WithCache(dir string) *UV {
	v := *u
	v.cache = dir
	return &v
}

// Uncached returns the same uv for a root without locks. uv does not use a
// cache that it cannot lock. A cache in the folder for temporary files only
// costs time.
func (u *UV) Uncached() *UV {
	v := *u
	v.cfg.NoCache = true
	return &v
}

// activityInterval is the interval at which a running tool is checked for
// activity.
const activityInterval = 250 * time.Millisecond

// log writes to the log. The owner of the log reports write errors.
func (u *UV) log(text string) { _, _ = masked{u.cfg.Log}.Write([]byte(text)) }

// run runs uv and captures its output. The full output also goes to the log.
func (u *UV) run(ctx context.Context, dir string, lines func(string), args ...string) (execx.Result, error) {
	u.log("$ uv " + strings.Join(args, " ") + "\n")
	w := &lineWriter{next: masked{u.cfg.Log}, line: lines}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	res, err := execx.Run(ctx, execx.Cmd{
		Path: u.Path, Args: args, Env: u.env, Dir: dir, Output: w,
		Started: func(pid int) { go u.cfg.watch(ctx, pid) },
	})
	if err != nil && ctx.Err() == nil { // it started when it was found
		err = fault.New(fault.NoUV, "uv cannot be started any more: %w", err).Fix("try again, or name another one: MODELRUN_UV=/path/to/uv")
	}
	return res, err
}

// watch sends heartbeats while a tool reads or writes. If the system does not
// report that, a running tool counts as active.
func (c Config) watch(ctx context.Context, pid int) {
	if c.Heartbeat == nil {
		return
	}
	tick := time.NewTicker(activityInterval)
	defer tick.Stop()
	last := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if n, ok := execx.Activity(pid); !ok || n != last {
				last = n
				c.Heartbeat()
			}
		}
	}
}

// common adds the flags that every call needs.
func (u *UV) common(args ...string) []string {
	args = append(args, "--no-progress")
	if u.config != "" { // as with --no-config, uv reads no other one
		args = append(args, "--config-file", u.config)
	} else {
		args = append(args, "--no-config")
	}
	if u.cfg.NoCache {
		args = append(args, "--no-cache")
	} else {
		args = append(args, "--cache-dir", u.cacheDir())
	}
	if u.cfg.Offline {
		args = append(args, "--offline")
	}
	return args
}

func (u *UV) cacheDir() string { return cmp.Or(u.cache, u.cfg.Root.Cache()) }

// Venv creates the venv of a staging folder. It is relocatable, so that one
// rename publishes it.
func (u *UV) Venv(ctx context.Context, l Lock, d envdir.Dir) error {
	res, err := u.run(ctx, d.Path, nil, u.common("venv", "--no-project", "--relocatable", "--python", l.Python, d.Venv())...)
	if err != nil {
		return err
	}
	if res.ExitCode != 0 {
		return u.failed("creating the venv", res)
	}
	return nil
}

// Freeze returns the installed versions, one requirement per line.
func (u *UV) Freeze(ctx context.Context, d envdir.Dir) ([]byte, error) {
	res, err := u.run(ctx, d.Path, nil, u.common("pip", "freeze", "--python", d.Python())...)
	if err == nil && res.ExitCode != 0 {
		err = u.failed("listing the installed packages", res)
	}
	return res.Stdout, err
}

// environ returns uv's environment. Index settings, mirrors, proxies and
// certificates stay. Variables that would point uv to other places are removed.
func environ(c Config) execx.Environ {
	keepUV := []string{
		"UV_INSECURE_HOST", "UV_PYTHON_INSTALL_MIRROR", "UV_PYPY_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS", "UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT",
		"UV_HTTP_RETRIES", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_KEYRING_PROVIDER", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS",
		"UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXCLUDE_NEWER", "UV_EXCLUDE_NEWER_PACKAGE", "UV_LINK_MODE", "UV_NO_BINARY", "UV_NO_BUILD",
	}
	var drop []string
	for _, entry := range c.Env {
		key, _, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(key, "UV_INDEX_"): // UV_INDEX_<NAME>_USERNAME and _PASSWORD
			if key == "UV_INDEX_URL" || key == "UV_INDEX_STRATEGY" {
				drop = append(drop, key)
			}
		case hasPrefix(key, "UV_") && !slices.Contains(keepUV, key), hasPrefix(key, "PIP_", "PYTHON", "CONDA_", "MODELRUN_ACTIVE_"),
			key == "VIRTUAL_ENV", key == "__PYVENV_LAUNCHER__":
			drop = append(drop, key)
		}
	}
	set := []execx.Var{{Key: "UV_PYTHON_INSTALL_DIR", Value: c.Root.Tools().Pythons()}, {Key: "NO_COLOR", Value: "1"}}
	if c.Env.Get("UV_SYSTEM_CERTS") == "" && c.Env.Get("UV_NATIVE_TLS") == "" {
		// Set both spellings: uv ignores an unknown variable, but not an
		// unknown flag.
		set = append(set, execx.Var{Key: "UV_SYSTEM_CERTS", Value: "1"}, execx.Var{Key: "UV_NATIVE_TLS", Value: "1"})
	}
	if extra := c.Env.Get("PIP_EXTRA_INDEX_URL"); extra != "" && c.Env.Get("UV_EXTRA_INDEX_URL") == "" {
		set = append(set, execx.Var{Key: "UV_EXTRA_INDEX_URL", Value: extra})
	}
	return c.Env.Edit(set, drop...)
}

// withIndexes returns a uv that uses these indexes: the default one, and others
// from which a lock has wheels. uv does not write credentials into a lock and
// takes them from here. They are passed as variables: every user can read a
// command line, and an index may contain a password.
func (u *UV) withIndexes(own string, others ...string) *UV {
	var set []execx.Var
	if url := u.cfg.defaultIndex(own); url != "" {
		set = append(set, execx.Var{Key: "UV_DEFAULT_INDEX", Value: url})
	}
	others = append(others, u.cfg.IndexExtra...)
	if others = slices.DeleteFunc(others, func(s string) bool { return s == "" }); len(others) > 0 {
		if more := u.env.Get("UV_INDEX"); more != "" {
			others = append(others, more)
		}
		set = append(set, execx.Var{Key: "UV_INDEX", Value: strings.Join(others, " ")})
	}
	var secret []string
	for _, l := range u.cfg.Wheels() {
		if fault.Mask(l) != l {
			secret = append(secret, l)
		}
	}
	if secret != nil {
		set = append(set, execx.Var{Key: "UV_FIND_LINKS", Value: strings.Join(secret, ",")})
	}
	v := *u
	v.env = u.env.Edit(set)
	return &v
}

// withTempDir returns a uv whose build backends use dir for temporary files.
// dir is removed with the staging folder; a build that is killed removes
// nothing.
//
// There are two exceptions. On Windows a build needs the rest of the path
// length. And uv without a cache creates its cache there, and cannot lock it in
// such a root.
func (u *UV) withTempDir(dir string) *UV {
	v := *u
	if runtime.GOOS != "windows" && !u.cfg.NoCache {
		v.env = u.env.With("TMPDIR", dir)
	}
	return &v
}

// defaultIndex returns the default index; "" means PyPI. own is the default
// index of a user-defined env.
func (c Config) defaultIndex(own string) string {
	return cmp.Or(own, c.IndexDefault, c.Env.Get("UV_DEFAULT_INDEX"), c.Env.Get("UV_INDEX_URL"), c.Env.Get("PIP_INDEX_URL"))
}

// Index returns the default index of packages; "" means PyPI.
func (c Config) Index() string { return c.defaultIndex("") }

// findLinks returns the --find-links flags. It leaves out locations that
// contain a secret: see withIndexes.
func (c Config) findLinks() []string {
	var args []string
	for _, l := range c.Wheels() {
		if fault.Mask(l) == l {
			args = append(args, "--find-links", l)
		}
	}
	return args
}

// Wheels returns the existing folders and URLs of wheels, including those in
// UV_* and PIP_* variables.
func (c Config) Wheels() []string {
	var out []string
	links := c.FindLinks
	for _, v := range []string{"UV_FIND_LINKS", "PIP_FIND_LINKS"} {
		links = append(links, strings.FieldsFunc(c.Env.Get(v), func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	for _, l := range links {
		// Unlike pip, uv fails if a folder does not exist.
		if strings.Contains(l, "://") || fsys.Reachable(l) {
			out = append(out, l)
		}
	}
	return out
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
