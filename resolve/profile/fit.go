package profile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/hardware"
)

// fit orders profiles that all serve the machine; the smaller one is better.
// Each field is 0 for yes.
type fit struct {
	cpu      int // a CPU build on a machine with a GPU comes last, even from the root
	embedded int // the user's own profiles come first
	cc       int // 0 made for exactly these GPUs, 1 for their generation, 2 it runs there
	untested int
	compat   int // the driver runs it only by minor-version compatibility
	older    int // minus the build's version: newest first
}

func (f fit) compare(g fit) int {
	return cmp.Or(cmp.Compare(f.cpu, g.cpu), cmp.Compare(f.embedded, g.embedded), cmp.Compare(f.cc, g.cc),
		cmp.Compare(f.untested, g.untested), cmp.Compare(f.compat, g.compat), cmp.Compare(f.older, g.older))
}

func (c chooser) fitOf(p Profile) fit {
	return fit{
		cpu: no(class(p.Accel) != "cpu"), embedded: no(p.Path != ""), cc: ccFit(p.CC, c.m.GPUs), untested: no(p.Tested),
		compat: no(native(p.Accel, c.m.Identity.Driver)), older: -version(p.Accel),
	}
}

func no(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// ccFit is the worst fit over all GPUs. A GPU of unknown capability fits nothing exactly.
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

// sameGeneration reports whether code for have runs on gpu: the same major
// version and no newer a minor one.
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

// native reports whether the driver is as new as the one that came with the
// CUDA toolkit: then everything of it works, not only what minor-version
// compatibility grants (https://docs.nvidia.com/deploy/cuda-compatibility).
// Only the driver's branch counts, which is the same on Linux and Windows.
func native(accel, driver string) bool {
	branch, _, _ := strings.Cut(driver, ".")
	have, err := strconv.Atoi(branch)
	if err != nil || !IsCUDA(accel) {
		return !IsCUDA(accel)
	}
	var want int
	switch v := version(accel); {
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

// version is the number in an accelerator's name, to order builds of one class:
// cu121 is 121, rocm6.4 is 604, and those without one are 0.
func version(accel string) int {
	if v, ok := strings.CutPrefix(accel, "rocm"); ok {
		major, minor, _ := strings.Cut(v, ".")
		a, _ := strconv.Atoi(major) // ValidAccel has seen the digits
		b, _ := strconv.Atoi(minor)
		return a*100 + b
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(accel, "cu"))
	return n
}

// Compatible says which of the existing keys may serve instead of want, best
// first: want with -bnb, then the same family's other builds for the same kind
// of GPU that every GPU here can run as far as the driver goes, with at least
// the bitsandbytes that is wanted. Never a CPU build for a GPU's, nor the reverse
// while a GPU can be used. Where none can, CUDA builds serve the CPU, last: a
// driver that was updated while it is loaded, or a GPU that is hidden for one
// start, is no reason to download a second stack.
//
// A key does not say which torch it holds: that its code runs on these GPUs is
// for the health check to see. A want of another shape has no compatible key.
func Compatible(want envdir.Key, have []envdir.Key, m hardware.Machine) []envdir.Key {
	return compatible(want, have, m.Identity.Driver, m.HasGPU(), func(accel string) error { return m.Serves(accel, "") })
}

func compatible(want envdir.Key, have []envdir.Key, driver string, gpu bool, serves func(accel string) error) []envdir.Key {
	w, ok := ParseKey(want)
	if !ok {
		return nil
	}
	type other struct {
		key            envdir.Key
		build, bnb     int
		compat, newest int
	}
	var found []other
	for _, k := range have {
		p, ok := ParseKey(k)
		if !ok || k == want || p.Family.Name != w.Family.Name || w.Bnb && !p.Bnb {
			continue
		}
		onCPU := !gpu && w.Accel == "cpu" && IsCUDA(p.Accel)
		if p.Accel != w.Accel && !onCPU && (class(p.Accel) != class(w.Accel) || serves(p.Accel) != nil) {
			continue
		}
		found = append(found, other{k, no(p.Accel == w.Accel), no(p.Bnb == w.Bnb), no(native(p.Accel, driver)), -version(p.Accel)})
	}
	slices.SortStableFunc(found, func(a, b other) int {
		return cmp.Or(cmp.Compare(a.build, b.build), cmp.Compare(a.bnb, b.bnb),
			cmp.Compare(a.compat, b.compat), cmp.Compare(a.newest, b.newest))
	})
	keys := make([]envdir.Key, len(found))
	for i, o := range found {
		keys[i] = o.key
	}
	return keys
}
