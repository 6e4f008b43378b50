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

// probeSchema changes when the probe asks something that old verdicts must not
// count without. A new version of modelrun alone keeps them, even if it asks for
// more: an update should not cause a check.
const probeSchema = "1"

// fingerprint identifies an env, what is asked of it and the machine, as far as
// a verdict depends on them. Fingerprints are only compared for equality, never
// by age: clocks jump.
//
// It contains no inode, because an overlay file system may number its files
// again at each mount. It contains no path of a relocatable env, so that a
// verdict survives the rename that publishes the env.
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
	for _, name := range runtimeVars() {
		add(c.Env.Get(name))
	}
	add(pathWarnings(s, c.Env, c.Cwd)...)
	add("|", string(st.cfgRaw), st.link)
	if !st.cfg.relocatable {
		add(s.Dir.Venv()) // a copy is another env: see copyWarning
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

// runtimeVars returns the variables that change what the dynamic linker or the
// GPU runtime does in the program. The visible devices are part of the
// Identity.
func runtimeVars() []string {
	return []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HSA_OVERRIDE_GFX_VERSION"}
}

// digest hashes the names in site-packages. Any install, upgrade or removal
// changes it; an edit inside a package does not.
func digest(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return hex.EncodeToString(sum[:16])
}

// keyFiles returns files, relative to site-packages, that are often lost (to
// virus scanners, full disks, power cuts) and cheap to check: the first file of
// each import and torch's main libraries. Some builds lack some of them. With
// accel "" the list covers every build.
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
