package command

import (
	"github.com/modelrun/modelrun/shim/app"

	"context"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/profile"
)

// subjects determines what each environment of a root must be able to do. It is for
// commands that look at environments instead of a model.
type subjects struct {
	app       *app.App
	oldModels map[envdir.ID]string // the models of the old environments; nil until one is asked for
}

// of returns what the environment must import, according to its key. For an old
// environment it returns what a start of its model would ask for.
func (s *subjects) of(ctx context.Context, d envdir.Dir) health.Subject {
	if d.Kind == envdir.Old {
		return s.ofOld(ctx, d)
	}
	sub := health.Subject{Dir: d}
	envs, key := s.app.Config.Envs(), envdir.Key(d.Name)
	own, ok := envs[d.Name]
	if !ok { // needs beyond the key add no import
		key, _, _ = key.Extras()
		own, ok = envs[string(key)]
	}
	if ok {
		sub.Imports = profile.OwnPlan(key, own.Profile()).Shared
		return sub
	}
	parts, ok := profile.ParseKey(key)
	if !ok {
		return sub
	}
	sub.Imports, sub.Accel = parts.Family.Needs(parts.Bnb), parts.Accel
	if m, err := s.app.Machine.Machine(ctx); err == nil && parts.Family.GPU {
		sub.CUDA = m.HasGPU() && parts.Accel != "cpu"
	}
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
