package health

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/profile"
)

// checkTorchBuild reads torch/version.py, because the dist-info of PyPI's torch
// does not name its CUDA version.
func checkTorchBuild(s Subject, st *site) (Verdict, error) {
	if !needs(s.Imports, "torch") {
		return Verdict{}, nil
	}
	t, err := readTorchVersion(st)
	if fsys.IsMissing(err) {
		if st.cfg.system {
			return Verdict{}, nil
		}
		return broken(CodeTorn, "torch/version.py is missing: %s", st.packages), nil
	}
	if err != nil {
		return Verdict{}, unreadable(filepath.Join(st.packages, "torch"), err)
	}
	if t.bytes == 0 {
		return broken(CodeTorn, "torch/version.py is empty: %s", st.packages), nil
	}
	return cpuBuild(s, t), nil
}

func readTorchVersion(st *site) (torchVersion, error) {
	data, err := readLimited(filepath.Join(st.packages, "torch", "version.py"), 64<<10)
	t := parseTorchVersion(data)
	t.bytes = len(data)
	return t, err
}

// Narrowing returns which GPUs of the machine the torch of an env can use. It is zero
// without torch, and if the machine's GPUs are not known. It asks for the machine only
// if there may be several GPUs and the torch has CUDA: the driver may take seconds.
func Narrowing(ctx context.Context, d envdir.Dir, id hardware.Identity, machine func(context.Context) (hardware.Machine, error)) hardware.Narrowing {
	if !id.Several() {
		return hardware.Narrowing{}
	}
	data, err := readLimited(filepath.Join(d.SitePackages(minorOnDisk(d)), "torch", "version.py"), 64<<10)
	t := parseTorchVersion(data)
	if err != nil || t.cuda == "" {
		return hardware.Narrowing{}
	}
	m, err := machine(ctx)
	if err != nil {
		return hardware.Narrowing{}
	}
	return m.Narrow("cu"+strings.ReplaceAll(t.cuda, ".", ""), t.version)
}

// cpuBuild compares torch's build with the key. A build without CUDA is a fault
// only if a GPU is needed.
func cpuBuild(s Subject, t torchVersion) Verdict {
	switch {
	case !s.CUDA || t.version == "":
	case strings.HasPrefix(s.Accel, "cu") && t.cuda == "":
		return broken(CodeCPUBuild, "torch %s has no CUDA, the key says %s", t.version, s.Accel)
	case strings.HasPrefix(s.Accel, "rocm") && t.hip == "":
		return broken(CodeCPUBuild, "torch %s has no ROCm, the key says %s", t.version, s.Accel)
	}
	return Verdict{}
}

// needs reports whether imports include a top-level module.
func needs(imports []profile.Import, module string) bool {
	for _, i := range imports {
		if topLevel(i.Module) == module {
			return true
		}
	}
	return false
}

// torchVersion is the content of torch/version.py. "" stands for None.
type torchVersion struct {
	version, cuda, hip string
	bytes              int // the file's size
}

// parseTorchVersion reads assignments of one literal each, with or without an
// annotation: __version__ = '2.5.1+cu121', cuda: Optional[str] = '12.1'.
func parseTorchVersion(data []byte) torchVersion {
	var t torchVersion
	for line := range strings.Lines(string(data)) {
		left, right, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(left, ":")
		value := strings.TrimSpace(right)
		if len(value) < 2 || value[0] != '\'' && value[0] != '"' || value[len(value)-1] != value[0] {
			continue
		}
		value = value[1 : len(value)-1]
		switch strings.TrimSpace(name) {
		case "__version__":
			t.version = value
		case "cuda":
			t.cuda = value
		case "hip":
			t.hip = value
		}
	}
	return t
}
