package uv

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
)

// byteCode is the file beside a venv with the sum of all its byte code, as
// sha256sum checks it in site-packages.
const byteCode = "bytecode.sha256"

//go:embed compile.py
var compileScript string

// compile gives every module its byte code: an env that cannot be written later
// never gets any, and one that others can change should not be written by whoever
// is first. It is most of what an env costs beside another one (onnx-cpu: 108 of
// 121 MB, 33 of 46 s), so what one of others has for the same file is linked.
//
// RECORD has no sums of byte code, and what is in it runs whatever the source
// says. So each env keeps the sums of what was compiled when it was made, and
// only what still has that content is linked: a file that a power cut, a disk or a
// program spoiled is compiled anew. Whoever can forge the sums can write that env,
// and is trusted by everything that starts it. Python replaces byte code by a
// rename and pip removes it: neither writes into what is linked.
//
// uv's --compile-bytecode compiles everything, also what is there (measured).
func (u *UV) compile(ctx context.Context, d envdir.Dir, others []envdir.Dir, tmp string) error {
	site := siteOf(d)
	var all []string
	missing := map[string]bool{} // those without byte code of another env's
	err := files(ctx, site, ".py", func(rel string) { all, missing[rel] = append(all, rel), true })
	if err != nil {
		return err
	}
	for _, o := range others {
		linkByteCode(ctx, site, siteOf(o), filepath.Join(o.Path, byteCode), missing)
	}
	u.note(fmt.Sprintf("byte code of %d modules: %d linked\n", len(all), len(all)-len(missing)))
	if err := u.compileAll(ctx, d, site, tmp, all); err != nil {
		return err
	}
	var sums []byte
	err = files(ctx, site, ".pyc", func(rel string) {
		if sum, err := sumOf(filepath.Join(site, rel)); err == nil {
			sums = append(sums, sum+"  "+filepath.ToSlash(rel)+"\n"...)
		}
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.Path, byteCode), sums, 0o644)
}

// siteOf is the site-packages of an env: a venv is of one Python.
func siteOf(d envdir.Dir) string {
	entries, _ := os.ReadDir(filepath.Join(d.Venv(), "lib")) // Windows: there are none, and one folder for all
	for _, e := range entries {
		if version, ok := strings.CutPrefix(e.Name(), "python"); ok {
			return d.SitePackages(version)
		}
	}
	return d.SitePackages("")
}

// compileAll runs Python on the modules, as often at once as there are processors.
// It skips what has byte code of this Python and this file. A module that cannot be
// compiled (a template, another Python's) is none of our business, as for pip and uv.
func (u *UV) compileAll(ctx context.Context, d envdir.Dir, site, tmp string, all []string) error {
	const few = 100 // that are not worth another process
	list := filepath.Join(tmp, "modules")
	if err := os.WriteFile(list, []byte(strings.Join(all, "\x00")), 0o600); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	step := max(1, min(runtime.NumCPU(), len(all)/few))
	for i := range step {
		group.Go(func() {
			res, err := execx.Run(ctx, execx.Cmd{
				Path: d.Python(), Args: []string{"-I", "-W", "ignore", "-c", compileScript, list, strconv.Itoa(i), strconv.Itoa(step)}, Env: u.env, Dir: site,
				Started: func(pid int) { go u.cfg.watch(ctx, pid) },
			})
			if err == nil && res.ExitCode != 0 {
				u.note(res.Tail)
				err = u.failed(compiling, res)
			}
			if err != nil {
				stop(err) // the first counts
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// linkByteCode links what from has, and takes those modules off missing.
func linkByteCode(ctx context.Context, site, from, list string, missing map[string]bool) {
	f, err := os.Open(list)
	if err != nil {
		return // made by an older modelrun
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan() && ctx.Err() == nil; {
		sum, rel, ok := strings.Cut(lines.Text(), "  ")
		rel = filepath.FromSlash(rel)
		source := envdir.SourceOf(rel)
		if !ok || !missing[source] || !filepath.IsLocal(rel) || !same(filepath.Join(site, source), filepath.Join(from, source)) {
			continue
		}
		if got, err := sumOf(filepath.Join(from, rel)); err != nil || got != sum {
			continue
		}
		path := filepath.Join(site, rel)
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return
		}
		if os.Link(filepath.Join(from, rel), path) == nil { // else a file system without links, or with enough of this one
			delete(missing, source)
		}
	}
}

// same reports whether two paths are the same file: links into uv's cache.
func same(a, b string) bool {
	one, err := os.Lstat(a)
	if err != nil || !one.Mode().IsRegular() {
		return false
	}
	two, err := os.Lstat(b)
	return err == nil && os.SameFile(one, two)
}

func sumOf(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fs.ErrInvalid
	}
	data, err := os.ReadFile(path)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// files tells of each file below dir that has this ending, relative to dir.
func files(ctx context.Context, dir, ending string, tell func(rel string)) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !e.Type().IsRegular() || filepath.Ext(path) != ending {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		tell(rel)
		return err
	})
}
