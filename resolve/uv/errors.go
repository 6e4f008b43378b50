package uv

import (
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// noAnswer is the hint for an index that cannot be reached.
const noAnswer = "check the network, the proxy (HTTPS_PROXY) and the certificates (SSL_CERT_FILE), or name another index: MODELRUN_INDEX_DEFAULT=URL"

// compiler is the hint on how to get a compiler, or how to do without.
const compiler = "install one (Debian, Ubuntu: apt install build-essential; Fedora: dnf install gcc-c++; macOS: xcode-select --install; Windows: Build Tools for Visual Studio), " +
	"or name a folder that holds a wheel of it: MODELRUN_FIND_LINKS=DIR"

// failed classifies a failure of uv and quotes its last message. uv's exit code is
// not specific: 1 is no solution, 2 is nearly everything else (measured).
func (u *UV) failed(doing string, res execx.Result) error {
	text := errorText(res.Tail)
	lower := strings.ToLower(collapseSpace(res.Tail)) // uv breaks lines anywhere
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(lower, p) {
				return true
			}
		}
		return false
	}
	say := func(code fault.Code, remedy string) error {
		return fault.New(code, "%s failed: %s", doing, text).Fix("%s", remedy)
	}
	switch {
	case res.ExitCode < 0:
		who := "uv"
		if doing == compiling {
			who = "Python"
		}
		text = who + " was killed, as a system out of memory or a limit does (see ulimit -a)"
		return say(fault.Install, "free some memory, or allow more of it, and try again")
	case has("cmake_c_compiler", "cmake_cxx_compiler", "microsoft visual c++ 14", "unknown compiler(s)", "gcc' failed: no such file", "cc' failed: no such file", "clang' failed: no such file"):
		return fault.New(fault.Install, "%s failed: %s comes as source, and there is no compiler for C and C++ to build it", doing, failedBuild(res.Tail)).Fix("%s", compiler)
	case has("os error 28", "no space left", "disk quota", "os error 122"):
		return say(fault.NoSpace, "free some space in "+string(u.cfg.Root)+", or use another disk: modelrun --root DIR …")
	case has("os error 30", "read-only file system", "permission denied (os error 13)"):
		return say(fault.NotWritable, "make "+string(u.cfg.Root)+" writable, or use another root: modelrun --root DIR …")
	case u.cfg.Offline && has("offline", "network connectivity is disabled", "network was disabled"):
		return offline(doing + " failed: " + text)
	case has("failed to query metadata of file"): // a wheel of a file:// index is gone; uv blames its cache
		return say(fault.NoIndex, noAnswer)
	case has("invalid wheel", "wheel-version", "failed to read from the distribution cache", "invalid zip", "failed to deserialize cache", "hash mismatch", "does not have a `record`", "failed to read metadata",
		"the wheel is invalid", "recordentry", "archive-v0"): // archive-v0 is a folder of the cache
		return u.badWheel(doing + " failed: " + text)
	case has("error sending request", "failed to fetch", "dns error", "could not connect", "connection refused", "timed out",
		"unknownissuer", "invalid peer certificate", "http status", "failed to read `--find-links`", "no such file or directory"):
		return say(fault.NoIndex, noAnswer)
	}
	return say(fault.Install, "try again; if it fails the same way, the installer's log says why")
}

// failedBuild returns the package that uv failed to build.
func failedBuild(tail string) string {
	_, rest, ok := strings.Cut(collapseSpace(tail), "Failed to build `")
	name, _, closed := strings.Cut(rest, "`")
	if !ok || !closed {
		return "a package"
	}
	return name
}

// badWheel returns a BadWheel error with the command that removes uv's cache.
func (u *UV) badWheel(text string) error {
	return fault.New(fault.BadWheel, "%s", text).Fix("remove uv's cache and try again: %s", fault.Remove(u.cfg.Root.Cache()))
}

// isDamagedWheel reports whether uv calls versions unsolvable because it cannot
// read a wheel. That wheel may be in uv's cache or on the index.
func isDamagedWheel(contradiction string) bool {
	for _, text := range []string{"invalid package format", "invalid metadata", "inconsistent metadata"} {
		if strings.Contains(contradiction, text) {
			return true
		}
	}
	return false
}

// offline returns an Offline error.
func offline(text string) error {
	return fault.New(fault.Offline, "%s", text).Fix("run once without --offline, or give the wheels: [index] find_links")
}

// contradiction returns uv's explanation why there is no solution, or "" if uv
// failed for another reason.
func contradiction(tail string) string {
	if !strings.Contains(tail, "No solution found") {
		return ""
	}
	_, text, _ := strings.Cut(tail, "No solution found when resolving dependencies")
	text = strings.TrimLeft(text, ":")
	text, _, _ = strings.Cut(text, "hint:")
	return fault.Mask(collapseSpace(strings.NewReplacer("╰─▶", " ", "cause:", " ", "×", " ").Replace(text)))
}

// errorText returns the end of a tool's output as one line: from its "error:"
// on, at most 600 characters.
func errorText(tail string) string {
	if i := strings.LastIndex(tail, "error:"); i >= 0 {
		tail = tail[i+len("error:"):]
	} else if i := strings.LastIndex(tail, "ERROR:"); i >= 0 {
		tail = tail[i+len("ERROR:"):]
	}
	lines := strings.Split(strings.TrimSpace(tail), "\n")
	text := fault.Mask(collapseSpace(strings.NewReplacer("╰─▶", "", "├─▶", "", "│", "", "×", "", "cause:", ":").Replace(strings.Join(lines[max(0, len(lines)-8):], " "))))
	text = strings.ReplaceAll(text, " : ", ": ")
	if r := []rune(text); len(r) > 600 {
		text = string(r[:600]) + "…"
	}
	if text == "" {
		return "it said nothing"
	}
	return text
}

// collapseSpace replaces each run of white space by one space.
func collapseSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

// host returns the part of an index URL by which an error identifies it: the
// host, or the path of a file:// URL.
func host(index string) string {
	_, rest, _ := strings.Cut(index, "://")
	h, _, _ := strings.Cut(rest, "/")
	if h == "" {
		return strings.TrimRight(rest, "/")
	}
	return h[strings.LastIndexByte(h, '@')+1:]
}
