package pylock

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Platform is a system with a machine, by Go's names.
type Platform struct{ OS, Arch string }

// Here returns the platform of this machine.
func Here() Platform { return Platform{runtime.GOOS, runtime.GOARCH} }

// machine returns the name of the machine, as Python says it: platform.machine().
func (p Platform) machine() string {
	names := map[string]string{"linux/amd64": "x86_64", "linux/arm64": "aarch64", "darwin/amd64": "x86_64", "windows/amd64": "AMD64", "windows/arm64": "ARM64"}
	return cmp.Or(names[p.OS+"/"+p.Arch], p.Arch)
}

// String returns a short name: "linux x86_64".
func (p Platform) String() string { return p.OS + " " + p.machine() }

// marker returns the marker of the platform.
func (p Platform) marker() string {
	system := map[string]string{"windows": "win32"}[p.OS]
	return fmt.Sprintf("sys_platform == '%s' and platform_machine == '%s'", cmp.Or(system, p.OS), p.machine())
}

// The minor versions of Python 3 that are considered.
const firstMinor, lastMinor = 8, 40

// Check returns the minor versions of Python for which the lock holds on a platform, oldest first. The error
// says why there is none, or why the lock does not determine what is installed.
func (f File) Check(on Platform) (minors []string, err error) {
	switch {
	case f.createdBy == "":
		return nil, fmt.Errorf("it has no created-by, which uv asks for")
	case len(f.Packages) == 0:
		return nil, fmt.Errorf("it names no package")
	}
	for _, p := range f.Packages {
		switch {
		case p.Folder:
			return nil, fmt.Errorf("%s is a folder, whose content is not locked", p.Name)
		case p.unlocked != "":
			return nil, fmt.Errorf("%s has no hash", p.unlocked)
		case len(p.Hashes) == 0 && p.commit == "":
			return nil, fmt.Errorf("%s has neither a wheel nor a source", p.Name)
		}
	}
	if secret := f.secret(); secret != "" {
		return nil, fmt.Errorf("%s holds a secret: leave it out, and give it to uv by the index of your settings, or by netrc", fault.Mask(secret))
	}
	if !f.describes(on, "") {
		return nil, fmt.Errorf("it is for %s, and this machine is %s", cmp.Or(f.Platform, strings.Join(f.environments, ", or ")), on)
	}
	var misfit string
	for minor := firstMinor; minor <= lastMinor; minor++ {
		python := fmt.Sprintf("3.%d", minor)
		if f.Python != "" && f.Python != python || !f.allows(minor) || !f.describes(on, python) {
			continue
		}
		bad := slices.IndexFunc(f.Packages, func(p Package) bool { return !p.fits(on, minor) })
		if bad < 0 {
			minors = append(minors, python)
		} else if misfit == "" || f.Packages[bad].fits(Platform{}, minor) {
			misfit = f.Packages[bad].Name
		}
	}
	switch {
	case len(minors) > 0:
		return minors, nil
	case misfit != "":
		return nil, fmt.Errorf("it has no wheel of %s for this machine (%s)", misfit, strings.TrimSpace(on.String()+", Python "+cmp.Or(f.Python, "3")))
	}
	return nil, fmt.Errorf("its requires-python %q, with Python %q, leaves no version of Python", f.requires, f.Python)
}

// describes reports whether the environments of the lock include a platform. python may be "".
func (f File) describes(on Platform, python string) bool {
	return len(f.environments) == 0 || slices.ContainsFunc(f.environments, func(m string) bool { return applies(m, on, python) })
}

// applies reports whether a marker is true, or cannot be evaluated.
func applies(marker string, on Platform, python string) bool {
	r, err := requirement.Parse("x ; " + marker)
	return err != nil || r.Applies(requirement.Host{OS: on.OS, Arch: on.Arch, Python: python})
}

// allows reports whether requires-python includes a patch version of a minor version.
func (f File) allows(minor int) bool {
	r, err := requirement.Parse(requirement.Python + " " + f.requires)
	if err != nil || f.requires == "" {
		return true // uv decides
	}
	for patch := range 50 {
		if r.Allows(fmt.Sprintf("3.%d.%d", minor, patch)) {
			return true
		}
	}
	return false
}

// fits reports whether a package can be installed without building a wheel that the lock has for another
// platform. The zero Platform stands for any.
func (p Package) fits(on Platform, minor int) bool {
	if p.marker != "" && on != (Platform{}) && !applies(p.marker, on, fmt.Sprintf("3.%d", minor)) {
		return true // it is not installed
	}
	return p.Source || len(p.wheels) == 0 || slices.ContainsFunc(p.wheels, func(name string) bool { return fits(name, on, minor) })
}

// fits reports whether a wheel is for a platform and a minor version of CPython:
// https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
func fits(wheel string, on Platform, minor int) bool {
	parts := strings.Split(strings.TrimSuffix(wheel, ".whl"), "-")
	if len(parts) < 5 {
		return true // the name says nothing: uv decides
	}
	python, abis, platforms := parts[len(parts)-3], strings.Split(parts[len(parts)-2], "."), strings.Split(parts[len(parts)-1], ".")
	return slices.ContainsFunc(strings.Split(python, "."), func(tag string) bool { return fitsPython(tag, abis, minor) }) &&
		(on == Platform{} || slices.ContainsFunc(platforms, on.fits))
}

// fitsPython reports whether a python tag with one of these ABIs is for a minor version of CPython.
func fitsPython(tag string, abis []string, minor int) bool {
	kind, digits := tag[:min(2, len(tag))], strings.TrimPrefix(tag[min(2, len(tag)):], "3")
	of, err := strconv.Atoi(digits)
	switch {
	case kind == "py" && strings.HasPrefix(tag, "py3"):
		return digits == "" || err == nil && of <= minor
	case kind != "cp" || err != nil || !strings.HasPrefix(tag, "cp3"):
		return false
	case slices.Contains(abis, "abi3"):
		return of <= minor
	}
	return of == minor && (slices.Contains(abis, "none") || slices.Contains(abis, tag) || slices.Contains(abis, tag+"m"))
}

// fits reports whether a platform tag is for the platform.
func (p Platform) fits(tag string) bool {
	machine := "_" + strings.ToLower(p.machine())
	switch {
	case tag == "any":
		return true
	case p.OS == "linux":
		return (strings.HasPrefix(tag, "linux") || strings.HasPrefix(tag, "manylinux") || strings.HasPrefix(tag, "musllinux")) && strings.HasSuffix(tag, machine)
	case p.OS == "darwin":
		return strings.HasPrefix(tag, "macosx") && (strings.HasSuffix(tag, machine) || strings.HasSuffix(tag, "_universal2"))
	case p.OS == "windows":
		return tag == "win"+machine
	}
	return true
}
