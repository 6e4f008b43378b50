package execx_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
)

// TestMain also makes the test binary act as every tool and parent that the
// tests need. EXECX_ROLE selects the role.
func TestMain(m *testing.M) {
	role, arg, _ := strings.Cut(os.Getenv("EXECX_ROLE"), ":")
	switch role {
	case "":
		execxtest.Main(m)
	case "exit":
		code, _ := strconv.Atoi(arg)
		os.Exit(code)
	case "print": // to stdout, then a line to stderr
		n, _ := strconv.Atoi(arg)
		os.Stdout.Write(bytes.Repeat([]byte("x"), n))
		fmt.Fprintln(os.Stderr, "printed")
	case "lines": // to stderr
		n, _ := strconv.Atoi(arg)
		for i := range n {
			fmt.Fprintf(os.Stderr, "line %d\n", i)
		}
	case "stdin":
		data, err := io.ReadAll(os.Stdin)
		fmt.Print(len(data), err)
	case "env":
		fmt.Print(strings.Join(os.Environ(), "\n"))
	case "sleep":
		fmt.Println("asleep")
		time.Sleep(time.Hour)
	case "become":
		become(arg)
	default:
		systemRole(role, arg)
	}
}

// become acts as a parent that becomes the program. Its own exit codes are 126 and
// 127.
func become(arg string) {
	var p execx.Program
	raw, err := base64.StdEncoding.DecodeString(arg)
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(raw)).Decode(&p)
	}
	if err != nil {
		panic(err)
	}
	code, err := execx.Become(p)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if code = 126; errors.Is(err, fs.ErrNotExist) {
			code = 127
		}
	}
	os.Exit(code)
}

func self(t *testing.T, role string) execx.Cmd {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return execx.Cmd{Path: path, Env: execx.NewEnviron(os.Environ()).With("EXECX_ROLE", role), Timeout: time.Minute}
}
