package hardware

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/execx/execxtest"
)

// TestMain also acts as a planted nvidia-smi.exe, which leaves a file when it
// runs.
func TestMain(m *testing.M) {
	if marker := os.Getenv("TEST_MARKER"); marker != "" {
		if err := os.WriteFile(marker, nil, 0o600); err != nil {
			panic(err)
		}
		return
	}
	execxtest.Main(m)
}

func TestNVIDIAVersion(t *testing.T) {
	t.Parallel()
	for windows, want := range map[string]string{
		"32.0.15.6094":  "560.94",
		"31.0.15.3713":  "537.13",
		"27.21.14.5671": "456.71",
		"32.0.15.8065":  "580.65",
		"1.2":           "1.2",
		"":              "",
	} {
		require.Equal(t, want, nvidiaVersion(windows), windows)
	}
}

// TestNVIDIACards checks a display class in the registry, as Windows writes it,
// with NVIDIA's cards among others.
func TestNVIDIACards(t *testing.T) {
	t.Parallel()
	const one, two = "NVIDIA GeForce RTX 3090", "NVIDIA RTX A4000"
	path := fmt.Sprintf(`Software\modelrun-test-%d`, os.Getpid())
	made := []string{path}
	t.Cleanup(func() {
		for i := range made {
			require.NoError(t, registry.DeleteKey(registry.CURRENT_USER, made[len(made)-1-i]))
		}
	})
	class, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.ALL_ACCESS)
	require.NoError(t, err)
	defer class.Close()
	card := func(name, provider, desc, version string) {
		made = append(made, path+`\`+name)
		key, _, err := registry.CreateKey(class, name, registry.ALL_ACCESS)
		require.NoError(t, err)
		defer key.Close()
		for name, value := range map[string]string{"ProviderName": provider, "DriverDesc": desc, "DriverVersion": version} {
			require.NoError(t, key.SetStringValue(name, value))
		}
	}

	names, driver := nvidiaCards(registry.CURRENT_USER, path)
	require.Empty(t, names)
	require.Empty(t, driver)
	card("0000", "Intel Corporation", "Intel(R) UHD Graphics 770", "31.0.101.4502")
	names, _ = nvidiaCards(registry.CURRENT_USER, path)
	require.Empty(t, names)
	card("0001", "NVIDIA", one, "32.0.15.6094")
	card("0002", "Nvidia", two, "32.0.15.6094")
	card("Configuration", "", "", "")
	names, driver = nvidiaCards(registry.CURRENT_USER, path)
	require.Equal(t, []string{one, two}, names)
	require.Equal(t, "560.94", driver)
	names, _ = nvidiaCards(registry.CURRENT_USER, path+"-not-there")
	require.Empty(t, names)
}

// TestSimulated checks that the launch path and the full detection see the same
// GPUs.
func TestSimulated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := execx.NewEnviron([]string{"MODELRUN_HARDWARE_ROOT=" + dir})
	detected := func(env execx.Environ) string {
		m, err := Detect(t.Context(), Identify(env), env)
		require.NoError(t, err)
		return m.String()
	}
	require.Equal(t, "no GPU", detected(env))
	none := Identify(env).ID()
	csv := "0, GPU-1, NVIDIA GeForce RTX 3090, 560.94, 24576, 8.6\r\n1, GPU-2, NVIDIA GeForce RTX 4090, 560.94, 24564, 8.9\r\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nvidia-smi.csv"), []byte(csv), 0o600))
	require.Equal(t, "NVIDIA GeForce RTX 3090 (8.6), NVIDIA GeForce RTX 4090 (8.9), driver 560.94", detected(env))
	require.NotEqual(t, none, Identify(env).ID())
	require.Equal(t, "NVIDIA GeForce RTX 4090 (8.9), driver 560.94", detected(env.With("CUDA_VISIBLE_DEVICES", "GPU-2")))
	require.Equal(t, "no GPU", detected(env.With("CUDA_VISIBLE_DEVICES", "-1")))
}

// noDriver skips a test on a machine with NVIDIA's driver, because that driver
// would answer.
func noDriver(t *testing.T) {
	t.Helper()
	system, err := windows.GetSystemDirectory()
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(system, "nvml.dll")); err == nil {
		t.Skip("this machine has NVIDIA's driver")
	}
}

// TestDetectWithoutLibrary checks that without nvml.dll and nvidia-smi.exe the GPU
// is known by its name in the registry.
func TestDetectWithoutLibrary(t *testing.T) {
	t.Parallel()
	noDriver(t)
	id := Identity{OS: "windows", Vendor: "nvidia", Driver: "560.94", GPUs: []string{"NVIDIA GeForce RTX 3090"}}
	m, err := Detect(t.Context(), id, execx.NewEnviron(nil))
	require.NoError(t, err)
	require.Equal(t, "NVIDIA GeForce RTX 3090 (8.6), driver 560.94", m.String())
	require.True(t, m.HasGPU())
}

// TestDetectTrustsNoPath checks that a program that another user put into the
// working directory, on PATH or into a folder named by a variable is never run.
func TestDetectTrustsNoPath(t *testing.T) {
	noDriver(t)
	plant := t.TempDir()
	marker := filepath.Join(plant, "ran")
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	for _, dir := range []string{"", "bin", `NVIDIA Corporation\NVSMI`, "System32"} {
		require.NoError(t, os.MkdirAll(filepath.Join(plant, dir), 0o755))
		for _, name := range []string{"nvidia-smi.exe", "nvml.dll"} {
			require.NoError(t, os.WriteFile(filepath.Join(plant, dir, name), program, 0o755))
		}
	}
	t.Chdir(plant)
	env := execx.NewEnviron(os.Environ()).With("TEST_MARKER", marker)
	for name, value := range map[string]string{
		"PATH": plant + ";" + filepath.Join(plant, "bin") + ";.", "MODELRUN_HARDWARE_ROOT": ".",
		"ProgramFiles": plant, "ProgramW6432": plant, "SystemRoot": plant,
	} {
		env = env.With(name, value)
		t.Setenv(name, value)
	}

	// Started directly, the planted program does leave the file.
	res, err := execx.Run(t.Context(), execx.Cmd{Path: filepath.Join(plant, "nvidia-smi.exe"), Env: env, Timeout: time.Minute})
	require.NoError(t, err)
	require.Zero(t, res.ExitCode, res.Tail)
	require.FileExists(t, marker)
	require.NoError(t, os.Remove(marker))

	m, err := Detect(t.Context(), Identity{Vendor: "nvidia", Driver: "560.94", GPUs: []string{"NVIDIA L4"}}, env)
	require.NoError(t, err)
	require.True(t, m.HasGPU())
	require.NoFileExists(t, marker)
}
