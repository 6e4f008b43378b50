package hardware

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/modelrun/modelrun/execx"
)

// displayClass has a numbered key for every display driver.
const displayClass = `SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}`

// identify reads the registry.
func identify(env execx.Environ) Identity {
	id := Identity{OS: "windows", Arch: runtime.GOARCH}
	if gpus, driver, ok := simulated(env); ok {
		for _, g := range gpus {
			id.Vendor, id.Driver, id.GPUs = "nvidia", driver, append(id.GPUs, g.Name)
		}
		return id
	}
	id.GPUs, id.Driver = nvidiaCards(registry.LOCAL_MACHINE, displayClass)
	if len(id.GPUs) > 0 {
		id.Vendor = "nvidia"
	}
	return id
}

// simulated returns the machine that a test simulates, if there is one.
func simulated(env execx.Environ) (gpus []GPU, driver string, ok bool) {
	dir := env.Get("MODELRUN_HARDWARE_ROOT")
	if !filepath.IsAbs(dir) { // as on Linux, where a relative path could run a program in the working directory
		return nil, "", false
	}
	data, _ := os.ReadFile(filepath.Join(dir, "nvidia-smi.csv")) // without the file: a machine without a GPU
	gpus, driver = parseSMI(string(data))
	return gpus, driver, true
}

// nvidiaCards returns the names of NVIDIA's cards and the driver's version. It
// includes cards that were removed, because their keys stay.
func nvidiaCards(root registry.Key, path string) (names []string, driver string) {
	class, err := registry.OpenKey(root, path, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return nil, ""
	}
	defer func() { _ = class.Close() }()
	keys, _ := class.ReadSubKeyNames(-1) // keys that can be read count
	for _, name := range keys {
		key, err := registry.OpenKey(class, name, registry.QUERY_VALUE)
		if err != nil {
			continue
		}
		provider, _, _ := key.GetStringValue("ProviderName")
		version, _, _ := key.GetStringValue("DriverVersion")
		desc, _, _ := key.GetStringValue("DriverDesc")
		_ = key.Close()
		if strings.EqualFold(provider, "NVIDIA") {
			names, driver = append(names, desc), nvidiaVersion(version)
		}
	}
	return names, driver
}

// nvidiaVersion extracts NVIDIA's version from Windows' one: 560.94 from
// 32.0.15.6094.
func nvidiaVersion(v string) string {
	digits := strings.ReplaceAll(v, ".", "")
	if len(digits) < 5 {
		return v
	}
	last := digits[len(digits)-5:]
	return last[:3] + "." + last[3:]
}

// smiPaths returns the only paths from which nvidia-smi is run. They do not
// depend on the user's environment or working directory.
func smiPaths(env execx.Environ) []string {
	if _, _, ok := simulated(env); ok {
		return nil
	}
	var out []string
	if dir, err := windows.GetSystemDirectory(); err == nil {
		out = append(out, filepath.Join(dir, "nvidia-smi.exe"))
	}
	if dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFiles, 0); err == nil {
		out = append(out, filepath.Join(dir, "NVIDIA Corporation", "NVSMI", "nvidia-smi.exe")) // drivers before 2019
	}
	return out
}

// modelNames returns the registry's descriptions, which already are the names.
func modelNames(_ execx.Environ, names []string) []string { return names }

// deviceFiles returns true: it matters only on Linux.
func deviceFiles(execx.Environ) bool { return true }
