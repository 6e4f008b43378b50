package health

import (
	"errors"
	"path/filepath"
	"strings"
)

// maxCfg bounds pyvenv.cfg; real ones have about 300 bytes.
const maxCfg = 64 << 10

// venvCfg holds the settings of a pyvenv.cfg that modelrun uses.
type venvCfg struct {
	home        string // the base interpreter's folder, absolute
	minor       string // "3.12"; "" if the file does not say
	full        string // "3.12.4"; "" if the file does not say
	system      bool   // include-system-site-packages
	relocatable bool   // its scripts find the env through their own location
}

// parseCfg reads pyvenv.cfg as CPython's getpath does: lines of key = value,
// keys in any case, all other lines ignored. The first home counts. venv writes
// version; virtualenv and uv write version_info.
func parseCfg(data []byte) (venvCfg, error) {
	if len(data) > maxCfg {
		return venvCfg{}, errors.New("it is longer than 64 KiB")
	}
	var cfg venvCfg
	text := strings.TrimPrefix(string(data), "\ufeff")
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "home":
			if cfg.home == "" {
				cfg.home = value
			}
		case "version", "version_info":
			if m := minorOf(value); m != "" {
				cfg.minor, cfg.full = m, fullOf(value)
			}
		case "include-system-site-packages":
			cfg.system = strings.EqualFold(value, "true")
		case "relocatable":
			cfg.relocatable = strings.EqualFold(value, "true")
		}
	}
	switch {
	case cfg.home == "":
		return venvCfg{}, errors.New("it has no home")
	case strings.ContainsRune(cfg.home, 0):
		return venvCfg{}, errors.New("its home holds a NUL")
	case !filepath.IsAbs(cfg.home):
		return venvCfg{}, errors.New("its home is not absolute: " + cfg.home)
	}
	return cfg, nil
}

// minorOf returns "3.12" for "3.12.1", "3.12.1.final.0" and "3.12", and "" for
// anything else.
func minorOf(version string) string {
	major, rest, ok := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	if !ok || !digits(major) || !digits(minor) {
		return ""
	}
	return major + "." + minor
}

// fullOf returns "3.12.1" for "3.12.1.final.0", and "" if the third number is
// missing.
func fullOf(version string) string {
	parts := strings.Split(version, ".")
	if len(parts) < 3 || !digits(parts[2]) {
		return ""
	}
	return strings.Join(parts[:3], ".")
}

// digits reports whether s is a number of at most 4 digits: it becomes part of
// a path.
func digits(s string) bool {
	return s != "" && len(s) <= 4 && strings.Trim(s, "0123456789") == ""
}
