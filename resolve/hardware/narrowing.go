package hardware

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/execx"
)

// Narrowing tells which GPUs a build can use, on a machine where it cannot use all.
// The zero value is for a build that runs on every GPU.
type Narrowing struct {
	Used   []int // positions in Machine.GPUs, which nvidia-smi shows as the index
	Hidden []GPU // the other ones
	Build  string
}

// Narrow returns which GPUs a CUDA build for accel with this torch version ("" if not
// known) can use. It is zero if these are all or none.
func (m Machine) Narrow(accel, torch string) Narrowing {
	n := Narrowing{Build: accel}
	cuda, err := strconv.Atoi(strings.TrimPrefix(accel, "cu"))
	if err != nil || m.Vendor != "nvidia" || !differ(m.GPUs) {
		return Narrowing{}
	}
	for i, g := range m.GPUs {
		if g.CC == "" || g.checkBuild(accel, cuda, torch) == nil {
			n.Used = append(n.Used, i)
		} else {
			n.Hidden = append(n.Hidden, g)
		}
	}
	if len(n.Used) == 0 || len(n.Hidden) == 0 {
		return Narrowing{}
	}
	return n
}

// Several reports whether the machine may have several NVIDIA GPUs.
func (i Identity) Several() bool {
	one := len(i.GPUs) == 1 && !strings.HasPrefix(i.GPUs[0], "wsl ")
	return i.Vendor == "nvidia" && !one
}

// Empty reports whether nothing is narrowed.
func (n Narrowing) Empty() bool { return len(n.Hidden) == 0 }

// Of returns the GPUs of a machine that the build can use.
func (n Narrowing) Of(m Machine) []GPU {
	if n.Empty() {
		return m.GPUs
	}
	var used []GPU
	for _, i := range n.Used {
		used = append(used, m.GPUs[i])
	}
	return used
}

// list returns the positions as CUDA_VISIBLE_DEVICES has them: "0,2". They are
// integers, because programs parse them (vllm-project/vllm#13815, #41848).
func (n Narrowing) list() string {
	var words []string
	for _, i := range n.Used {
		words = append(words, strconv.Itoa(i))
	}
	return strings.Join(words, ",")
}

// The variables that a narrowing sets. The last one tells a modelrun inside the
// program what to undo.
const (
	visibleDevices = "CUDA_VISIBLE_DEVICES"
	deviceOrder    = "CUDA_DEVICE_ORDER"
	byBus          = "PCI_BUS_ID" // nvidia-smi's order; CUDA's own begins with the fastest GPU
	activeGPUs     = "MODELRUN_ACTIVE_GPUS"
)

// ByUser reports whether the user chose the GPUs. Then nothing is narrowed.
func ByUser(env execx.Environ) bool {
	_, devices := env.Lookup(visibleDevices)
	_, order := env.Lookup(deviceOrder)
	return devices || order
}

// Apply returns the variables of a program that sees only the used GPUs. It changes
// nothing if the user chose the GPUs. What a project's file says of the last variable is
// removed: a modelrun inside the program would undo what the user set.
func (n Narrowing) Apply(env execx.Environ) execx.Environ {
	if _, ok := env.Lookup(activeGPUs); ok {
		env = env.Without(activeGPUs)
	}
	if n.Empty() || ByUser(env) {
		return env
	}
	return env.With(visibleDevices, n.list()).With(deviceOrder, byBus).With(activeGPUs, n.list())
}

// Warning returns one sentence for the user about the GPUs that are not used, or "".
func (n Narrowing) Warning(env execx.Environ) string {
	if n.Empty() {
		return ""
	}
	var names []string
	for _, g := range n.Hidden {
		names = append(names, g.String())
	}
	text := fmt.Sprintf("%s has no code for %s", n.Build, strings.Join(names, ", "))
	switch {
	case strings.Contains(env.Get(visibleDevices), "MIG-"):
		return "" // a slice is on a newer GPU
	case !ByUser(env):
		return fmt.Sprintf("%s: the program sees only GPU %s", text, strings.ReplaceAll(n.list(), ",", ", "))
	case env.Get(deviceOrder) == byBus:
		return fmt.Sprintf("%s: leave it out of %s", text, visibleDevices)
	}
	return fmt.Sprintf("%s, which the program may see; to hide it, set %s=%s and %s=%s", text, deviceOrder, byBus, visibleDevices, n.list())
}

// Undo returns the variables without what an outer modelrun set by [Narrowing.Apply].
// What its program changed since stays.
func Undo(env execx.Environ) execx.Environ {
	was, ok := env.Lookup(activeGPUs)
	switch {
	case !ok:
		return env
	case env.Get(visibleDevices) == was && env.Get(deviceOrder) == byBus:
		return env.Without(activeGPUs, visibleDevices, deviceOrder)
	}
	return env.Without(activeGPUs)
}
