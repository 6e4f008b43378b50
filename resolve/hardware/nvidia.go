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

// smiLimit is how long nvidia-smi may take: it hangs on a lost GPU.
const smiLimit = 5 * time.Second

// nvidia asks the driver's library, else nvidia-smi, and where neither gives an
// answer the kernel module, whose names tell the compute capability.
func nvidia(ctx context.Context, m Machine, env execx.Environ, limit time.Duration) (Machine, error) {
	var problem string
	gpus, driver := askLibrary(ctx, env, limit)
	if len(gpus) == 0 {
		var err error
		if gpus, driver, problem, err = askSMI(ctx, env, limit); err != nil {
			return m, err
		}
	}
	m.GPUs, m.Problem = choose(gpus, env), problem
	m.Told = driver
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
	case problem == "" || strings.HasPrefix(problem, "nvidia-smi") && !lost(problem) && m.Driver != "" && len(names) > 0:
		// The tool is missing or broken, the driver is there: good enough.
		m.Problem = ""
	}
	for _, name := range names {
		gpus = append(gpus, GPU{Name: name, CC: ccOf(name)})
	}
	m.GPUs = choose(gpus, env)
	if len(m.GPUs) == 0 && m.Problem == "" {
		m.Problem = "the NVIDIA driver is loaded and no GPU answers"
	}
	return m, nil
}

// askSMI runs nvidia-smi. Drivers of the 470 series do not know compute_cap:
// they are asked again without (huggingface/candle#733).
func askSMI(ctx context.Context, env execx.Environ, limit time.Duration) (gpus []GPU, driver, problem string, err error) {
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

// parseSMI reads the lines of a query. A line that is not one is passed over.
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
			continue // a device that does not answer
		}
		g := GPU{UUID: row[1], Name: row[2]}
		g.MemoryMiB, _ = strconv.Atoi(row[4]) // 0 when it does not say
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

// choose keeps the GPUs that CUDA_VISIBLE_DEVICES shows: indices or the
// beginnings of UUIDs; the first that fits none ends the list, as in CUDA.
//
// Indices count in nvidia-smi's order only under CUDA_DEVICE_ORDER=PCI_BUS_ID;
// CUDA's own order is the fastest first, and which GPU a MIG slice belongs to is
// not told. Where that matters, because the GPUs differ, all of them count.
func choose(gpus []GPU, env execx.Environ) []GPU {
	visible, ok := env.Lookup("CUDA_VISIBLE_DEVICES")
	if !ok || len(gpus) == 0 {
		return gpus
	}
	if unlike(gpus) && (strings.Contains(visible, "MIG-") ||
		!strings.Contains(visible, "GPU-") && env.Get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID") {
		return gpus
	}
	var out []GPU
	for _, want := range strings.Split(visible, ",") {
		want = strings.TrimSpace(want)
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

// lost reports whether the tool's complaint is about the GPU and not about
// itself: such a GPU fails every program, whatever the kernel module lists.
func lost(problem string) bool {
	lower := strings.ToLower(problem)
	return strings.Contains(lower, "gpu is lost") || strings.Contains(lower, "failed to initialize nvml") || strings.Contains(lower, "unable to determine the device handle")
}

// unlike reports whether it matters which of the GPUs is meant.
func unlike(gpus []GPU) bool {
	for _, g := range gpus {
		if g.CC != gpus[0].CC {
			return true
		}
	}
	return false
}

func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
