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

// byteCode is the file next to a venv with the sums of all its byte code.
// sha256sum can check it from within site-packages.
const byteCode = "bytecode.sha256"

//go:embed compile.py
var compileScript string

// compile creates the byte code of every module. Without it, a read-only env would
// never get any, and the first user of a shared env would change it. Byte code is
// most of the cost of another env (onnx-cpu: 108 of 121 MB, 33 of 46 s). So compile
// links byte code that one of others has for the same file.
//
// RECORD has no sums of byte code, and Python runs byte code without looking at the
// source. Each env therefore keeps the sums of its byte code from its creation.
// Only byte code that still has this content is linked. A file that a power cut, a
// disk or a program has damaged is compiled again. A user who can forge the sums
// can also write to that env, which everyone who starts it trusts. A link is safe:
// Python replaces byte code by a rename and pip removes it, so neither writes into
// a linked file.
//
// uv's --compile-bytecode compiles everything, even modules that have byte code
// (measured).
func (i installation) compile(ctx context.Context, others []envdir.Dir) error {
	u, d := i.uv, i.dir
	site := sitePackages(d)
	var all []string
	missing := map[string]bool{} // modules for which no other env has byte code
	err := walkFiles(ctx, site, ".py", func(rel string) { all, missing[rel] = append(all, rel), true })
	if err != nil {
		return err
	}
	for _, o := range others {
		linkByteCode(ctx, site, sitePackages(o), filepath.Join(o.Path, byteCode), missing)
	}
	u.log(fmt.Sprintf("byte code of %d modules: %d linked\n", len(all), len(all)-len(missing)))
	if err := i.compileAll(ctx, site, all); err != nil {
		return err
	}
	var sums []byte
	err = walkFiles(ctx, site, ".pyc", func(rel string) {
		if sum, err := sumOf(filepath.Join(site, rel)); err == nil {
			sums = append(sums, sum+"  "+filepath.ToSlash(rel)+"\n"...)
		}
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.Path, byteCode), sums, 0o644)
}

// sitePackages returns the site-packages of an env: a venv has a single Python
// version.
func sitePackages(d envdir.Dir) string {
	entries, _ := os.ReadDir(filepath.Join(d.Venv(), "lib")) // fails on Windows, which has one folder for all versions
	for _, e := range entries {
		if version, ok := strings.CutPrefix(e.Name(), "python"); ok {
			return d.SitePackages(version)
		}
	}
	return d.SitePackages("")
}

// compileAll runs Python on the modules, in as many processes as there are
// processors. It skips a module whose byte code fits this Python and this file.
// Like pip and uv, it ignores a module that cannot be compiled (a template,
// code for another Python).
func (i installation) compileAll(ctx context.Context, site string, all []string) error {
	const minModules = 100 // fewer modules are not worth a separate process
	u, list := i.uv, filepath.Join(i.tmp, "modules")
	if err := os.WriteFile(list, []byte(strings.Join(all, "\x00")), 0o600); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	step := max(1, min(runtime.NumCPU(), len(all)/minModules))
	for part := range step {
		group.Go(func() {
			res, err := execx.Run(ctx, execx.Cmd{
				Path: i.dir.Python(), Args: []string{"-I", "-W", "ignore", "-c", compileScript, list, strconv.Itoa(part), strconv.Itoa(step)}, Env: u.env, Dir: site,
				Started: func(pid int) { go u.cfg.watch(ctx, pid) },
			})
			if err == nil && res.ExitCode != 0 {
				u.log(res.Tail)
				err = u.failed(compiling, res)
			}
			if err != nil {
				stop(err) // the first error counts
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// linkByteCode links the byte code that from has for the same modules, and
// removes these modules from missing.
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
		if !ok || !missing[source] || !filepath.IsLocal(rel) || !sameFile(filepath.Join(site, source), filepath.Join(from, source)) {
			continue
		}
		if got, err := sumOf(filepath.Join(from, rel)); err != nil || got != sum {
			continue
		}
		path := filepath.Join(site, rel)
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return
		}
		if os.Link(filepath.Join(from, rel), path) == nil { // fails without hard links, or if the file has the maximum of links
			delete(missing, source)
		}
	}
}

// sameFile reports whether two paths are the same file: both are links into
// uv's cache.
func sameFile(a, b string) bool {
	one, err := os.Lstat(a)
	if err != nil || !one.Mode().IsRegular() {
		return false
	}
	two, err := os.Lstat(b)
	return err == nil && os.SameFile(one, two)
}

// sumOf returns the SHA-256 of a regular file in hexadecimal.
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

// walkFiles calls visit for each regular file below dir with this extension,
// with its path relative to dir.
func walkFiles(ctx context.Context, dir, ending string, visit func(rel string)) error {
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
		visit(rel)
		return err
	})
}
