package profile

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/hardware"
)

// fit ranks profiles that all serve the machine. Smaller is better. Fields are
// compared in this order; 0 means yes.
type fit struct {
	cpu      int // on a machine with a GPU a CPU build comes last, even if it is from the root
	unserved int // the number of GPUs that it does not run on
	memory   int // negative memory of the GPUs that it runs on, if it does not run on all
	embedded int // the user's own profiles come first
	cc       int // 0: made for exactly these GPUs, 1: for their generation, 2: runs on them
	untested int
	compat   int // the driver runs it only by minor-version compatibility
	older    int // negative version of the build: newest first
}

// compare returns a negative number if f is better than g.
func (f fit) compare(g fit) int {
	return cmp.Or(cmp.Compare(f.cpu, g.cpu), cmp.Compare(f.unserved, g.unserved), cmp.Compare(f.memory, g.memory), cmp.Compare(f.embedded, g.embedded), cmp.Compare(f.cc, g.cc),
		cmp.Compare(f.untested, g.untested), cmp.Compare(f.compat, g.compat), cmp.Compare(f.older, g.older))
}

// fitOf ranks a profile on this machine.
func (c chooser) fitOf(p Profile) fit {
	family, _ := c.want.in(p)
	n, memory := c.m.Narrow(p.Accel, p.Torch(family)), 0
	gpus := n.Of(c.m)
	if !n.Empty() {
		for _, g := range gpus {
			memory -= g.MemoryMiB
		}
	}
	return fit{
		cpu: zeroIf(class(p.Accel) != "cpu"), unserved: len(n.Hidden), memory: memory, embedded: zeroIf(p.Path != ""), cc: ccFit(p.CC, gpus), untested: zeroIf(p.Tested),
		compat: zeroIf(native(p.Accel, c.m.Identity.Driver)), older: -version(p.Accel),
	}
}

// zeroIf returns 0 for true and 1 for false.
func zeroIf(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// ccFit returns the worst fit of all GPUs. A GPU of unknown capability never
// fits exactly.
func ccFit(list []string, gpus []hardware.GPU) int {
	worst := 0
	for _, g := range gpus {
		switch {
		case slices.Contains(list, g.CC):
		case slices.ContainsFunc(list, func(cc string) bool { return sameGeneration(cc, g.CC) }):
			worst = max(worst, 1)
		default:
			worst = 2
		}
	}
	return worst
}

// sameGeneration reports whether code for have runs on gpu: it has the same
// major version, and the same or an older minor version.
func sameGeneration(have, gpu string) bool {
	hMajor, hMinor, ok := strings.Cut(have, ".")
	gMajor, gMinor, ok2 := strings.Cut(gpu, ".")
	if !ok || !ok2 || hMajor != gMajor {
		return false
	}
	h, err := strconv.Atoi(hMinor)
	g, err2 := strconv.Atoi(gMinor)
	return err == nil && err2 == nil && h <= g
}

// native reports whether the driver is at least as new as the one that came
// with the CUDA toolkit. Then everything in the toolkit works. An older driver
// only has minor-version compatibility
// (https://docs.nvidia.com/deploy/cuda-compatibility). Only the driver's branch
// counts; it is the same on Linux and Windows.
func native(accel, driver string) bool {
	branch, _, _ := strings.Cut(driver, ".")
	have, err := strconv.Atoi(branch)
	if err != nil || !IsCUDA(accel) {
		return !IsCUDA(accel)
	}
	var want int
	switch v := version(accel); {
	case v >= 132:
		want = 595
	case v >= 131:
		want = 590
	case v >= 130:
		want = 580
	case v >= 129:
		want = 575
	case v >= 128:
		want = 570
	case v >= 126:
		want = 560
	case v >= 124:
		want = 550
	case v >= 121:
		want = 530
	case v >= 120:
		want = 525
	default:
		want = 520
	}
	return have >= want
}

// version returns the number in an accelerator's name, which orders builds of
// one class: 121 for cu121, 604 for rocm6.4, 0 for names without a number.
func version(accel string) int {
	if v, ok := strings.CutPrefix(accel, "rocm"); ok {
		major, minor, _ := strings.Cut(v, ".")
		a, _ := strconv.Atoi(major) // cannot fail: ValidAccel checked the digits
		b, _ := strconv.Atoi(minor)
		return a*100 + b
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(accel, "cu"))
	return n
}

// Compatible returns the existing keys that can replace want, best first. First
// comes want with -bnb. Then come other builds of the same family for the same
// kind of GPU, if they run on as many GPUs of this machine as want does. If want
// has bitsandbytes, they must have it too. Envs of the other line of transformers
// follow those of the wanted line; the caller knows which of them the model can use.
//
// A CPU build never replaces a GPU build. A GPU build replaces a CPU build only
// if there is no usable GPU; then CUDA builds come last. A driver that was
// updated while loaded, or a GPU that is hidden for one start, must not cause
// the download of a second stack.
//
// A key does not contain the version of torch. The health check decides whether
// its code runs on these GPUs. A want that is not canonical has no compatible
// key.
func Compatible(want envdir.Key, have []envdir.Key, m hardware.Machine) []envdir.Key {
	return compatible(want, have, m.Identity.Driver, m.HasGPU(), func(accel string) error {
		if w, _ := ParseKey(want); len(m.Narrow(accel, "").Hidden) > len(m.Narrow(w.Accel, "").Hidden) {
			return errFewerGPUs
		}
		return m.Serves(accel, "")
	})
}

var errFewerGPUs = errors.New("it runs on fewer GPUs")

func compatible(want envdir.Key, have []envdir.Key, driver string, gpu bool, serves func(accel string) error) []envdir.Key {
	w, ok := ParseKey(want)
	if !ok {
		return nil
	}
	type other struct {
		key            envdir.Key
		build, line    int
		bnb            int
		compat, newest int
	}
	var found []other
	for _, k := range have {
		p, ok := ParseKey(k)
		if !ok || k == want || !alike(p.Family, w.Family) || w.Bnb && !p.Bnb {
			continue
		}
		onCPU := !gpu && w.Accel == "cpu" && IsCUDA(p.Accel)
		if p.Accel != w.Accel && !onCPU && (class(p.Accel) != class(w.Accel) || serves(p.Accel) != nil) {
			continue
		}
		found = append(found, other{k, zeroIf(p.Accel == w.Accel), zeroIf(p.Family.Name == w.Family.Name), zeroIf(p.Bnb == w.Bnb), zeroIf(native(p.Accel, driver)), -version(p.Accel)})
	}
	slices.SortStableFunc(found, func(a, b other) int {
		return cmp.Or(cmp.Compare(a.build, b.build), cmp.Compare(a.line, b.line), cmp.Compare(a.bnb, b.bnb),
			cmp.Compare(a.compat, b.compat), cmp.Compare(a.newest, b.newest))
	})
	keys := make([]envdir.Key, len(found))
	for i, o := range found {
		keys[i] = o.key
	}
	return keys
}

// alike reports whether two families are the same, or the two lines of transformers.
func alike(f, g Family) bool { return f.Name == g.Name || f.line != 0 && g.line != 0 }
