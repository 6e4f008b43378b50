// Package uv finds, installs and drives uv, as a program: it settles versions,
// makes venvs and fills them. What uv does is never done again here.
//
// Facts about uv's behaviour were measured with uv 0.13.9.
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

// Config is what driving uv needs to know.
type Config struct {
	Root         envdir.Root
	Env          execx.Environ // the caller's: proxies, certificates, index settings
	Override     string        // MODELRUN_UV; "" none
	BesideDir    string        // the folder of the modelrun binary
	Offline      bool
	IndexDefault string   // instead of PyPI; "" the UV_* and PIP_* settings, else PyPI
	IndexTorch   string   // instead of the profile's; may hold {accel}
	FindLinks    []string // folders or URLs of wheels
	Owners       []string // whose uv is trusted besides ours and root's
	NoCache      bool     // write nothing into the root's cache
	Log          io.Writer
	Beat         func() // called with every sign of life of a running uv; nil: nobody
}

// UV is a uv that was found and starts.
type UV struct {
	Path    string
	Version string
	Source  string // where it was found, for messages

	cfg   Config
	env   execx.Environ
	cache string // "": the root's
}

// WithCache is the same uv with a cache of its own, for a second try: a power
// cut leaves empty files in the usual one, and hard links spread them (uv#16841).
// uv's own --no-cache would fill the system's folder for temporary files.
func (u *UV) WithCache(dir string) *UV {
	v := *u
	v.cache = dir
	return &v
}

// Uncached is the uv for a root without locks: uv does nothing with a cache
// that it cannot lock, and one of its own in the folder for temporary files costs
// only time.
func (u *UV) Uncached() *UV {
	v := *u
	v.cfg.NoCache = true
	return &v
}

// alive is how often a running tool is asked whether it works.
const alive = 250 * time.Millisecond

// note is for the log; one that cannot be written is said by its owner.
func (u *UV) note(text string) { _, _ = masked{u.cfg.Log}.Write([]byte(text)) }

// run runs uv, captured, with its full output in the log.
func (u *UV) run(ctx context.Context, dir string, lines func(string), args ...string) (execx.Result, error) {
	u.note("$ uv " + strings.Join(args, " ") + "\n")
	w := &lineWriter{next: masked{u.cfg.Log}, line: lines}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	res, err := execx.Run(ctx, execx.Cmd{
		Path: u.Path, Args: args, Env: u.env, Dir: dir, Output: w,
		Started: func(pid int) { go u.cfg.watch(ctx, pid) },
	})
	if err != nil && ctx.Err() == nil { // it did when it was found
		err = fault.New(fault.NoUV, "uv cannot be started any more: %w", err).Fix("try again, or name another one: MODELRUN_UV=/path/to/uv")
	}
	return res, err
}

// watch tells whoever waits that a tool works: it reads or writes. Where the
// system does not tell, a running one counts as one that works.
func (c Config) watch(ctx context.Context, pid int) {
	if c.Beat == nil {
		return
	}
	tick := time.NewTicker(alive)
	defer tick.Stop()
	last := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if n, ok := execx.Activity(pid); !ok || n != last {
				last = n
				c.Beat()
			}
		}
	}
}

// common is the flags of every call.
func (u *UV) common(args ...string) []string {
	args = append(args, "--no-config", "--no-progress")
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

// Venv makes the venv of a staging folder. It is relocatable, so that one
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

// Freeze is the installed versions, a requirement a line.
func (u *UV) Freeze(ctx context.Context, d envdir.Dir) ([]byte, error) {
	res, err := u.run(ctx, d.Path, nil, u.common("pip", "freeze", "--python", d.Python())...)
	if err == nil && res.ExitCode != 0 {
		err = u.failed("listing the installed packages", res)
	}
	return res.Stdout, err
}

// environ is what uv gets to see: index settings, mirrors, proxies and
// certificates stay; what would point it elsewhere goes.
func environ(c Config) execx.Environ {
	keepUV := []string{
		"UV_INSECURE_HOST", "UV_PYTHON_INSTALL_MIRROR", "UV_PYPY_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS", "UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT",
		"UV_HTTP_RETRIES", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_KEYRING_PROVIDER", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS",
		"UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXCLUDE_NEWER", "UV_LINK_MODE", "UV_NO_BINARY", "UV_NO_BUILD",
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
	set := []execx.Var{{Key: "UV_PYTHON_INSTALL_DIR", Value: c.Root.Pythons()}, {Key: "NO_COLOR", Value: "1"}}
	if c.Env.Get("UV_SYSTEM_CERTS") == "" && c.Env.Get("UV_NATIVE_TLS") == "" {
		// Both spellings: an unknown variable is ignored, an unknown flag is not.
		set = append(set, execx.Var{Key: "UV_SYSTEM_CERTS", Value: "1"}, execx.Var{Key: "UV_NATIVE_TLS", Value: "1"})
	}
	if extra := c.Env.Get("PIP_EXTRA_INDEX_URL"); extra != "" && c.Env.Get("UV_EXTRA_INDEX_URL") == "" {
		set = append(set, execx.Var{Key: "UV_EXTRA_INDEX_URL", Value: extra})
	}
	return c.Env.Edit(set, drop...)
}

// from is a uv that asks these indexes: the default one, and others whose
// wheels a lock names (uv keeps credentials out of a lock and takes them from
// here). They go as variables: a command line is for every user to read, and
// an index may hold a password.
func (u *UV) from(own string, others ...string) *UV {
	var set []execx.Var
	if url := u.cfg.defaultIndex(own); url != "" {
		set = append(set, execx.Var{Key: "UV_DEFAULT_INDEX", Value: url})
	}
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

// scratch is a uv whose build backends keep their temporary files in dir, which
// goes with the staging folder: one that is killed removes none. Not on Windows,
// where a build needs the room that a path has left, and not for an uncached uv,
// which makes its cache there and cannot lock it in such a root.
func (u *UV) scratch(dir string) *UV {
	v := *u
	if runtime.GOOS != "windows" && !u.cfg.NoCache {
		v.env = u.env.With("TMPDIR", dir)
	}
	return &v
}

// defaultIndex is where packages come from, "" PyPI; own is the default index
// of an own env.
func (c Config) defaultIndex(own string) string {
	return cmp.Or(own, c.IndexDefault, c.Env.Get("UV_DEFAULT_INDEX"), c.Env.Get("UV_INDEX_URL"), c.Env.Get("PIP_INDEX_URL"))
}

// Index is where packages come from when nothing else is said of them; "" PyPI.
func (c Config) Index() string { return c.defaultIndex("") }

// links is the flags that say where else wheels are. One that holds a secret is
// not among them: see from.
func (c Config) links() []string {
	var args []string
	for _, l := range c.Wheels() {
		if fault.Mask(l) == l {
			args = append(args, "--find-links", l)
		}
	}
	return args
}

// Wheels are the folders and URLs of wheels that are there, those that UV_* and
// PIP_* variables name with them.
func (c Config) Wheels() []string {
	var out []string
	links := c.FindLinks
	for _, v := range []string{"UV_FIND_LINKS", "PIP_FIND_LINKS"} {
		links = append(links, strings.FieldsFunc(c.Env.Get(v), func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	for _, l := range links {
		// uv fails for a folder that is not there, pip did not.
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
