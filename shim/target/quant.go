package target

import (
	"cmp"
	"context"
	"slices"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Quant is what the quantisation of a model needs on this machine, beyond the key. It is
// zero if the model has none.
type Quant struct {
	Four, Five []string // in each line of transformers; in other families Five
}

// of returns what an env of a family needs.
func (q Quant) of(family profile.Family) []string {
	switch {
	case !family.Quants:
		return nil
	case family.Name == profile.DefaultFamily:
		return q.Four
	}
	return q.Five
}

// bnb reports whether the family's key has bitsandbytes for it.
func (q Quant) bnb(family profile.Family) bool {
	return slices.ContainsFunc(q.of(family), func(r string) bool { return slices.Contains(family.Bnb, requirement.NameOf(r)) })
}

// quantised completes a target whose model is quantised. line is the line of
// transformers that the model needs, 0 for either. It returns the line that loads the
// quantisation here, 0 for either, and why. If only vllm does, that is the family of
// the target. It is a BadQuant if nothing does, unless the user named a family or only
// the name of a base says so.
func quantised(ctx context.Context, f Finder, t Target, line int) (_ Target, _ int, why string, err error) {
	if t.Model.Quant == "" || !t.Family.Quants {
		return t, line, "", nil
	}
	q, err := quantsOf(ctx, f, t)
	if err != nil {
		return t, line, "", err
	}
	four, five := q.loads("transformers 4", q.Four), q.loads("transformers 5", q.Five)
	t.Line.Quant = Quant{four.needs, five.needs}
	t.Bnb = t.Line.Quant.bnb(t.Family)
	switch open := line == 0; {
	case open && four.lacks == "" && (five.lacks != "" || five.unpacks && !four.unpacks):
		return t, 4, cmp.Or(five.lacks, "transformers 5 would unpack the weights of "+q.Name), nil
	case open && five.lacks == "" && (four.lacks != "" || four.unpacks && !five.unpacks):
		return t, 5, cmp.Or(four.lacks, "transformers 4 would unpack the weights of "+q.Name), nil
	case line != 5 && four.lacks == "", line != 4 && five.lacks == "":
		return t, line, "", nil
	}
	lacks := five.lacks
	if line == 4 || q.Five == nil && q.Four != nil {
		lacks = four.lacks
	}
	if f.Config.IsSet("family") || onlyBaseSays(t.Model) {
		f.Log.Warn("quantisation " + q.Name + ": " + lacks)
		return t, line, "", nil
	}
	if vllm, ok := q.vllm(ctx); ok {
		t.Family, t.Line, t.Bnb = vllm, Line{Why: "only vllm loads quantisation " + q.Name + " here"}, false
		return t, line, "", nil
	}
	e := fault.New(fault.BadQuant, "model %s is quantised with %s: %s", fault.Quote(t.Model.Name), q.shown(t), q.why(lacks))
	_, in5 := profile.Lines(t.Model.Type)
	switch {
	case q.Package != "":
		return t, line, "", e.Fix("if %[1]s loads it on this machine: modelrun --with %[1]s -m %[2]s -- python …", q.Package, f.ModelName(t))
	case line == 4 && in5 && five.lacks == "":
		return t, line, "", e.Fix("transformers 5 knows the model and loads %s: modelrun --family transformers5 -m %s -- python …", q.Name, f.ModelName(t))
	}
	return t, line, "", e.Fix("name an environment that loads it, if you have one: --env KEY")
}

// onlyBaseSays reports whether only the name of an adapter's base, which is not here,
// says how a model is quantised. The program may load another base.
func onlyBaseSays(m need.Model) bool {
	last := len(m.Evidence) - 1
	return m.Path != "" && last >= 0 && m.Evidence[last].File == ""
}

// quants decides what loads a quantised model here.
type quants struct {
	Finder
	need.Quant
	known   bool
	added   bool // the user adds the package that loads it
	machine hardware.Machine
	gpus    []hardware.GPU // those that an env here runs on, if they are NVIDIA's
}

// quantsOf returns what decides on the quantisation of t's model.
func quantsOf(ctx context.Context, f Finder, t Target) (q quants, err error) {
	q.Finder = f
	q.Quant, q.known = need.QuantNamed(t.Model.Quant)
	q.added = q.Package != "" && slices.ContainsFunc(f.Config.Needs(), func(r requirement.Requirement) bool { return r.Name == q.Package })
	everywhere := func(l *need.Load) bool { return l != nil && l.GPU == "" && l.Fails == "" }
	if q.machine, err = f.Machine.Machine(ctx); err != nil || q.machine.Vendor != "nvidia" || !q.machine.HasGPU() || everywhere(q.Four) && everywhere(q.Five) {
		return q, err
	}
	c, err := f.Choose(ctx, profile.Want{Name: f.Config.String("profile"), Family: t.Family, Lines: t.Family.Name == profile.DefaultFamily})
	if profile.IsCUDA(c.Profile.Accel) {
		q.gpus = q.machine.Narrow(c.Profile.Accel, c.Profile.Torch(c.Family)).Of(q.machine)
	}
	return q, err
}

// loaded says how a line of transformers loads a method here.
type loaded struct {
	lacks   string   // why it does not, as a clause; "" if it does
	needs   []string // what an env of that line needs for it
	unpacks bool     // it unpacks the weights, which then take more memory
}

// loads returns how a line of transformers loads the method here.
func (q quants) loads(line string, l *need.Load) loaded {
	switch {
	case l == nil && q.added && q.Four == nil && q.Five == nil:
		return loaded{}
	case l == nil:
		return loaded{lacks: line + " does not load " + q.Name}
	case q.added, l.GPU != "" && q.capable(l.GPU):
		return loaded{needs: l.Needs}
	case l.Fails != "" && q.capable(l.Fails):
		return loaded{lacks: line + " lacks kernels for " + q.Name + " on this GPU"}
	case l.Unpacks:
		return loaded{unpacks: true}
	case l.GPU == "":
		return loaded{needs: l.Needs}
	case l.GPU == need.AnyGPU:
		return loaded{lacks: line + " needs an NVIDIA GPU for " + q.Name + q.offers()}
	}
	return loaded{lacks: line + " needs an NVIDIA GPU of compute capability " + l.GPU + " or newer for " + q.Name + q.offers()}
}

// capable reports whether an env here runs on GPUs of a compute capability. One that is
// not known excludes nothing.
func (q quants) capable(least string) bool {
	return len(q.gpus) > 0 && !slices.ContainsFunc(q.gpus, func(g hardware.GPU) bool { return g.CC != "" && requirement.CompareReleases(g.CC, least) < 0 })
}

// offers returns what this machine has instead of the GPU that is needed, as the end of
// a sentence.
func (q quants) offers() string {
	if q.machine.HasGPU() && q.machine.Vendor == "nvidia" && len(q.gpus) == 0 {
		return ", and the build for the CPU is used"
	}
	return "; this machine has " + q.machine.String()
}

// vllm returns the family vllm if it loads the method and serves this machine.
func (q quants) vllm(ctx context.Context) (family profile.Family, ok bool) {
	family, _ = profile.FamilyNamed("vllm")
	if q.VLLM == "" || !q.capable(q.VLLM) {
		return family, false
	}
	c, err := q.Choose(ctx, profile.Want{Name: q.Config.String("profile"), Family: family})
	return family, err == nil && profile.IsCUDA(c.Profile.Accel)
}

// shown returns the method with what shows it.
func (q quants) shown(t Target) string {
	if n := len(t.Model.Evidence); n > 0 {
		return q.Name + " (" + t.Model.Evidence[n-1].String() + ")"
	}
	return q.Name
}

// why returns why nothing loads the method here. lacks is what transformers lacks.
func (q quants) why(lacks string) string {
	switch {
	case q.Four != nil || q.Five != nil:
		return lacks
	case !q.known:
		return "modelrun does not know this method"
	case q.VLLM != "":
		return "only vllm loads it, with an NVIDIA GPU of compute capability " + q.VLLM + " or newer" + q.offers()
	}
	return "no family of modelrun has what loads it"
}
