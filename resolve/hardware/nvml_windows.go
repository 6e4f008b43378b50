package hardware

import (
	"context"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx"
)

// askLibrary asks the driver's own library, which starts no process: nvidia-smi
// does the same, in a second or more. Nothing is an answer, too: no library, a
// machine without a GPU, or a lost GPU that holds it for longer than limit; then
// nvidia-smi has the word. What is held that long stays until we end.
func askLibrary(ctx context.Context, env execx.Environ, limit time.Duration) (gpus []GPU, driver string) {
	if gpus, driver, ok := madeUp(env); ok {
		return gpus, driver
	}
	type answer struct {
		gpus   []GPU
		driver string
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		gpus, driver := readLibrary()
		done <- answer{gpus, driver}
	}()
	select {
	case a := <-done:
		return a.gpus, a.driver
	case <-ctx.Done():
		return nil, ""
	}
}

// readLibrary reads what nvidia-smi --query-gpu prints, in the same order.
// Source: https://docs.nvidia.com/deploy/nvml-api/
func readLibrary() (gpus []GPU, driver string) {
	lib := nvml{windows.NewLazySystemDLL("nvml.dll")} // of System32, and of no other folder
	if lib.dll.Load() != nil || !lib.call("nvmlInit_v2") {
		return nil, ""
	}
	defer lib.call("nvmlShutdown")
	var text [96]byte // the longest of its strings, a device's name
	if lib.call("nvmlSystemGetDriverVersion", uintptr(unsafe.Pointer(&text)), unsafe.Sizeof(text)) {
		driver = windows.ByteSliceToString(text[:])
	}
	var count uint32
	lib.call("nvmlDeviceGetCount_v2", uintptr(unsafe.Pointer(&count)))
	for i := range count {
		var device uintptr
		if !lib.call("nvmlDeviceGetHandleByIndex_v2", uintptr(i), uintptr(unsafe.Pointer(&device))) {
			continue // it does not answer
		}
		var g GPU
		if lib.call("nvmlDeviceGetName", device, uintptr(unsafe.Pointer(&text)), unsafe.Sizeof(text)) {
			g.Name = windows.ByteSliceToString(text[:])
		}
		if lib.call("nvmlDeviceGetUUID", device, uintptr(unsafe.Pointer(&text)), unsafe.Sizeof(text)) {
			g.UUID = windows.ByteSliceToString(text[:])
		}
		if g.Name == "" && g.UUID == "" {
			continue
		}
		var major, minor int32
		if lib.call("nvmlDeviceGetCudaComputeCapability", device, uintptr(unsafe.Pointer(&major)), uintptr(unsafe.Pointer(&minor))) {
			g.CC = strconv.Itoa(int(major)) + "." + strconv.Itoa(int(minor))
		} else {
			g.CC = ccOf(g.Name)
		}
		var memory struct{ total, free, used uint64 }
		if lib.call("nvmlDeviceGetMemoryInfo", device, uintptr(unsafe.Pointer(&memory))) {
			g.MemoryMiB = int(memory.total >> 20)
		}
		gpus = append(gpus, g)
	}
	return gpus, driver
}

// nvml is NVIDIA's management library.
type nvml struct{ dll *windows.LazyDLL }

// call reports success: nvmlReturn_t is 0, and an old library has the function.
//
//go:uintptrescapes
func (n nvml) call(name string, args ...uintptr) bool {
	proc := n.dll.NewProc(name)
	if proc.Find() != nil {
		return false
	}
	code, _, _ := proc.Call(args...) // the code is the answer, there is no last error
	return uint32(code) == 0
}
