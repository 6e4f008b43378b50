package shim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/need"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// target is what an environment is wanted for.
type target struct {
	model     need.Model // zero without one
	key       envdir.Key
	named     bool                      // a model, family or key was named or found
	exact     bool                      // the key was named
	base      envdir.Key                // key without the part that stands for with; else the same
	with      []requirement.Requirement // needs beyond the key
	sealed    []requirement.Requirement // those of the env that was named
	family    profile.Family
	accel     string
	bnb       bool
	own       *profile.Own // the key is one of [envs]
	canonical bool         // the key says its family and accelerator
}

// request turns the settings into what the chain decides on.
func (s *session) request(ctx context.Context) (*resolve.Request, error) {
	t, err := s.target(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.extras(ctx, &t); err != nil {
		return nil, err
	}
	s.wanted = t
	req := &resolve.Request{
		Root: s.root, Key: t.key, Base: t.base, With: t.with, Exact: t.exact && t.key == t.base, Named: t.named, Accel: t.accel,
		Old: t.model.OldID(), ModelName: s.modelName(t), ModelType: t.model.Type, RootOption: s.rootOption(),
		Policy: resolve.Policy{
			NoCreate: s.set.yes(sNoCreate), NoDegraded: s.set.yes(sNoDegraded), RequireGPU: s.set.yes(sRequireGPU),
			Wait: s.set.time(sWait), CreateTimeout: s.set.time(sCreateTimeout),
		},
		Plan: func(ctx context.Context) (profile.Plan, error) {
			plan, err := s.plan(ctx, t)
			if t.key != t.base {
				plan = plan.WithExtras(t.with)
			}
			plan.Key = t.key
			return plan, err
		},
	}
	switch {
	case t.own != nil:
		req.Imports = profile.OwnPlan(t.base, *t.own).Shared
	case t.canonical:
		req.Imports = t.family.Needs(t.bnb)
		req.Compatible = func(have []envdir.Key) []resolve.Alternative { return s.compatible(ctx, t, have) }
	default:
		req.Imports = t.family.Old // a key of another shape: as lenient as with the app's own envs
	}
	if t.key != t.base { // the env of the key itself, when it has what is needed
		also := req.Compatible
		req.Compatible = func(have []envdir.Key) []resolve.Alternative {
			alts := []resolve.Alternative{{Key: t.base, Accel: t.accel, Imports: req.Imports}}
			if also != nil && !t.exact {
				alts = append(alts, also(have)...)
			}
			return alts
		}
	}
	req.OldImports = t.family.Old
	if t.family.GPU && t.accel != "cpu" && t.accel != "" || t.accel == "" && req.Policy.RequireGPU {
		m, err := s.machine(ctx)
		if err != nil {
			return nil, err
		}
		req.CUDA = m.HasGPU()
	}
	s.log.Debug("Resolved env_key: " + string(t.key))
	return req, nil
}

// target decides on model, family and key. Explicit wins.
func (s *session) target(ctx context.Context) (t target, err error) {
	if t.model, err = s.model(); err != nil {
		return t, err
	}
	name := s.set.get(sFamily)
	if name == "" {
		name = t.model.Family
	}
	t.bnb = t.model.Bnb
	t.named = name != "" || s.set.isSet(sEnv) || s.set.isSet(sProfile)
	if s.set.isSet(sEnv) {
		return s.namedKey(t, name)
	}
	if name == "" {
		name = profile.DefaultFamily
	}
	if t.family, err = familyNamed(name, s.set.one[sFamily].from); err != nil {
		return t, err
	}
	if t.accel, err = s.accel(ctx, t.family); err != nil {
		return t, err
	}
	t.family = t.family.For(t.accel)
	t.key, t.canonical = t.family.Key(t.accel, t.bnb), true
	return t, nil
}

// namedKey is --env: it sets only the key; the model stays for the old envs.
func (s *session) namedKey(t target, family string) (target, error) {
	key, err := envdir.ParseKey(s.set.get(sEnv))
	if err != nil {
		return t, err
	}
	t.exact = true
	if _, own := s.set.envs[string(key)]; !own {
		key, t.sealed = s.sealedNeeds(key)
	}
	t.key = key
	if own, ok := s.set.envs[string(key)]; ok {
		def := own.profile()
		t.own = &def
		return t, s.requireGPU("")
	}
	if parts, ok := profile.ParseKey(key); ok {
		t.family, t.accel, t.bnb, t.canonical = parts.Family, parts.Accel, parts.Bnb, true
		return t, s.requireGPU(t.accel)
	}
	if family != "" {
		if t.family, err = familyNamed(family, s.set.one[sFamily].from); err != nil {
			return t, err
		}
	}
	return t, s.requireGPU("")
}

func familyNamed(name, from string) (profile.Family, error) {
	f, ok := profile.FamilyNamed(name)
	if ok {
		return f, nil
	}
	var names []string
	for _, f := range profile.Families() {
		names = append(names, f.Name)
	}
	e := fault.New(fault.BadConfig, "%s: family %q is not known", from, name)
	if near := nearest(name, names); near != "" {
		return f, e.Fix("did you mean %q? families are %s", near, strings.Join(names, ", "))
	}
	return f, e.Fix("families are %s", strings.Join(names, ", "))
}

// model is the model that was named, else the one in the script's folder, else
// the one in the working directory.
func (s *session) model() (need.Model, error) {
	places := need.Places{
		Cwd: s.set.base, HubDir: hubDir(s.env), Family: s.set.get(sFamily),
		Covered: func(quant string) bool {
			f, ok := profile.FamilyNamed(s.set.get(sFamily))
			return ok && f.Covers(quant)
		},
	}
	name := s.set.get(sModel)
	if name != "" {
		if err := checkName(sModel, name, s.set.one[sModel].from); err != nil {
			return need.Model{}, err
		}
		if from := s.set.one[sModel]; filepath.IsAbs(from.from) {
			places.Cwd = filepath.Dir(from.from) // a file names models relative to itself
		}
	} else {
		dirs := []string{s.set.base}
		if s.scriptFile != "" {
			dirs = []string{filepath.Dir(absolute(s.scriptFile, s.set.base)), s.set.base}
		}
		i := slices.IndexFunc(dirs, need.Holds)
		if i < 0 {
			return need.Model{}, nil
		}
		name = dirs[i]
	}
	m, err := need.Of(name, places)
	if err != nil && s.set.isSet(sEnv) && (m.Path != "" || m.Hub != "") {
		return m, nil // the key is named: what the files say does not matter
	}
	for _, note := range m.Notes {
		s.log.Info(note)
	}
	return m, err
}

// hubDir is the local cache of the Hugging Face hub.
func hubDir(env interface{ Get(string) string }) string {
	if dir := env.Get("HF_HUB_CACHE"); dir != "" {
		return dir
	}
	if dir := env.Get("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub")
	}
	if dir := env.Get("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "huggingface", "hub")
	}
	return under(cmp.Or(env.Get("HOME"), env.Get("USERPROFILE")), ".cache", "huggingface", "hub")
}

// accel is the accelerator that this machine gets: what --profile says, else
// what the first profile that serves its GPUs says, else cpu. Never in silence
// when a GPU is there.
func (s *session) accel(ctx context.Context, f profile.Family) (string, error) {
	m, err := s.machine(ctx)
	if err != nil {
		return "", err
	}
	if !s.set.isSet(sProfile) && !m.HasGPU() && m.Problem == "" {
		return "cpu", s.requireGPU("cpu") // no profile has to be read for it
	}
	c, err := s.choose(ctx, profile.Want{Name: s.set.get(sProfile), Family: f})
	if err != nil {
		return "", err
	}
	if c.Warning != "" {
		s.log.Warn(c.Warning)
	}
	return c.Profile.Accel, s.requireGPU(c.Profile.Accel)
}

func (s *session) requireGPU(accel string) error {
	if !s.set.yes(sRequireGPU) {
		return nil
	}
	m, err := s.machine(context.Background())
	if err != nil {
		return err
	}
	if m.HasGPU() && accel != "cpu" {
		return nil
	}
	return fault.New(fault.NoGPU, "--require-gpu: this machine offers %s, and %s would run", m, cmp.Or(accel, "no CUDA build")).
		Fix("check the driver with nvidia-smi; modelrun profiles says why each one is passed over")
}

// choose picks the profile.
func (s *session) choose(ctx context.Context, w profile.Want) (profile.Choice, error) {
	m, err := s.machine(ctx)
	if err != nil {
		return profile.Choice{}, err
	}
	inRoot, bad := s.rootProfiles()
	w.Bad = bad
	c, err := profile.Select(m, inRoot, w)
	for file, why := range bad {
		s.log.Debug(fmt.Sprintf("profile %s is passed over: %s", file, why))
	}
	for _, p := range c.Passed {
		s.log.Debug(fmt.Sprintf("profile %s is passed over: %s", p.Name, p.Reason))
	}
	return c, err
}

// rootProfiles are the root's profiles that may be used, and by name why another
// file there may not.
func (s *session) rootProfiles() (good []profile.Profile, bad map[string]error) {
	inRoot, bad := profile.InRoot(s.root)
	inRoot = slices.DeleteFunc(inRoot, func(p profile.Profile) bool { // it says from where things are installed
		err := fsys.Trusted(p.Path, s.set.list(sTrustedOwners))
		if fault.CodeOf(err) != fault.Untrusted {
			return false
		}
		s.log.Warn("profile " + p.Name + " is passed over: " + err.Error())
		bad[p.Name] = err
		return true
	})
	return inRoot, bad
}

// plan is what creating the key would install.
func (s *session) plan(ctx context.Context, t target) (profile.Plan, error) {
	if t.own != nil {
		return profile.OwnPlan(t.base, *t.own), nil
	}
	if !t.canonical {
		e := fault.New(fault.BadKey, "env key %s says nothing about what to install", t.base)
		describe := fmt.Sprintf("describe it in %s: [envs.%q] packages = [\"name==version\"]", projectFile, t.base)
		if dir := s.set.outsiders[string(t.base)]; dir != "" { // it is, in vain
			describe = "use a root inside that project: modelrun --root " + fault.Quote(dir) + before(&resolve.Request{Key: t.base})[len("modelrun"):] + "…"
		}
		if near := nearest(string(t.base), append(s.keysHere(), canonicalKeys()...)); near != "" && near != string(t.base) {
			return profile.Plan{}, e.Fix("did you mean --env %s? or %s", near, describe)
		}
		return profile.Plan{}, e.Fix("%s", describe)
	}
	c, err := s.choose(ctx, profile.Want{Name: s.set.get(sProfile), Family: t.family, Accel: t.accel})
	if err != nil {
		return profile.Plan{}, err
	}
	return c.Profile.Plan(t.base, t.family, t.bnb), nil
}

// compatible are the keys that may serve instead of the exact one.
func (s *session) compatible(ctx context.Context, t target, have []envdir.Key) []resolve.Alternative {
	m, err := s.machine(ctx)
	if err != nil {
		return nil
	}
	var out []resolve.Alternative
	for _, k := range profile.Compatible(t.base, have, m) {
		if parts, ok := profile.ParseKey(k); ok {
			out = append(out, resolve.Alternative{Key: k, Accel: parts.Accel, Imports: parts.Family.Needs(t.bnb)})
		}
	}
	return out
}

// hardwareFile caches what nvidia-smi said, in the folder of one machine.
const hardwareFile = "hardware.json"

// machine is the full hardware: from the cache while driver and GPUs are the
// same, else detected, which may take seconds, and cached.
func (s *session) machine(ctx context.Context) (hardware.Machine, error) {
	if s.hardware != nil {
		return *s.hardware, nil
	}
	m := hardware.Machine{Identity: s.identity}
	if s.identity.Vendor != "" {
		data, err := s.state.Read(hardwareFile)
		if err != nil || json.Unmarshal(data, &m) != nil || m.Identity.ID() != s.identity.ID() {
			if m, err = hardware.Detect(ctx, s.identity, s.hardwareEnv); err != nil {
				return m, err
			}
			s.detected = m.Problem == "" // a problem may be gone at the next look
		}
	}
	s.hardware = &m
	return m, nil
}

// keepHardware caches what was detected, once everything else went well: bad
// input leaves nothing behind.
func (s *session) keepHardware() {
	if !s.detected {
		return
	}
	data, err := json.Marshal(s.hardware)
	if err == nil {
		err = s.state.Write(hardwareFile, data)
	}
	if err != nil {
		s.log.Debug("keeping the hardware: " + err.Error())
	}
}

// modelName is how a command that the user pastes names the model, with the
// options that led to its key. A path is relative only where it was so in the
// caller's folder.
func (s *session) modelName(t target) string {
	name := t.model.Name
	if name == "" {
		return ""
	}
	if from := s.set.one[sModel].from; t.model.Hub == "" && (s.cli.Cwd != "" || strings.HasPrefix(s.rootOption(), " -C") || filepath.IsAbs(from) || name[0] == '-') {
		name = t.model.Path
	}
	return fault.Quote(name) + s.keyOptions()
}

// keyOptions are the options of this command line that led to the key, for a
// command that is pasted behind what it is about.
func (s *session) keyOptions() (words string) {
	for _, o := range [][2]string{{"--env", s.cli.Env}, {"--family", s.cli.Family}, {"--profile", s.cli.Profile}} {
		if o[1] != "" {
			words += " " + o[0] + " " + fault.Quote(o[1])
		}
	}
	for _, w := range s.cli.With {
		words += " --with " + fault.Quote(w)
	}
	return words
}

// rootOption is what a command that the user pastes must say of the root: it
// runs in the caller's folder, without our -C, model and script. Where a project
// describes envs, its folder is named: what it says is needed, too.
func (s *session) rootOption() string {
	if s.root == "" {
		return ""
	}
	far := func(project string) bool {
		return s.cli.Root == "" && project != "" && (s.cli.Cwd != "" || !within(s.set.base, project))
	}
	for _, own := range s.set.envs {
		if far(own.project) {
			return " -C " + fault.Quote(own.project)
		}
	}
	if s.cli.Root == "" && s.cli.Cwd == "" && s.rootFrom != fromScript && s.rootFrom != fromModel && !far(s.set.one[sRoot].project) {
		return ""
	}
	return " --root " + fault.Quote(string(s.root))
}
