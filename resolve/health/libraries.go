package health

import (
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/profile"
)

// libraryPath returns the variable with the folders in which the system looks for a
// library that is loaded by its name, and the folder of cuBLAS in site-packages.
func libraryPath() (variable, folder string) {
	if runtime.GOOS == "windows" {
		return "PATH", `nvidia\cublas\bin`
	}
	return "LD_LIBRARY_PATH", "nvidia/cublas/lib"
}

// WithLibraries adds to the variables of a program the folder of a library that one
// of the imports loads by its name. Only ctranslate2 does so: it loads cuBLAS with
// the first model, and does not look into the package that has it
// (https://github.com/SYSTRAN/faster-whisper#gpu). The folders of the user come first.
func WithLibraries(env execx.Environ, d envdir.Dir, imports []profile.Import) execx.Environ {
	if !needs(imports, "ctranslate2") {
		return env
	}
	variable, folder := libraryPath()
	dir := filepath.Join(d.SitePackages(minorOnDisk(d)), folder)
	if !fsys.Exists(dir) {
		return env
	}
	if users := env.Get(variable); users != "" {
		dir = users + string(filepath.ListSeparator) + dir
	}
	return env.With(variable, dir)
}

// WithoutLibraries removes what WithLibraries added for the venv of an outer modelrun,
// "" for none. The check of an env would else see another environment than before.
func WithoutLibraries(env execx.Environ, venv string) execx.Environ {
	if venv == "" {
		return env
	}
	variable, folder := libraryPath()
	value := env.Get(variable)
	i := strings.LastIndexByte(value, filepath.ListSeparator)
	switch last := value[i+1:]; {
	case !strings.HasPrefix(last, venv) || !strings.HasSuffix(last, folder):
		return env
	case i < 0:
		return env.Without(variable)
	}
	return env.With(variable, value[:i])
}
