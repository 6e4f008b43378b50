package shim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/profile"
)

// profilesDoc is `profiles --json`.
type profilesDoc struct {
	Schema   int          `json:"schema"`
	Root     string       `json:"root"`
	Machine  string       `json:"machine"`
	Family   string       `json:"family"`
	Chosen   string       `json:"chosen"`  // the name; "" none serves
	Warning  string       `json:"warning"` // a GPU is there and goes unused: why
	Profiles []profileRow `json:"profiles"`
}

type profileRow struct {
	Name   string       `json:"name"`
	Origin string       `json:"origin"` // the file, or "built in"
	Accel  string       `json:"accel"`
	Torch  string       `json:"torch"`  // "" the family has none
	Driver string       `json:"driver"` // the oldest NVIDIA driver that runs it; "" none
	CC     []string     `json:"compute_capability"`
	Tested bool         `json:"tested"`
	State  profileState `json:"state"`
	Code   fault.Code   `json:"reason_code"`
	Reason string       `json:"reason"`
}

type profileState string

const (
	chosen  profileState = "chosen"
	serves  profileState = "serves"
	passed  profileState = "passed over"
	builtIn              = "built in"
)

// profiles lists every profile, whether it serves this machine, and which one is
// chosen. It changes nothing and runs nothing from the root.
func (s *session) profiles(ctx context.Context) error {
	family, err := s.profilesFamily()
	if err != nil {
		return err
	}
	m, err := s.machine(ctx)
	if err != nil {
		return err
	}
	doc := profilesDoc{Schema: schema, Root: string(s.root), Machine: m.String(), Family: family.Name, Profiles: []profileRow{}}
	want := profile.Want{Name: s.set.get(sProfile), Family: family}
	choice, unusable := s.choose(ctx, want)
	if unusable == nil {
		doc.Chosen, doc.Warning = choice.Profile.Name, choice.Warning
	}
	inRoot, bad := s.rootProfiles()
	for _, j := range profile.Judge(m, inRoot, want) {
		row := profileRow{
			Name: j.Name, Origin: cmp.Or(j.Path, builtIn), Accel: j.Accel, Torch: j.Torch(family), Driver: m.MinDriver(j.Accel),
			CC: append([]string{}, j.CC...), Tested: j.Tested, State: serves, Code: codeOK, Reason: j.Reason,
		}
		switch {
		case j.Reason != "":
			row.State, row.Code = passed, fault.BadProfile
		case unusable == nil && j.Name == choice.Profile.Name && j.Path == choice.Profile.Path:
			row.State = chosen
		}
		doc.Profiles = append(doc.Profiles, row)
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		doc.Profiles = append(doc.Profiles, profileRow{
			Name: name, Origin: filepath.Join(s.root.Profiles(), name+".json"), CC: []string{},
			State: passed, Code: fault.CodeOf(bad[name]), Reason: bad[name].Error(),
		})
	}
	show := s.profilesTable
	if s.cli.Profiles.JSON {
		show = func(doc profilesDoc) error { return printJSON(s.inv.Stdout, doc) }
	}
	if err := show(doc); err != nil {
		return err
	}
	if s.set.isSet(sProfile) {
		return unusable
	}
	if unusable != nil {
		s.exit = exitNo
	}
	return nil
}

// profilesFamily is the family of the model that is named or found; one that was
// found and says nothing is no reason to list nothing.
func (s *session) profilesFamily() (profile.Family, error) {
	name, from := s.set.get(sFamily), s.set.one[sFamily].from
	if name == "" {
		m, err := s.model()
		if err != nil && s.set.isSet(sModel) {
			return profile.Family{}, err
		}
		name = cmp.Or(m.Family, profile.DefaultFamily)
	}
	return familyNamed(name, from)
}

// profilesTable is 80 columns wide, but for the names of files.
func (s *session) profilesTable(doc profilesDoc) error {
	out := s.page()
	fmt.Fprint(out, wrapped("machine  "+doc.Machine, 80, 9))
	fmt.Fprintf(out, "family   %s\nroot     %s (%s)\n\n", doc.Family, doc.Root, s.rootFrom)
	const indent = len(passed) + 2
	var t table
	t.row("STATE", "PROFILE", "ACCEL", "TORCH", "DRIVER", "TESTED")
	for _, p := range doc.Profiles {
		t.row(string(p.State), oneLine(p.Name), cmp.Or(p.Accel, "-"), cmp.Or(p.Torch, "-"), cmp.Or(p.Driver, "-"), map[bool]string{true: "yes", false: "no"}[p.Tested])
		for _, line := range []string{p.where(), p.gpus(), p.Reason} {
			line = oneLine(line)
			if line = strings.Repeat(" ", indent) + line; !strings.Contains(line, oneLine(p.Origin)) { // a path is pasted whole
				line = strings.TrimSuffix(wrapped(line, 80, indent), "\n")
			}
			if line = strings.TrimRight(line, " "); line != "" {
				t.below(line + "\n")
			}
		}
	}
	if err := t.write(out); err != nil {
		return err
	}
	if doc.Warning != "" {
		fmt.Fprint(out, "\n"+wrapped(doc.Warning, 80, 0))
	}
	_, err := fmt.Fprint(out, "\n"+map[bool]string{true: "none serves this machine", false: "chosen: " + doc.Chosen}[doc.Chosen == ""]+"\n")
	return err
}

func (p profileRow) where() string {
	if p.Origin == builtIn || strings.Contains(p.Reason, p.Origin) {
		return ""
	}
	return "from " + p.Origin
}

func (p profileRow) gpus() string {
	if len(p.CC) == 0 {
		return ""
	}
	return "made for GPUs of " + strings.Join(p.CC, ", ")
}
