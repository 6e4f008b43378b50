package profile

import (
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
)

// Choice is the profile to use, and those that were passed over, each with a sentence.
type Choice struct {
	Profile Profile
	Passed  []Passed
	// Warning is set when a GPU is there and the choice is for the CPU although
	// nobody asked for that: one sentence, to be said, and an error under
	// --require-gpu.
	Warning string
}

// Passed is a profile that cannot serve.
type Passed struct{ Name, Reason string }

// Want narrows the choice.
type Want struct {
	Name   string // --profile; "" any
	Family Family
	Accel  string           // of a key that was named; "" any
	Bad    map[string]error // of InRoot: the answer when Name is one of them
}

// Select picks the first profile that serves the machine: root before embedded,
// then best fit by compute capability, tested first, and driver.
//
// A profile for a GPU never serves a machine without one, unless Want.Accel
// names it: images are built on machines without a GPU. A profile that was
// named and cannot serve is a BadProfile, as is one that does not exist.
func Select(m hardware.Machine, inRoot []Profile, w Want) (Choice, error) {
	return chooser{m: m, serves: m.Serves, want: w}.choose(inRoot, Embedded())
}

// Judged is one profile and what speaks against it on this machine.
type Judged struct {
	Profile
	Reason string // why it cannot serve; "" it can
}

// Judge says of every profile whether it serves the machine, in the order of
// [Select]; [Want.Name] and [Want.Bad] do not count.
func Judge(m hardware.Machine, inRoot []Profile, w Want) []Judged {
	c := chooser{m: m, serves: m.Serves, want: w}
	var all []Judged
	for _, p := range slices.Concat(inRoot, Embedded()) {
		all = append(all, Judged{p, c.against(p)})
	}
	return all
}

// chooser is one choice; serves is the machine's own answer.
type chooser struct {
	m      hardware.Machine
	serves func(accel, torch string) error
	want   Want
}

type candidate struct {
	Profile
	fit fit
}

func (c chooser) choose(inRoot, embedded []Profile) (Choice, error) {
	if c.want.Name != "" {
		return c.named(inRoot, embedded)
	}
	var out Choice
	var found []candidate
	for _, p := range slices.Concat(inRoot, embedded) {
		if why := c.against(p); why != "" {
			out.Passed = append(out.Passed, Passed{Name: p.Name, Reason: why})
			continue
		}
		found = append(found, candidate{p, c.fitOf(p)})
	}
	if len(found) == 0 {
		return out, c.none(out.Passed)
	}
	out.Profile = slices.MinFunc(found, func(a, b candidate) int { return a.fit.compare(b.fit) }).Profile
	out.Warning = c.warning(out)
	return out, nil
}

// named is the profile that the user named, in the root or embedded.
func (c chooser) named(inRoot, embedded []Profile) (Choice, error) {
	var names []string
	for _, p := range slices.Concat(inRoot, embedded) {
		if p.Name != c.want.Name {
			names = append(names, p.Name)
			continue
		}
		if why := c.against(p); why != "" {
			return Choice{}, fault.New(fault.BadProfile, "profile %s cannot be used here: %s", p.Name, why).
				Fix("leave --profile out, then modelrun chooses; modelrun profiles says which ones serve this machine")
		}
		return Choice{Profile: p}, nil
	}
	if err := c.want.Bad[c.want.Name]; err != nil {
		return Choice{}, err
	}
	e := fault.New(fault.BadProfile, "no profile is called %q; there are %s", c.want.Name, strings.Join(names, ", "))
	if n := fault.Nearest(c.want.Name, names); n != "" {
		return Choice{}, e.Fix("did you mean --profile %s?", n)
	}
	return Choice{}, e.Fix("leave --profile out, then modelrun chooses, or name one of those; modelrun profiles lists them")
}

// against is why a profile cannot serve, "" when it can.
func (c chooser) against(p Profile) string {
	kind := class(p.Accel)
	switch {
	case c.want.Accel != "" && p.Accel != c.want.Accel:
		return "it is for " + p.Accel + ", wanted is " + c.want.Accel
	case c.want.Family.Name != "" && !p.Has(c.want.Family):
		return "it says nothing of " + c.want.Family.Name
	case kind == "cpu":
		return ""
	case c.want.Accel != "" && len(c.m.GPUs) == 0:
		return "" // an image, or a machine whose GPU is not to be seen just now
	case c.m.Problem != "":
		return c.m.Problem
	case !c.hasGPU():
		return "it is for " + p.Accel + " and this machine has no GPU"
	case c.m.Identity.Vendor != kind:
		return "it is for " + p.Accel + " and the GPU here is of " + c.m.Identity.Vendor
	}
	if err := c.serves(p.Accel, p.Torch(c.want.Family)); err != nil {
		return err.Error()
	}
	return ""
}

// hasGPU is also true for a GPU of which only the driver or its trouble is known.
func (c chooser) hasGPU() bool {
	return len(c.m.GPUs) > 0 || c.m.Identity.Vendor != "" || c.m.Problem != ""
}

func (c chooser) none(passed []Passed) error {
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
		Fix("modelrun profiles lists all; put one of your own into profiles/, or name another key with --env")
}

// warning is the sentence for a GPU that is there and goes unused.
func (c chooser) warning(out Choice) string {
	if class(out.Profile.Accel) != "cpu" || c.want.Accel != "" || !c.hasGPU() {
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

// nearestReason is the reason of the last passed profile for this kind of GPU:
// the embedded ones come last, the newest CUDA at their end.
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
