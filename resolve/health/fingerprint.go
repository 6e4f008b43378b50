package health

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/profile"
)

// probeSchema changes when the probe asks something new, so that old verdicts
// no longer count. A newer modelrun alone does not: nobody expects a check.
const probeSchema = "1"

// fingerprint names an env, what is asked of it and the machine, as far as a
// verdict depends on them. It is compared for equality only, never "newer
// than": clocks jump. It holds no inode, so it survives an overlay file system
// that numbers them anew at each mount; and of an env that can be moved no path,
// so that it survives the rename that publishes.
func (c *Checker) fingerprint(s Subject, st *site) string {
	b := make([]byte, 0, 16<<10)
	add := func(parts ...string) {
		for _, p := range parts {
			b = strconv.AppendInt(b, int64(len(p)), 10)
			b = append(append(b, ':'), p...)
		}
	}
	stat := func(info os.FileInfo) {
		if info == nil {
			b = append(b, '-')
			return
		}
		b = strconv.AppendInt(append(b, 's'), info.Size(), 10)
		b = strconv.AppendInt(append(b, 'm'), info.ModTime().UnixNano(), 10)
	}
	id := c.Identity
	add(probeSchema, runtime.GOOS, runtime.GOARCH, id.OS, id.Arch, id.Libc, id.Vendor, id.Driver, id.Visible)
	add(id.GPUs...)
	add("|", s.Accel, strconv.FormatBool(s.CUDA))
	for _, i := range s.Imports {
		add(i.Module, i.Dist)
	}
	for _, name := range reaches() {
		add(c.Env.Get(name))
	}
	add(c.pathWarnings(s)...)
	add("|", string(st.cfgRaw), st.link)
	if !st.cfg.moves {
		add(s.Dir.Venv()) // a copy is another env: see copied
	}
	stat(st.python)
	stat(st.base)
	ready, _ := os.Stat(s.Dir.Ready())
	stat(ready)
	b = strconv.AppendInt(append(b, 'm'), st.changed.UnixNano(), 10)
	add(st.names...)
	for _, rel := range keyFiles(s.Imports, s.Accel) {
		info, _ := os.Stat(filepath.Join(st.packages, rel))
		stat(info)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// reaches are the variables that change what the dynamic linker or the GPU
// runtime does in the program. The visible devices are in the Identity.
func reaches() []string {
	return []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HSA_OVERRIDE_GFX_VERSION"}
}

// digest is of the names in site-packages: any install, upgrade or removal
// changes it, an edit inside a package does not.
func digest(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return hex.EncodeToString(sum[:16])
}

// keyFiles are files, relative to site-packages, whose loss is common (virus
// scanners, full disks, power cuts) and cheap to see: each need's first file
// and torch's main libraries. Not every one exists in every build;
// accel "" names those of all.
func keyFiles(imports []profile.Import, accel string) []string {
	files := make([]string, 0, len(imports)+5)
	for _, i := range imports {
		top := topLevel(i.Module)
		files = append(files, top+"/__init__.py")
		if top != "torch" {
			continue
		}
		prefix, ext := "torch/lib/lib", ".so"
		switch runtime.GOOS {
		case "windows":
			prefix, ext = "torch/lib/", ".dll"
		case "darwin":
			ext = ".dylib"
		}
		files = append(files, "torch/version.py", prefix+"c10"+ext, prefix+"torch_cpu"+ext)
		if accel == "" || strings.HasPrefix(accel, "cu") {
			files = append(files, prefix+"torch_cuda"+ext)
		}
		if accel == "" || strings.HasPrefix(accel, "rocm") {
			files = append(files, prefix+"torch_hip"+ext)
		}
	}
	return files
}

func topLevel(module string) string {
	top, _, _ := strings.Cut(module, ".")
	return top
}
