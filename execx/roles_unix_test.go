//go:build !windows

package execx_test

import (
	"context"
	"fmt"
	"os"

	"github.com/modelrun/modelrun/execx"
)

func systemRole(role, arg string) {
	switch role {
	case "parent": // runs a sleeper and prints its pid
		env := execx.NewEnviron(os.Environ()).With("EXECX_ROLE", "sleep")
		_, err := execx.Run(context.Background(), execx.Cmd{Path: arg, Env: env, Started: func(pid int) { fmt.Println(pid) }})
		fmt.Fprintln(os.Stderr, err)
	case "keep": // passes a descriptor, which Go opened close-on-exec, to cat
		f, err := os.Open(arg)
		if err != nil {
			panic(err)
		}
		sh := fmt.Sprintf("cat <&%d", f.Fd())
		_, err = execx.Become(execx.Program{Path: "/bin/sh", Argv: []string{"sh", "-c", sh}, Keep: []uintptr{f.Fd()}})
		panic(err)
	default:
		panic(role)
	}
}
