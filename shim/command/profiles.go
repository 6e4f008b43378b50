package command

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/target"
	"github.com/modelrun/modelrun/shim/terminal"
)

// ProfilesOptions are the options of `modelrun profiles`.
type ProfilesOptions struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// profilesCommand declares `modelrun profiles`.
func profilesCommand() app.Command {
	var o ProfilesOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "profiles",
			Help: "List the hardware profiles and which ones serve here.",
			Examples: `It changes nothing.

  modelrun profiles --family vllm
  modelrun --profile cuda_cu124 -- python load_model.py`,
			Options: &o,
		},
		ReadOnly: true,
		Run:      func(ctx context.Context, a *app.App) error { return Profiles(ctx, a, o) },
	}
}

// profilesDoc is the document of `profiles --json`.
type profilesDoc struct {
	Schema   int          `json:"schema"`
	Root     string       `json:"root"`
	Machine  string       `json:"machine"`
	Family   string       `json:"family"`
	Chosen   string       `json:"chosen"`  // its name; "" if none serves
	Warning  string       `json:"warning"` // why a GPU of this machine goes unused
	Profiles []profileRow `json:"profiles"`
}

// profileRow is one profile of a [profilesDoc].
type profileRow struct {
	Name   string   `json:"name"`
	Origin string   `json:"origin"` // its file, or "built in"
	Accel  string   `json:"accel"`
	Torch  string   `json:"torch"`  // "" if the family does not use it
	Driver string   `json:"driver"` // the oldest NVIDIA driver that runs it; "" if it needs none
	CC     []string `json:"compute_capability"`
	Tested bool     `json:"tested"`

	Verified profile.Verified `json:"verified"` // of the family's versions; "" if the file does not say
	State    profileState     `json:"state"`
	Code     fault.Code       `json:"reason_code"`
	Reason   string           `json:"reason"`
}

// profileState says whether a profile serves this machine. It is part of the JSON.
type profileState string

const (
	profileChosen  profileState = "chosen"
	profileServes  profileState = "serves"
	profilePassed  profileState = "passed over"
	originBuiltIn               = "built in"
	profilesIndent              = len(profilePassed) + 2 // indent of the lines below a row: the width of its first column
)

// Profiles lists every profile, whether it serves this machine, and which one a
// launch would use. It changes nothing and runs nothing from the root. It returns
// [app.NotAll] if no profile serves. If the user named the profile, it returns an
// error instead.
func Profiles(ctx context.Context, a *app.App, o ProfilesOptions) error {
	finder := a.Finder()
	family, err := familyOf(a, finder)
	if err != nil {
		return err
	}
	m, err := a.Machine.Machine(ctx)
	if err != nil {
		return err
	}
	want := profile.Want{Name: a.Config.String("profile"), Family: family, Lines: family.Name == profile.DefaultFamily}
	if t, err := a.Silent().Finder().Find(ctx); err == nil && !t.Exact {
		if want.Pickle = t.Model.Pickle; want.Lines && !t.Line.Both {
			family, want.Family, want.Lines = t.Family, t.Family, false // the model needs this line
		}
	}
	doc := profilesDoc{Schema: terminal.Schema, Root: string(a.Config.Root()), Machine: m.String(), Family: family.Name, Profiles: []profileRow{}}
	choice, unusable := finder.Choose(ctx, want)
	if unusable == nil {
		doc.Chosen, doc.Warning = choice.Profile.Name, choice.Warning
	}
	inRoot, bad := finder.RootProfiles()
	for _, j := range profile.Judge(m, inRoot, want) {
		row := profileRowOf(j, family, m)
		if j.Reason == "" && unusable == nil && j.Name == choice.Profile.Name && j.Path == choice.Profile.Path {
			row.State = profileChosen
		}
		doc.Profiles = append(doc.Profiles, row)
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		doc.Profiles = append(doc.Profiles, profileRow{
			Name: name, Origin: filepath.Join(a.Config.Root().Profiles(), name+".json"), CC: []string{},
			State: profilePassed, Code: fault.CodeOf(bad[name]), Reason: bad[name].Error(),
		})
	}
	show := profilesTable
	if o.JSON {
		show = func(a *app.App, doc profilesDoc) error { return a.UI.JSON(doc) }
	}
	if err := show(a, doc); err != nil {
		return err
	}
	switch {
	case unusable == nil:
		return nil
	case a.Config.IsSet("profile"):
		return unusable
	}
	return app.NotAll
}

// profileRowOf describes one readable profile.
func profileRowOf(j profile.Judged, family profile.Family, m hardware.Machine) profileRow {
	row := profileRow{
		Name: j.Name, Origin: cmp.Or(j.Path, originBuiltIn), Accel: j.Accel, Torch: j.Torch(family), Driver: m.MinDriver(j.Accel),
		CC: append([]string{}, j.CC...), Tested: j.Tested, State: profileServes, Code: terminal.CodeOK, Reason: j.Reason,
	}
	if j.Has(family) {
		row.Verified = j.For(family).Verified
	}
	if j.Reason != "" {
		row.State, row.Code = profilePassed, fault.BadProfile
	}
	return row
}

// familyOf returns the family that is set, else that of the model. If an unnamed
// model was found but cannot be read, familyOf returns the default family.
func familyOf(a *app.App, finder target.Finder) (profile.Family, error) {
	family := a.Config.Value("family")
	name := family.Text
	if name == "" {
		m, err := finder.Model()
		if err != nil && a.Config.IsSet("model") {
			return profile.Family{}, err
		}
		name = cmp.Or(m.Family, profile.DefaultFamily)
	}
	return target.FamilyNamed(name, family.From)
}

// profilesTable prints the profiles for people, within 80 columns. Only file names
// may be longer.
func profilesTable(a *app.App, doc profilesDoc) error {
	out := a.UI.Page()
	fmt.Fprint(out, terminal.Wrapped("machine  "+doc.Machine, 80, 9))
	fmt.Fprintf(out, "family   %s\nroot     %s (%s)\n\n", doc.Family, doc.Root, a.Config.RootFrom())
	var t terminal.Table
	t.Row("STATE", "PROFILE", "ACCEL", "TORCH", "DRIVER", "TESTED")
	for _, p := range doc.Profiles {
		tested := "no"
		if p.Tested {
			tested = "yes"
		}
		t.Row(string(p.State), terminal.OneLine(p.Name), cmp.Or(p.Accel, "-"), cmp.Or(p.Torch, "-"), cmp.Or(p.Driver, "-"), tested)
		for _, text := range []string{p.where(), p.gpus(), p.Verified.String(), p.Reason} {
			if line := p.below(text); line != "" {
				t.Below(line + "\n")
			}
		}
	}
	if err := t.Write(out); err != nil {
		return err
	}
	if doc.Warning != "" {
		fmt.Fprint(out, "\n"+terminal.Wrapped(doc.Warning, 80, 0))
	}
	end := "chosen: " + doc.Chosen
	if doc.Chosen == "" {
		end = "none serves this machine"
	}
	_, err := fmt.Fprint(out, "\n"+end+"\n")
	return err
}

// below returns a text as lines below the profile's row, or "" if it is empty. It
// does not break a line that has the profile's path, because the user may copy it.
func (p profileRow) below(text string) string {
	line := strings.Repeat(" ", profilesIndent) + terminal.OneLine(text)
	if !strings.Contains(line, terminal.OneLine(p.Origin)) {
		line = strings.TrimSuffix(terminal.Wrapped(line, 80, profilesIndent), "\n")
	}
	return strings.TrimRight(line, " ")
}

// where returns the profile's file, unless the reason already names it.
func (p profileRow) where() string {
	if p.Origin == originBuiltIn || strings.Contains(p.Reason, p.Origin) {
		return ""
	}
	return "from " + p.Origin
}

// gpus returns the compute capabilities that the profile is made for.
func (p profileRow) gpus() string {
	if len(p.CC) == 0 {
		return ""
	}
	return "made for GPUs of " + strings.Join(p.CC, ", ")
}
