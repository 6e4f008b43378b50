package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// showScreen runs a command in its console, and prints as JSON the text that is
// visible there: each different text of the screen, and the text after the
// command's end. With obeys, the console interprets escape sequences.
func showScreen(obeys bool, args []string) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	out := os.Stdout
	screen, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	must(err)
	keys, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	must(err)
	const plain = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_WRAP_AT_EOL_OUTPUT
	must(windows.SetConsoleMode(windows.Handle(screen.Fd()), map[bool]uint32{false: plain, true: plain | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING}[obeys]))
	c := exec.Command(args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = keys, screen, screen
	must(c.Start())
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }() // its exit code does not matter
	var seen []string
	read := windows.NewLazySystemDLL("kernel32.dll").NewProc("ReadConsoleOutputCharacterW")
	look := func() {
		var info windows.ConsoleScreenBufferInfo
		must(windows.GetConsoleScreenBufferInfo(windows.Handle(screen.Fd()), &info))
		var text strings.Builder
		for y := range min(int(info.Size.Y), 60) {
			row := make([]uint16, info.Size.X)
			var n uint32
			_, _, _ = read.Call(screen.Fd(), uintptr(unsafe.Pointer(&row[0])), uintptr(len(row)), uintptr(y)<<16, uintptr(unsafe.Pointer(&n)))
			text.WriteString(strings.TrimRight(windows.UTF16ToString(row[:n]), " ") + "\n")
		}
		if now := strings.TrimRight(text.String(), "\n"); len(seen) == 0 || now != seen[len(seen)-1] {
			seen = append(seen, now)
		}
	}
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		case <-time.After(5 * time.Millisecond): // a poll
		}
		look()
	}
	must(json.NewEncoder(out).Encode(seen))
}

func onScreen(t *testing.T, r *sandbox, obeys bool, env []string, args ...string) (seen []string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := r.other(t, self, append([]string{"screen", map[bool]string{false: "old", true: "obeys"}[obeys], built}, args...)...)
	c.Env = append(c.Env[:len(c.Env):len(c.Env)], env...)
	c.Stderr, c.SysProcAttr = os.Stderr, &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW} // a console without a window
	out, err := c.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &seen), "%s", out)
	return seen
}

// TestColourInConsole checks that colours appear if the console interprets them,
// and that any other console shows no escape sequences. The console's mode belongs
// to the caller.
func TestColourInConsole(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	for _, obeys := range []bool{false, true} {
		for word, args := range map[string][]string{"error:": {"doktor"}, "healthy": {"list"}} {
			seen := onScreen(t, r, obeys, nil, args...)
			text := seen[len(seen)-1]
			require.Contains(t, text, word)
			require.Equal(t, obeys && underWine(), strings.Contains(text, "m"+word+"\x1b[0m"), "Wine's console has the mode, and shows the sequences: %s", text)
		}
	}
	seen := onScreen(t, r, true, []string{"NO_COLOR=1"}, "list")
	require.NotContains(t, seen[len(seen)-1], "\x1b")
}

// TestProgressInConsole checks that the progress line in a console is overwritten
// without an escape sequence, and that nothing of it remains.
func TestProgressInConsole(t *testing.T) {
	t.Parallel()
	r := sharedSandbox(t)
	seen := onScreen(t, r, false, append(creating(t), "MODELRUN_ROOT="+t.TempDir()), "ensure", "--family", "onnx")
	all := strings.Join(seen, "\n\n")
	require.NotContains(t, all, "\x1b")
	require.Regexp(t, `\nresolving versions, for \d+s\n\n`, all)
	require.Regexp(t, `\n[a-z]+ \d+/\d+ packages, for \d+s\n\n`, all)
	last := seen[len(seen)-1]
	require.NotRegexp(t, `, for \d+s`, last)
	require.Contains(t, last, "modelrun: Environment onnx-cpu ready!")
}
