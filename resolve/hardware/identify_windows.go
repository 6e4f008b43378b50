package hardware

import (
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/modelrun/modelrun/execx"
)

// displayClass holds a numbered key for every display driver.
const displayClass = `SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}`

// identify reads the registry.
func identify(execx.Environ) Identity {
	id := Identity{OS: "windows", Arch: runtime.GOARCH}
	class, err := registry.OpenKey(registry.LOCAL_MACHINE, displayClass, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return id
	}
	defer func() { _ = class.Close() }()
	names, _ := class.ReadSubKeyNames(-1) // what can be read counts
	for _, name := range names {
		key, err := registry.OpenKey(class, name, registry.QUERY_VALUE)
		if err != nil {
			continue
		}
		provider, _, _ := key.GetStringValue("ProviderName")
		version, _, _ := key.GetStringValue("DriverVersion")
		desc, _, _ := key.GetStringValue("DriverDesc")
		_ = key.Close()
		if strings.EqualFold(provider, "NVIDIA") {
			id.Vendor, id.Driver = "nvidia", nvidiaVersion(version)
			id.GPUs = append(id.GPUs, desc)
		}
	}
	return id
}

// nvidiaVersion is NVIDIA's own number in Windows' one: 32.0.15.6094 is 560.94.
func nvidiaVersion(v string) string {
	digits := strings.ReplaceAll(v, ".", "")
	if len(digits) < 5 {
		return v
	}
	last := digits[len(digits)-5:]
	return last[:3] + "." + last[3:]
}

// smiPaths are the only places from which nvidia-smi is run.
func smiPaths(env execx.Environ) []string {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return nil
	}
	out := []string{filepath.Join(system, "nvidia-smi.exe")}
	if dir := env.Get("ProgramW6432"); filepath.IsAbs(dir) {
		out = append(out, filepath.Join(dir, "NVIDIA Corporation", "NVSMI", "nvidia-smi.exe"))
	}
	return out
}

// modelNames: the registry's descriptions are the names already.
func modelNames(_ execx.Environ, names []string) []string { return names }

// deviceFiles is a question for Linux.
func deviceFiles(execx.Environ) bool { return true }
