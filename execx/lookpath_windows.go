package execx

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const separators = `/\:`

// executable tries the name as it is when it has an extension, then each of
// PATHEXT.
func executable(path string, env Environ) (string, error) {
	if filepath.Ext(path) != "" && isFile(path) {
		return path, nil
	}
	exts := env.Get("PATHEXT")
	if exts == "" {
		exts = ".COM;.EXE;.BAT;.CMD"
	}
	for _, ext := range strings.Split(exts, ";") {
		if strings.HasPrefix(ext, ".") && isFile(path+ext) {
			return path + ext, nil
		}
	}
	return "", &fs.PathError{Op: "find", Path: path, Err: fs.ErrNotExist}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
