package hardware

import (
	"context"
	"runtime"
	"time"

	"github.com/modelrun/modelrun/execx"
)

// identify: Apple silicon has a GPU that every torch for it can use.
func identify(execx.Environ) Identity {
	id := Identity{OS: "darwin", Arch: runtime.GOARCH}
	if runtime.GOARCH == "arm64" {
		id.Vendor = "apple"
	}
	return id
}

func askLibrary(context.Context, execx.Environ, time.Duration) ([]GPU, string) { return nil, "" }

func smiPaths(execx.Environ) []string { return nil }

func modelNames(execx.Environ, []string) []string { return nil }

// deviceFiles is a question for Linux.
func deviceFiles(execx.Environ) bool { return true }
