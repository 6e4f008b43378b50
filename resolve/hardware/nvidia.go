package hardware

import (
	"context"
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/modelrun/modelrun/execx"
)

// smiLimit is the time limit of nvidia-smi, which hangs on a lost GPU.
const smiLimit = 5 * time.Second

// nvidia asks the driver's library, then nvidia-smi. If both fail, it uses the
// names from the kernel module, which imply the compute capability.
func nvidia(ctx context.Context, m Machine, env execx.Environ, limit time.Duration) (Machine, error) {
	var problem string
	gpus, driver := queryLibrary(ctx, env, limit)
	if len(gpus) == 0 {
		var err error
		if gpus, driver, problem, err = querySMI(ctx, env, limit); err != nil {
			return m, err
		}
	}
	m.GPUs, m.Problem = visibleGPUs(gpus, env), problem
	m.Reported = driver
	if len(gpus) > 0 {
		if len(m.GPUs) == 0 {
			m.Problem = "CUDA_VISIBLE_DEVICES=" + env.Get("CUDA_VISIBLE_DEVICES") + " names no GPU of this machine"
		}
		return m, nil
	}
	names := modelNames(env, m.Identity.GPUs)
	switch {
	case !deviceFiles(env):
		// A container without --gpus sees its host's /proc and /sys.
		m.Problem = "the NVIDIA driver is loaded, but /dev/nvidiactl is not here: a container without its GPUs?"
		return m, nil
	case problem == "" || strings.HasPrefix(problem, "nvidia-smi") && !isLost(problem) && m.Driver != "" && len(names) > 0:
		// nvidia-smi is missing or broken, but the driver is loaded: that is
		// enough.
		m.Problem = ""
	}
	for _, name := range names {
		gpus = append(gpus, GPU{Name: name, CC: ccOf(name)})
	}
	m.GPUs = visibleGPUs(gpus, env)
	if len(m.GPUs) == 0 && m.Problem == "" {
		m.Problem = "the NVIDIA driver is loaded and no GPU answers"
	}
	return m, nil
}

// querySMI runs nvidia-smi. Drivers of the 470 series do not support
// compute_cap; they are asked again without it (huggingface/candle#733).
func querySMI(ctx context.Context, env execx.Environ, limit time.Duration) (gpus []GPU, driver, problem string, err error) {
	fields := "index,uuid,name,driver_version,memory.total"
	for _, query := range []string{fields + ",compute_cap", fields} {
		res, err := runSMI(ctx, env, query, limit)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, "", "", nil
		case ctx.Err() != nil:
			return nil, "", "", context.Cause(ctx)
		case err != nil:
			return nil, "", "nvidia-smi cannot be started: " + err.Error(), nil
		case res.TimedOut:
			return nil, "", "nvidia-smi gave no answer within " + limit.String(), nil
		}
		text := string(res.Stdout) + "\n" + res.Tail
		if strings.Contains(text, "Driver/library version mismatch") {
			return nil, "", "the NVIDIA driver was updated while it is loaded (driver/library version mismatch): restart the machine", nil
		}
		if strings.Contains(text, "No devices were found") {
			return nil, "", "the NVIDIA driver finds no device", nil
		}
		if res.ExitCode == 0 {
			gpus, driver = parseSMI(string(res.Stdout))
			return gpus, driver, "", nil
		}
		line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		problem = "nvidia-smi fails: " + line
	}
	return nil, "", problem, nil
}

// runSMI runs the first nvidia-smi that exists and may be executed.
func runSMI(ctx context.Context, env execx.Environ, query string, limit time.Duration) (execx.Result, error) {
	for _, path := range smiPaths(env) {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		res, err := execx.Run(ctx, execx.Cmd{
			Path: path, Args: []string{"--query-gpu=" + query, "--format=csv,noheader,nounits"},
			Env: env.Without("CUDA_VISIBLE_DEVICES", "LD_PRELOAD"), Dir: os.TempDir(), Timeout: limit,
		})
		if errors.Is(err, fs.ErrPermission) {
			continue
		}
		return res, err
	}
	return execx.Result{}, fs.ErrNotExist
}

// parseSMI reads the output of a query. It ignores other lines.
func parseSMI(out string) (gpus []GPU, driver string) {
	r := csv.NewReader(strings.NewReader(out))
	r.FieldsPerRecord, r.TrimLeadingSpace, r.LazyQuotes = -1, true, true
	for {
		row, err := r.Read()
		if err != nil {
			return gpus, driver
		}
		if len(row) < 5 || !numeric(row[0]) {
			continue
		}
		for i := range row {
			if row[i] = strings.TrimSpace(row[i]); strings.HasPrefix(row[i], "[") { // [N/A], [Not Supported]
				row[i] = ""
			}
		}
		if row[1] == "" && row[2] == "" {
			continue // a device that does not respond
		}
		g := GPU{UUID: row[1], Name: row[2]}
		g.MemoryMiB, _ = strconv.Atoi(row[4]) // 0 if not reported
		if len(row) > 5 && strings.Contains(row[5], ".") {
			g.CC = row[5]
		}
		if g.CC == "" {
			g.CC = ccOf(g.Name)
		}
		if row[3] != "" {
			driver = row[3]
		}
		gpus = append(gpus, g)
	}
}

// visibleGPUs returns the GPUs that CUDA_VISIBLE_DEVICES shows. Its entries are
// indices or the beginnings of UUIDs. As in CUDA, the first entry without a
// match ends the list.
//
// The indices follow nvidia-smi's order only under
// CUDA_DEVICE_ORDER=PCI_BUS_ID; CUDA's own order begins with the fastest GPU.
// And a MIG slice does not say to which GPU it belongs. If the GPUs differ, so
// that this matters, all of them count.
func visibleGPUs(gpus []GPU, env execx.Environ) []GPU {
	visible, ok := env.Lookup("CUDA_VISIBLE_DEVICES")
	if !ok || len(gpus) == 0 {
		return gpus
	}
	// The older name of a slice has its GPU: MIG-GPU-<uuid>/<instance>/<instance>.
	visible = strings.ReplaceAll(visible, "MIG-GPU-", "GPU-")
	if differ(gpus) && (strings.Contains(visible, "MIG-") ||
		!strings.Contains(visible, "GPU-") && env.Get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID") {
		return gpus
	}
	var out []GPU
	for _, want := range strings.Split(visible, ",") {
		want, _, _ = strings.Cut(strings.TrimSpace(want), "/")
		if strings.HasPrefix(want, "MIG-") {
			return gpus[:1]
		}
		found := false
		for i, g := range gpus {
			if want == strconv.Itoa(i) || strings.HasPrefix(want, "GPU-") && strings.HasPrefix(g.UUID, want) {
				out, found = append(out, g), true
				break
			}
		}
		if !found {
			break
		}
	}
	return out
}

// isLost reports whether nvidia-smi complains about the GPU, and not about
// itself. No program can use such a GPU, although the kernel module lists it.
func isLost(problem string) bool {
	lower := strings.ToLower(problem)
	return strings.Contains(lower, "gpu is lost") || strings.Contains(lower, "failed to initialize nvml") || strings.Contains(lower, "unable to determine the device handle")
}

// differ reports whether the GPUs have different capabilities.
func differ(gpus []GPU) bool {
	for _, g := range gpus {
		if g.CC != gpus[0].CC {
			return true
		}
	}
	return false
}

// numeric reports whether s consists of digits.
func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
