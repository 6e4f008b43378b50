package hardware

import (
	"context"
	"runtime"
	"time"

	"github.com/modelrun/modelrun/execx"
)

// identify reports a GPU on Apple silicon: every torch for it can use that GPU.
func identify(execx.Environ) Identity {
	id := Identity{OS: "darwin", Arch: runtime.GOARCH}
	if runtime.GOARCH == "arm64" {
		id.Vendor = "apple"
	}
	return id
}

// queryLibrary returns nothing on macOS.
func queryLibrary(context.Context, execx.Environ, time.Duration) ([]GPU, string) { return nil, "" }

// smiPaths returns no paths: macOS has no nvidia-smi.
func smiPaths(execx.Environ) []string { return nil }

// modelNames returns no names: there are no NVIDIA GPUs.
func modelNames(execx.Environ, []string) []string { return nil }

// deviceFiles returns true: it matters only on Linux.
func deviceFiles(execx.Environ) bool { return true }
