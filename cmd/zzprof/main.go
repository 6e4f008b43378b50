// Command zzprof is temporary.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/command"
	"github.com/modelrun/modelrun/shim/config"
	"github.com/modelrun/modelrun/shim/terminal"
)

func main() {
	inv := cli.Invocation{Program: "modelrun", Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "dev"}
	for i := 0; i < 3; i++ {
		var ms runtime.MemStats
		t0 := time.Now()
		step := func(name string) {
			d := time.Since(t0)
			if i == 0 || i == 2 {
				runtime.ReadMemStats(&ms)
				fmt.Printf("%d %-10s %8.1f us  total alloc %d kB mallocs %d\n", i, name, float64(d)/1e3, ms.TotalAlloc/1024, ms.Mallocs)
			}
			t0 = time.Now()
		}
		env := execx.NewEnviron(inv.Environ)
		ui := terminal.NewUI(terminal.Streams{Stdout: inv.Stdout, Stderr: inv.Stderr, Env: env})
		step("ui")
		in, _, _ := cli.ApplyAlias(inv, env)
		step("alias")
		commands, grammar := command.All(), cli.Grammar{Settings: config.Settings()}
		for _, c := range commands {
			grammar.Subs = append(grammar.Subs, c.Sub)
		}
		step("commands")
		line, err := cli.Parse(in.Args, grammar, inv.Stdout, ui.Err())
		step("parse")
		a, err := app.Open(in, line, env, grammar.Settings, commands[0], ui)
		if err != nil {
			panic(err)
		}
		step("open")
		t, req, err := a.Finder().Request(context.Background())
		if err != nil {
			panic(err)
		}
		step("request")
		d := a.Deps(t)
		step("deps")
		res, _, err := resolve.Default(d).Resolve(context.Background(), req)
		if err != nil {
			panic(err)
		}
		step("resolve")
		_ = res
	}
}
