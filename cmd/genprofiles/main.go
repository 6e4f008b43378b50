// Command genprofiles writes the versions of the built-in profiles again, with the
// newest ones that resolve together. "make profiles" runs it. It is no part of a
// release. docs/profiles.md says what it writes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/uv"
)

func main() {
	accel := flag.String("accel", "", "write only the profile of this accelerator")
	family := flag.String("family", "", "write only the entries of this family")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *accel, *family)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "genprofiles:", err)
		os.Exit(1)
	}
}

const (
	embedded = "resolve/profile/embedded"
	types    = "resolve/profile/types_generated.go"
	page     = "docs/profiles.md"
)

// run writes the profiles, what the lines of transformers know, and the table of all
// versions.
func run(ctx context.Context, accel, family string) error {
	files, err := filepath.Glob(filepath.Join(embedded, "*.json"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("there is no "+embedded+": run it in the project's folder"))
	}
	dir, err := os.MkdirTemp("", "genprofiles-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	g, python, err := newGenerator(ctx, dir)
	if err != nil {
		return err
	}
	if g.needs, err = g.readLines(ctx, python); err != nil {
		return err
	}
	g.family = family
	all := make([]*file, len(files))
	wrote := false
	for i, path := range files {
		if all[i], err = readFile(path); err != nil {
			return err
		}
		if accel != "" && all[i].Accelerator != accel || family != "" && all[i].Families[family] == nil {
			continue
		}
		fmt.Fprintln(g.log, all[i].ProfileID)
		if all[i], err = g.write(ctx, path, all[i]); err != nil {
			return err
		}
		wrote = true
	}
	if !wrote {
		return fmt.Errorf("no profile is for %q", strings.Trim(accel+" "+family, " "))
	}
	text, err := source(g.needs)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(types, text, 0o644), writeTable(page, all))
}

// write writes one profile again, and returns it. modelrun must be able to read it.
func (g generator) write(ctx context.Context, path string, f *file) (*file, error) {
	f, err := g.profile(ctx, f)
	if err != nil {
		return nil, err
	}
	data, err := f.bytes()
	if err == nil {
		_, err = profile.Parse(path, data)
	}
	if err != nil {
		return nil, err
	}
	return f, os.WriteFile(path, data, 0o644)
}

// writeTable writes the table in the page again.
func writeTable(page string, all []*file) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	text, err := withTable(string(old), all)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(text), 0o644)
}

// newGenerator finds uv and a Python, and builds modelrun. dir is for all that is
// made.
func newGenerator(ctx context.Context, dir string) (g generator, python string, err error) {
	env := execx.NewEnviron(os.Environ()).Without("UV_FIND_LINKS", "PIP_FIND_LINKS", "PYTHONPATH")
	c := uv.Config{Root: envdir.Root(filepath.Join(dir, "root")), Env: env, Override: env.Get("MODELRUN_UV"), Log: os.Stderr}
	found, err := uv.Find(ctx, c)
	if err != nil {
		return g, "", err
	}
	if python, err = found.Python(ctx, profile.Plan{Python: profile.Python{Min: "3.11"}}); err != nil {
		return g, "", err
	}
	g = generator{
		resolver: resolver{uv: found.Path, env: env.Edit([]execx.Var{{Key: "UV_SYSTEM_CERTS", Value: "1"}, {Key: "MACOSX_DEPLOYMENT_TARGET", Value: "14.0"}}), dir: dir},
		source:   "https://pypi.org/simple", date: time.Now().UTC().Format(time.DateOnly), log: os.Stderr,
		maker: &maker{modelrun: filepath.Join(dir, "modelrun"), root: c.Root},
	}
	g.maker.env = env.With("MODELRUN_ROOT", string(c.Root)).With("MODELRUN_UV", found.Path)
	if index := c.Index(); index != "" {
		g.source = index
	}
	compiler, err := execx.LookPath("go", filepath.SplitList(env.Get("PATH")), env)
	if err == nil {
		_, err = resolver{env: env, dir: "."}.run(ctx, compiler, "build", "-o", g.maker.modelrun, "./cmd/modelrun")
	}
	return g, python, err
}
