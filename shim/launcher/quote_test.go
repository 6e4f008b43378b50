//go:build !windows

package launcher

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
)

// hostileWords holds words that are often quoted incorrectly. NUL is not among
// them: no argument can contain it.
var hostileWords = []string{
	"", " ", "a b", " a ", "a  b", "(x) & ^ %", "100%", "%s %(here)s %%", "$HOME ${x} $$", "`id`", "$(id)", `"`, `'`, `\`, `\\`, `a\`, `"a" 'b' \"c\"`, `\n \t \x20 \s`,
	";", " ;", "a ;b #c", "a\u00a0;b\u2003#c", "a;b", "# x", "~", "*", "?", "!", "<&>", "]]>", "&amp;", "{a,b}", "|", "=", "-", "--", "a=b", "ünï", "日本", "🦙", "a\tb", "\u00a0", "\u2028",
}

// lines holds words that some kinds refuse.
var lines = []string{"a\nb", "\n", " \n;x", "a\rb", "\x01", "\xff", "a\xe9b", "\xf0\x28"}

// oracle runs the real parser of a kind: Python's, GLib's or systemd's own.
type oracle struct {
	sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

// python answers {kind, text} with the words that the kind's starter would use. The
// words are in Latin-1, so that every byte has a character.
const python = `
import configparser, ctypes, glob, json, plistlib, shlex, sys
def words(kind, data):
    if kind == "supervisord": # supervisor.options: UnhosedConfigParser, expand, shlex.split
        c = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))
        c.read_string(data.decode())
        s = c[c.sections()[0]]
        return [(s["directory"] % {}).encode()] + [w.encode() for w in shlex.split(s["command"] % {})]
    if kind == "launchd":
        p = plistlib.loads(data)
        return [p["WorkingDirectory"].encode()] + [w.encode() for w in p["ProgramArguments"]]
    if kind == "desktop":
        from gi.repository import GLib
        k = GLib.KeyFile()
        k.load_from_bytes(GLib.Bytes.new(data), GLib.KeyFileFlags.NONE)
        get = lambda name: k.get_string("Desktop Entry", name)
        ok, argv = GLib.shell_parse_argv(get("Exec"))
        return [get("Path").encode()] + [a.replace("%%", "%").encode() for a in argv]
    if kind == "systemd":
        f = ctypes.CDLL(glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")[0]).extract_first_word
        line = lambda name: [l for l in data.split(b"\n") if l.startswith(name + b"=")][0][len(name) + 1:]
        p, ret, out = ctypes.c_char_p(line(b"ExecStart")), ctypes.c_char_p(), []
        while True:
            r = f(ctypes.byref(p), ctypes.byref(ret), None, 1 << 1 | 1 << 5) # CUNESCAPE, UNQUOTE
            if r <= 0: break
            out.append(ret.value)
        if r < 0: raise ValueError(r)
        out = out[:1] + [w.replace(b"$$", b"$") for w in out[1:]]
        return [w.replace(b"%%", b"%") for w in [line(b"WorkingDirectory")] + out]
for line in sys.stdin:
    q = json.loads(line)
    try: a = {"words": [w.decode("latin-1") for w in words(q["kind"], q["text"].encode("latin-1"))]}
    except Exception as e: a = {"error": type(e).__name__ + ": " + str(e)}
    print(json.dumps(a), flush=True)
`

// has holds, for each kind, code that fails if the kind's parser is missing.
var has = map[Kind]string{
	Supervisord: "import shlex", Launchd: "import plistlib", Desktop: "from gi.repository import GLib",
	Systemd: "import ctypes, glob; ctypes.CDLL(glob.glob('/usr/lib/*/systemd/libsystemd-shared-*.so')[0]).extract_first_word",
}

// newOracle starts the parser. If there is none, it skips the test with a message.
func newOracle(t testing.TB, k Kind) *oracle {
	t.Helper()
	for _, python3 := range []string{"/usr/bin/python3", "python3"} { // only the system's has gi
		if exec.Command(python3, "-c", has[k]).Run() != nil {
			continue
		}
		c := exec.Command(python3, "-u", "-c", python)
		in, err := c.StdinPipe()
		require.NoError(t, err)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		t.Cleanup(func() {
			_ = in.Close()
			_ = c.Wait()
		})
		return &oracle{in: in, out: bufio.NewReader(out)}
	}
	execxtest.Missing(t, "no parser for %s is installed (%s)", k, has[k])
	return nil
}

func (o *oracle) ask(t testing.TB, k Kind, text []byte) []string {
	t.Helper()
	o.Lock()
	defer o.Unlock()
	question, err := json.Marshal(map[string]string{"kind": string(k), "text": latin(text)})
	require.NoError(t, err)
	_, err = o.in.Write(append(question, '\n'))
	require.NoError(t, err)
	line, err := o.out.ReadBytes('\n')
	require.NoError(t, err)
	var answer struct {
		Words []string
		Error string
	}
	require.NoError(t, json.Unmarshal(line, &answer))
	require.Empty(t, answer.Error, "%s", text)
	for i, w := range answer.Words {
		b := []byte{}
		for _, r := range w {
			b = append(b, byte(r))
		}
		answer.Words[i] = string(b)
	}
	return answer.Words
}

// latin decodes Latin-1.
func latin(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// roundTrips requires that a starter reads the values of the spec from a kind's
// file. It returns false if the kind refuses the spec.
func roundTrips(t testing.TB, o *oracle, s Spec) bool {
	t.Helper()
	files, err := renderAny(s)
	if err != nil {
		return false
	}
	require.Len(t, files, 1)
	got := o.ask(t, s.Kind, files[0].Data)
	want := s.argv()
	if len(got) > 1 && got[1] == "/bin/sh" {
		want = throughShell(want)
	}
	require.Equal(t, append([]string{s.Dir}, want...), got, "%s", files[0].Data)
	return true
}

func spec(k Kind, word string) Spec {
	return Spec{
		Name: "chat", Kind: k, Program: "/opt/" + word + "x/modelrun", Options: []string{"--model=/srv/" + word},
		Command: []string{"python", word, "x" + word + "x", ""}, Dir: "/srv/" + word + "/x",
	}
}

// TestQuoting checks that the starter of each kind reads exactly the values of the
// spec.
func TestQuoting(t *testing.T) {
	t.Parallel()
	refused := map[Kind]string{ // from hostileWords; everything else must work
		Supervisord: `["a\tb" " ;" "a ;b #c"` + quoted("a\u00a0;b\u2003#c") + `]`, // in the folder's name; for an argument see below
	}
	for k := range has {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			o := newOracle(t, k)
			for _, word := range hostileWords {
				if !roundTrips(t, o, spec(k, word)) {
					require.Contains(t, refused[k]+map[bool]string{true: `["a\tb"]`}[k == Systemd], quoted(word), "kind %s refuses %q", k, word)
				}
				inArgument := spec(k, "")
				inArgument.Command = []string{"python", word, "a" + word + "b", word + word}
				if !roundTrips(t, o, inArgument) {
					require.Equal(t, []string{string(Supervisord), "a\tb"}, []string{string(k), word}, "an argument")
				}
			}
			for _, word := range lines { // correct or refused
				roundTrips(t, o, spec(k, word))
				inArgument := spec(k, "")
				inArgument.Command = []string{"python", word}
				if !roundTrips(t, o, inArgument) {
					require.NotEqual(t, Systemd, k, "its escapes can say every byte: %q", word)
				}
			}
		})
	}
}

func quoted(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}

// TestDesktopWord checks the escapes against the specification, because GLib is
// more lenient.
func TestDesktopWord(t *testing.T) {
	t.Parallel()
	require.Equal(t, "\"\\`\\$\\\"\\\\%%\"", desktopWord("`$\"\\%"))
}

// TestDesktopProgram checks that sh starts a program with "=" in its path. GLib is
// more lenient here too.
func TestDesktopProgram(t *testing.T) {
	t.Parallel()
	files, err := renderDesktop(spec(Desktop, "a=b"))
	require.NoError(t, err)
	require.Contains(t, string(files[0].Data), "\nExec=\"/bin/sh\" ")
}

// TestFolderEnds checks characters at the end of a folder's name, because they are
// also at the end of a line.
func TestFolderEnds(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"/srv/x ", `/srv/x\`} {
		s := spec(Systemd, "")
		s.Dir = dir
		_, err := renderSystemd(s)
		require.ErrorContains(t, err, "it ends in a backslash or a space")
	}
	s := spec(Desktop, "")
	s.Dir = "/srv/x "
	files, err := renderDesktop(s)
	require.NoError(t, err)
	require.Contains(t, string(files[0].Data), "\nPath=/srv/x\\s\n")
	require.True(t, roundTrips(t, newOracle(t, Desktop), s))
}

// TestShell checks every byte except NUL.
func TestShell(t *testing.T) {
	t.Parallel()
	for _, word := range append(append([]string{}, hostileWords...), lines...) {
		shellRoundTrips(t, word)
	}
}

func shellRoundTrips(t testing.TB, word string) {
	out, err := exec.Command("/bin/sh", "-c", "printf '%s\\0' "+shell(word)+" x"+shell(word)+"x").Output()
	require.NoError(t, err)
	require.Equal(t, word+"\x00x"+word+"x\x00", string(out))
}

func FuzzShell(f *testing.F) {
	for _, word := range append(append([]string{}, hostileWords...), lines...) {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if !strings.ContainsRune(word, 0) {
			shellRoundTrips(t, word)
		}
	})
}

func fuzz(f *testing.F, k Kind) {
	for _, word := range append(append([]string{}, hostileWords...), lines...) {
		f.Add(word)
	}
	o := newOracle(f, k)
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			return
		}
		roundTrips(t, o, spec(k, word))
		s := spec(k, "")
		s.Command = []string{word, word + " ", word + word}
		roundTrips(t, o, s)
	})
}

func FuzzSupervisord(f *testing.F) { fuzz(f, Supervisord) }
func FuzzLaunchd(f *testing.F)     { fuzz(f, Launchd) }
func FuzzDesktop(f *testing.F)     { fuzz(f, Desktop) }
func FuzzSystemd(f *testing.F)     { fuzz(f, Systemd) }
