package command

import (
	"context"
	"slices"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/target"
)

// subjects determines what each environment of a root must be able to do. It is for
// commands that look at environments instead of a model.
type subjects struct {
	app       *app.App
	finder    *target.Finder       // for changed; nil until it is called
	oldModels map[envdir.ID]string // the models of the old environments; nil until one is asked for
}

// of returns what the environment must import, according to its key. For an old
// environment it returns what a start of its model would ask for.
func (s *subjects) of(ctx context.Context, d envdir.Dir) health.Subject {
	if d.Kind == envdir.Old {
		return s.ofOld(ctx, d)
	}
	return inLock(s.ofShared(ctx, d))
}

// ofShared returns what a shared environment must import.
func (s *subjects) ofShared(ctx context.Context, d envdir.Dir) health.Subject {
	sub := health.Subject{Dir: d}
	key := envdir.Key(d.Name)
	if _, ok := s.app.Config.Envs()[d.Name]; !ok { // needs beyond the key add no import
		key, _, _ = key.Extras()
	}
	parts, ok := profile.ParseKey(key)
	own, err := s.app.Config.Definition(string(key), s.app.Env)
	if err != nil { // doctor says so on its own
		return sub
	}
	if own != nil {
		sub.Imports = own.Needs()
		if parts, ok = own.Family(); !ok {
			return sub
		}
	} else if ok {
		sub.Imports = parts.Family.Needs(parts.Bnb)
	}
	if !ok {
		return sub
	}
	sub.Accel = parts.Accel
	if m, err := s.app.Machine.Machine(ctx); err == nil && parts.Family.GPU {
		sub.CUDA = m.HasGPU() && parts.Accel != "cpu"
	}
	return sub
}

// inLock returns what an environment can be asked for: one that was made from a lock has only what is in it.
func inLock(sub health.Subject) health.Subject {
	seal, _, err := health.ReadSeal(sub.Dir)
	if _, terms := requirement.ReadWritten(seal.With); err != nil || terms.Lock == "" {
		return sub
	}
	lacks := func(dist string) bool { return seal.Installed[requirement.Normal(dist)] == "" }
	sub.Imports = slices.DeleteFunc(slices.Clone(sub.Imports), func(i profile.Import) bool { return lacks(i.Dist) })
	sub.CUDA = sub.CUDA && !lacks("torch")
	return sub
}

// ofOld returns what a start of the old environment's model would ask for. It
// assumes the default family if the model is not known.
func (s *subjects) ofOld(ctx context.Context, d envdir.Dir) health.Subject {
	sub := health.Subject{Dir: d}
	if s.oldModels == nil {
		old, _ := s.app.Store().OldEnvs().InPlace() // after an error there are no old environments
		s.oldModels = s.app.OldModels(old)
	}
	id := envdir.ID(d.Name)
	if name := s.oldModels[id]; name != "" {
		_, req, err := s.app.Silent().ForModel(name, id).Finder().Request(ctx)
		if err == nil && req.Model.ID == id {
			sub.Imports, sub.CUDA, sub.Accel, sub.ModelType, sub.Start = req.Model.Imports, req.CUDA, req.Accel, req.Model.Type, req.StartModel()
			return sub
		}
	}
	if f, ok := profile.FamilyNamed(profile.DefaultFamily); ok {
		sub.Imports = f.Old
	}
	return sub
}

// changed returns what has changed in the plan of a shared environment since it was
// made, or "". Such an environment is kept. refused is set if a start refuses it:
// only the user's own definition can do that.
func (s *subjects) changed(ctx context.Context, d envdir.Dir) (text string, refused bool) {
	seal, ok, err := health.ReadSeal(d)
	if err != nil || !ok || seal.Plan == "" || d.Kind == envdir.Old {
		return "", false
	}
	if s.finder == nil {
		finder := s.app.Silent().Finder()
		s.finder = &finder
	}
	plan, err := s.finder.PlanOf(ctx, envdir.Key(d.Name))
	switch {
	case err != nil || plan.Hash() == seal.Plan || plan.Own == "" && seal.Own != "": // the last: its definition is not read here
		return "", false
	case plan.Own != "" && plan.OwnHash != seal.OwnHash:
		return "its definition in " + plan.Own + " has changed since it was made", true
	case plan.Profile != seal.Profile:
		return "it was made from profile " + seal.Profile + "; a new one would be made from profile " + plan.Profile, false
	}
	return "profile " + plan.Profile + " has changed since it was made", false
}
