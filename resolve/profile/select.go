package profile

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Choice is the selected profile, and the rejected ones with a reason each.
type Choice struct {
	Profile Profile  // the one to use
	Family  Family   // the wanted family; with Want.Lines the line that the profile has, the newer of two
	Passed  []Passed // the ones that were rejected
	// Warning is set if there is a GPU and the choice is a CPU build that the
	// user did not ask for. It is one sentence for the user, and an error under
	// --require-gpu.
	Warning string
}

// Passed is a rejected profile with the reason.
type Passed struct{ Name, Reason string }

// Want restricts the choice.
type Want struct {
	Name   string           // --profile; "" for any
	Family Family           // the profile must have a build of it
	Lines  bool             // either line of transformers serves; Family is [DefaultFamily]
	Accel  string           // of the key that the user named; "" for any
	Bad    map[string]error // from InRoot: the error to return if Name is one of them
	Pickle string           // the weights that transformers must unpickle; "" if there are none
	All    bool             // Choice.Passed must also have the built-in profiles that a profile of the root beats
}

// Select returns the best profile that serves the machine. The root comes
// before built-in profiles; then compute capability, tested profiles and the
// driver decide.
//
// A profile for a GPU never serves a machine without one, unless Want.Accel
// names it: images are built on machines without a GPU. It is a BadProfile if
// the user named a profile that does not exist or cannot serve.
func Select(m hardware.Machine, inRoot []Profile, w Want) (Choice, error) {
	c := chooser{m: m, serves: m.Serves, want: w}
	if w.Family.only == "mps" && m.Identity.Vendor != "apple" { // nor can an image for it be built elsewhere
		return Choice{}, fault.New(fault.BadProfile, "family %s runs on Apple silicon only; this machine has %s", w.Family.Name, m).
			Fix("use the model in another format here, such as safetensors or GGUF")
	}
	if !w.All {
		// A profile of the root beats every built-in one, so the built-in ones need
		// not be decoded. That makes a start that compares its env with the plan
		// 0.4 ms faster. A CPU build does so only if one is wanted.
		choice, err := c.choose(inRoot, nil)
		all := func(p Profile) bool { return class(p.Accel) != "cpu" && c.fitOf(p).unserved == 0 }
		if err == nil && (w.Name != "" || w.Accel != "" || all(choice.Profile)) {
			return choice, nil
		}
	}
	return c.choose(inRoot, Embedded())
}

// in returns the wanted family, and whether the profile has it. Of two lines it is the
// newer one that the profile has and whose needs it meets.
func (w Want) in(p Profile) (Family, bool) {
	if newer, ok := FamilyNamed(Transformers5); ok && w.Lines && p.Has(newer) && (p.tooOld(newer) == "" || !p.Has(w.Family)) {
		return newer, true
	}
	return w.Family, p.Has(w.Family)
}

// Judged is a profile and whether it serves this machine.
type Judged struct {
	Profile
	Reason string // why it cannot serve; "" if it can
}

// Judge returns for every profile whether it serves the machine, the root's
// first. It ignores [Want.Name] and [Want.Bad].
func Judge(m hardware.Machine, inRoot []Profile, w Want) []Judged {
	c := chooser{m: m, serves: m.Serves, want: w}
	var all []Judged
	for _, p := range slices.Concat(inRoot, Embedded()) {
		all = append(all, Judged{p, c.rejection(p)})
	}
	return all
}

// chooser makes one choice. serves is the machine's Serves.
type chooser struct {
	m      hardware.Machine
	serves func(accel, torch string) error
	want   Want
}

// candidate is a profile that serves the machine.
type candidate struct {
	Profile
	fit fit
}

// choose does the work of Select.
func (c chooser) choose(inRoot, embedded []Profile) (Choice, error) {
	if c.want.Name != "" {
		return c.named(inRoot, embedded)
	}
	var out Choice
	var found []candidate
	for _, p := range slices.Concat(inRoot, embedded) {
		if why := c.rejection(p); why != "" {
			out.Passed = append(out.Passed, Passed{Name: p.Name, Reason: why})
			continue
		}
		found = append(found, candidate{p, c.fitOf(p)})
	}
	if len(found) == 0 {
		return out, c.noneServes(out.Passed)
	}
	out.Profile = slices.MinFunc(found, func(a, b candidate) int { return a.fit.compare(b.fit) }).Profile
	out.Family, _ = c.want.in(out.Profile)
	out.Warning = c.warning(out)
	return out, nil
}

// named returns the profile that the user named, from the root or built-in.
func (c chooser) named(inRoot, embedded []Profile) (Choice, error) {
	var names []string
	for _, p := range slices.Concat(inRoot, embedded) {
		if p.Name != c.want.Name {
			names = append(names, p.Name)
			continue
		}
		if why := c.rejection(p); why != "" {
			return Choice{}, fault.New(fault.BadProfile, "profile %s cannot be used here: %s", p.Name, why).
				Fix("leave --profile out, or see which ones serve this machine: modelrun profiles")
		}
		family, _ := c.want.in(p)
		return Choice{Profile: p, Family: family}, nil
	}
	if err := c.want.Bad[c.want.Name]; err != nil {
		return Choice{}, err
	}
	e := fault.New(fault.BadProfile, "no profile is called %q; there are %s", c.want.Name, strings.Join(names, ", "))
	if n := fault.Nearest(c.want.Name, names); n != "" {
		return Choice{}, e.Fix("did you mean --profile %s?", n)
	}
	return Choice{}, e.Fix("leave --profile out, or name one of these: modelrun profiles")
}

// rejection returns the reason why a profile cannot serve, or "".
func (c chooser) rejection(p Profile) string {
	kind := class(p.Accel)
	family, has := c.want.in(p)
	switch {
	case c.want.Accel != "" && p.Accel != c.want.Accel:
		return "it is for " + p.Accel + ", wanted is " + c.want.Accel
	case c.want.Family.Name != "" && !has:
		return "it says nothing of " + c.want.Family.Name
	case p.tooOld(family) != "":
		return p.tooOld(family)
	case kind == "cpu":
		return c.pickled(p, family)
	case c.want.Accel != "" && len(c.m.GPUs) == 0:
		return c.pickled(p, family) // building an image, or the GPU is not visible now
	case c.m.Problem != "":
		return c.m.Problem
	case !c.hasGPU():
		return "it is for " + p.Accel + " and this machine has no GPU"
	case c.m.Identity.Vendor != kind:
		return "it is for " + p.Accel + " and the GPU here is of " + c.m.Identity.Vendor
	}
	torch := p.Torch(family)
	if err := c.serves(p.Accel, torch); err != nil {
		return err.Error()
	}
	if torch != "" && p.Path == "" && IsCUDA(p.Accel) && c.m.Identity.OS == "windows" && p.For(family).TorchIndex == "" {
		return "its torch comes from the default index, which has it without CUDA for Windows"
	}
	return c.pickled(p, family)
}

// pickled returns the reason why a profile that serves in any other way cannot open
// the wanted model's pickled weights, or "".
func (c chooser) pickled(p Profile, f Family) string {
	version := ""
	for _, pin := range p.For(f).Pins {
		if f.line != 0 && f.pins(pin) {
			version = pin.Version
		}
	}
	torch := p.Torch(f)
	if c.want.Pickle == "" || !RefusesPickles(version, torch) {
		return ""
	}
	return "transformers " + version + " opens " + filepath.Base(c.want.Pickle) + " only with torch " + PickleTorch + " or newer, and it has torch " + torch
}

// PickleTorch is the first version of torch with which transformers from 4.52 on
// unpickles weights (CVE-2025-32434): check_torch_load_is_safe in the wheels of 4.52.1,
// 4.57.6 and 5.24.0; that of 4.51.3 has no such check.
const PickleTorch = "2.6"

// RefusesPickles reports whether a version of transformers unpickles no weights with a
// version of torch. It does not if one of them is "".
func RefusesPickles(transformers, torch string) bool {
	return transformers != "" && torch != "" && requirement.CompareReleases(transformers, "4.52") >= 0 && requirement.CompareReleases(torch, PickleTorch) < 0
}

// hasGPU reports whether there is a GPU, even if only its driver or its problem is
// known.
func (c chooser) hasGPU() bool {
	return len(c.m.GPUs) > 0 || c.m.Identity.Vendor != "" || c.m.Problem != ""
}

// noneServes returns the error that no profile can serve.
func (c chooser) noneServes(passed []Passed) error {
	what := "no profile serves this machine"
	if c.want.Accel != "" {
		what = "no profile serves " + c.want.Accel
	}
	if c.want.Family.Name != "" {
		what += " for " + c.want.Family.Name
	}
	var why []string
	for _, p := range passed {
		if !strings.HasPrefix(p.Reason, "it is for ") {
			why = append(why, p.Name+": "+p.Reason)
		}
	}
	if len(why) > 0 {
		what += "; " + strings.Join(why, "; ")
	}
	return fault.New(fault.BadProfile, "%s", what).
		Fix("put one of your own into profiles/, name another key with --env, or see all: modelrun profiles")
}

// warning returns the sentence about a GPU that is not used, or "".
func (c chooser) warning(out Choice) string {
	if class(out.Profile.Accel) != "cpu" || c.want.Accel != "" || c.want.Family.only == "cpu" || !c.hasGPU() {
		return ""
	}
	gpu := "the GPU"
	if len(c.m.GPUs) > 0 && c.m.GPUs[0].Name != "" {
		gpu = c.m.GPUs[0].Name
	}
	why := c.m.Problem
	if why == "" {
		why = c.nearestReason(out.Passed)
	}
	return gpu + " is not used, the CPU build is: " + why
}

// nearestReason returns the reason of the last rejected profile for this kind
// of GPU. Built-in profiles come last, and among them the newest CUDA.
func (c chooser) nearestReason(passed []Passed) string {
	for _, p := range slices.Backward(passed) {
		if !strings.HasPrefix(p.Reason, "it is for ") && !strings.HasPrefix(p.Reason, "it says nothing ") {
			return p.Reason
		}
	}
	if c.want.Family.Name != "" {
		return "no profile has a build of " + c.want.Family.Name + " for it"
	}
	return "no profile is made for it"
}
