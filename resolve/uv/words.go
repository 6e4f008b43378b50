package uv

import (
	"bytes"
	"io"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
)

// noAnswer is for an index that cannot be reached.
const noAnswer = "check the network, the proxy (HTTPS_PROXY) and the certificates (SSL_CERT_FILE), or name another index: MODELRUN_INDEX_DEFAULT=URL"

// compiler is how to get one, and how to do without.
const compiler = "install one (Debian, Ubuntu: apt install build-essential; Fedora: dnf install gcc-c++; macOS: xcode-select --install; Windows: Build Tools for Visual Studio), " +
	"or name a folder that holds a wheel of it: MODELRUN_FIND_LINKS=DIR"

// failed says what uv's failure means, with uv's own last words. uv's exit code
// tells little: 1 no solution, 2 nearly everything else (measured).
func (u *UV) failed(doing string, res execx.Result) error {
	words := lastWords(res.Tail)
	lower := strings.ToLower(squeeze(res.Tail)) // uv breaks lines anywhere
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(lower, p) {
				return true
			}
		}
		return false
	}
	say := func(code fault.Code, remedy string) error {
		return fault.New(code, "%s failed: %s", doing, words).Fix("%s", remedy)
	}
	switch {
	case res.ExitCode < 0:
		who := "uv"
		if doing == compiling {
			who = "Python"
		}
		words = who + " was killed, as a system out of memory or a limit does (see ulimit -a)"
		return say(fault.Install, "free some memory, or allow more of it, and try again")
	case has("cmake_c_compiler", "cmake_cxx_compiler", "microsoft visual c++ 14", "unknown compiler(s)", "gcc' failed: no such file", "cc' failed: no such file", "clang' failed: no such file"):
		return fault.New(fault.Install, "%s failed: %s comes as source, and there is no compiler for C and C++ to build it", doing, built(res.Tail)).Fix("%s", compiler)
	case has("os error 28", "no space left", "disk quota", "os error 122"):
		return say(fault.NoSpace, "free some space in "+string(u.cfg.Root)+", or use another disk: modelrun --root DIR …")
	case has("os error 30", "read-only file system", "permission denied (os error 13)"):
		return say(fault.NotWritable, "make "+string(u.cfg.Root)+" writable, or use another root: modelrun --root DIR …")
	case u.cfg.Offline && has("offline", "network connectivity is disabled", "network was disabled"):
		return offline(doing + " failed: " + words)
	case has("invalid wheel", "wheel-version", "failed to read from the distribution cache", "invalid zip", "failed to deserialize cache", "hash mismatch", "does not have a `record`", "failed to read metadata",
		"the wheel is invalid", "recordentry", "archive-v0"): // the last is a folder of the cache
		return u.badWheel(doing + " failed: " + words)
	case has("error sending request", "failed to fetch", "dns error", "could not connect", "connection refused", "timed out",
		"unknownissuer", "invalid peer certificate", "http status", "failed to read `--find-links`", "no such file or directory"):
		return say(fault.NoIndex, noAnswer)
	}
	return say(fault.Install, "try again; if it fails the same way, the installer's log says why")
}

// built is what uv failed to build.
func built(tail string) string {
	_, rest, ok := strings.Cut(squeeze(tail), "Failed to build `")
	name, _, closed := strings.Cut(rest, "`")
	if !ok || !closed {
		return "a package"
	}
	return name
}

func (u *UV) badWheel(text string) error {
	return fault.New(fault.BadWheel, "%s", text).Fix("remove uv's cache and try again: %s", fault.Remove(u.cfg.Root.Cache()))
}

// damaged reports whether uv calls versions unsolvable because it cannot read a
// wheel of one, in its cache as it is on the index.
func damaged(contradiction string) bool {
	for _, words := range []string{"invalid package format", "invalid metadata", "inconsistent metadata"} {
		if strings.Contains(contradiction, words) {
			return true
		}
	}
	return false
}

func offline(text string) error {
	return fault.New(fault.Offline, "%s", text).Fix("run once without --offline, or give the wheels: [index] find_links")
}

// contradiction is uv's explanation that there is no solution, "" when that is
// not what went wrong.
func contradiction(tail string) string {
	if !strings.Contains(tail, "No solution found") {
		return ""
	}
	_, words, _ := strings.Cut(tail, "No solution found when resolving dependencies")
	words = strings.TrimLeft(words, ":")
	words, _, _ = strings.Cut(words, "hint:")
	return fault.Mask(squeeze(strings.NewReplacer("╰─▶", " ", "cause:", " ", "×", " ").Replace(words)))
}

// lastWords is the last lines of a tool's output as one: from its "error:" on,
// at most 600 characters.
func lastWords(tail string) string {
	if i := strings.LastIndex(tail, "error:"); i >= 0 {
		tail = tail[i+len("error:"):]
	} else if i := strings.LastIndex(tail, "ERROR:"); i >= 0 {
		tail = tail[i+len("ERROR:"):]
	}
	lines := strings.Split(strings.TrimSpace(tail), "\n")
	words := fault.Mask(squeeze(strings.NewReplacer("╰─▶", "", "├─▶", "", "│", "", "×", "", "cause:", ":").Replace(strings.Join(lines[max(0, len(lines)-8):], " "))))
	words = strings.ReplaceAll(words, " : ", ": ")
	if r := []rune(words); len(r) > 600 {
		words = string(r[:600]) + "…"
	}
	if words == "" {
		return "it said nothing"
	}
	return words
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// host is what an index is recognised by in an error: its host, or the path of
// a file:// one.
func host(index string) string {
	_, rest, _ := strings.Cut(index, "://")
	h, _, _ := strings.Cut(rest, "/")
	if h == "" {
		return strings.TrimRight(rest, "/")
	}
	return h[strings.LastIndexByte(h, '@')+1:]
}

// masked hides secrets in what is written to the log.
type masked struct{ w io.Writer }

func (m masked) Write(p []byte) (int, error) {
	if m.w == nil {
		return len(p), nil
	}
	if _, err := io.WriteString(m.w, fault.Mask(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// lineWriter passes everything on and calls line for each whole line.
type lineWriter struct {
	next io.Writer
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	if w.line != nil {
		w.rest = append(w.rest, p...)
		for {
			i := bytes.IndexByte(w.rest, '\n')
			if i < 0 {
				break
			}
			w.line(strings.TrimSpace(string(w.rest[:i])))
			w.rest = w.rest[i+1:]
		}
	}
	return w.next.Write(p)
}
