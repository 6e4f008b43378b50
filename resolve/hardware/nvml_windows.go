package hardware

import (
	"context"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/modelrun/modelrun/execx"
)

// queryLibrary asks the driver's own library, which starts no process.
// nvidia-smi does the same, but takes a second or more.
//
// The result is empty without the library, on a machine without a GPU, and if a
// lost GPU blocks the library for longer than limit. Then nvidia-smi decides. A
// blocked call stays blocked until modelrun ends.
func queryLibrary(ctx context.Context, env execx.Environ, limit time.Duration) (gpus []GPU, driver string) {
	if gpus, driver, ok := simulated(env); ok {
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

// readLibrary returns the values of nvidia-smi --query-gpu, in the same order.
// Source: https://docs.nvidia.com/deploy/nvml-api/
func readLibrary() (gpus []GPU, driver string) {
	lib := nvml{windows.NewLazySystemDLL("nvml.dll")} // from System32 only
	if lib.dll.Load() != nil || !lib.call("nvmlInit_v2") {
		return nil, ""
	}
	defer lib.call("nvmlShutdown")
	var text [96]byte // the longest string is a device's name
	if lib.call("nvmlSystemGetDriverVersion", uintptr(unsafe.Pointer(&text)), unsafe.Sizeof(text)) {
		driver = windows.ByteSliceToString(text[:])
	}
	var count uint32
	lib.call("nvmlDeviceGetCount_v2", uintptr(unsafe.Pointer(&count)))
	for i := range count {
		var device uintptr
		if !lib.call("nvmlDeviceGetHandleByIndex_v2", uintptr(i), uintptr(unsafe.Pointer(&device))) {
			continue // it does not respond
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

// call calls a function of the library and reports success: nvmlReturn_t is 0.
// It also fails if an old library lacks the function.
//
//go:uintptrescapes
func (n nvml) call(name string, args ...uintptr) bool {
	proc := n.dll.NewProc(name)
	if proc.Find() != nil {
		return false
	}
	code, _, _ := proc.Call(args...) // the code is the result; there is no last error
	return uint32(code) == 0
}
