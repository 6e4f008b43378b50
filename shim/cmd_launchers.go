package shim

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/shim/launcher"
)

// launcherListDoc is `launcher list --json`.
type launcherListDoc struct {
	Schema    int           `json:"schema"`
	Launchers []launcherDoc `json:"launchers"`
}

type launcherDoc struct {
	launcher.Spec
	Files []fileDoc `json:"files"`
}

type fileDoc struct {
	Path  string         `json:"path"`
	State launcher.State `json:"state"`
}

// launcherCheckDoc is `launcher check --json`.
type launcherCheckDoc struct {
	Schema    int                `json:"schema"`
	Findings  int                `json:"findings"`
	Launchers []launcherFindings `json:"launchers"`
}

type launcherFindings struct {
	Name     string        `json:"name"`
	Findings []findingItem `json:"findings"`
}

type findingItem struct {
	ID     string `json:"id"` // stable
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

func (s *session) launcherList(records launcher.Records) error {
	names, err := records.Names()
	if err != nil {
		return err
	}
	doc := launcherListDoc{Schema: schema, Launchers: []launcherDoc{}}
	for _, name := range names {
		rec, err := records.Read(name)
		if err != nil {
			s.log.Warn(err.Error())
			continue
		}
		d := launcherDoc{Spec: rec.Spec}
		for _, w := range rec.Files {
			d.Files = append(d.Files, fileDoc{w.Path, w.State()})
		}
		doc.Launchers = append(doc.Launchers, d)
	}
	if s.cli.Launcher.List.JSON {
		return printJSON(s.inv.Stdout, doc)
	}
	if len(doc.Launchers) == 0 {
		_, err := fmt.Fprintf(s.inv.Stdout, "no launchers\n")
		return err
	}
	var t table
	t.row("NAME", "KIND", "STARTS", "FILE")
	for _, d := range doc.Launchers {
		file := d.Files[0].Path
		if d.Files[0].State != launcher.Same {
			file += " (" + string(d.Files[0].State) + ")"
		}
		t.row(oneLine(d.Name), string(d.Kind), oneLine(strings.Join(d.Command, " ")), oneLine(file))
	}
	return t.write(mask{s.inv.Stdout})
}

// findings are what is to be said of one launcher. A record that cannot be used
// is one.
func (s *session) findings(records launcher.Records, name string) launcherFindings {
	out := launcherFindings{Name: name, Findings: []findingItem{}}
	rec, err := records.Read(name)
	if err != nil {
		out.Findings = append(out.Findings, findingItem{"record", oneLine(err.Error()), fault.RemedyOf(err)})
		return out
	}
	for _, f := range rec.Check(s.around(rec)) {
		out.Findings = append(out.Findings, findingItem{f.ID, oneLine(f.Text), f.Remedy})
	}
	return out
}

// named are the launchers that a command is for: the one that is named, or all.
func (s *session) named(records launcher.Records, name string) ([]string, error) {
	names, err := records.Names()
	if err != nil || name == "" {
		return names, err
	}
	if !slices.Contains(names, name) {
		_, err = s.read(records, name)
	}
	return []string{name}, err
}

func (s *session) launcherCheck(records launcher.Records) error {
	names, err := s.named(records, s.cli.Launcher.Check.Name)
	if err != nil {
		return err
	}
	doc := launcherCheckDoc{Schema: schema, Launchers: []launcherFindings{}}
	for _, name := range names {
		one := s.findings(records, name)
		doc.Findings += len(one.Findings)
		doc.Launchers = append(doc.Launchers, one)
	}
	if doc.Findings > 0 {
		s.exit = exitNo
	}
	if s.cli.Launcher.Check.JSON {
		return printJSON(s.inv.Stdout, doc)
	}
	out := mask{s.inv.Stdout}
	for _, one := range doc.Launchers {
		tellFindings(out, one)
	}
	if doc.Findings == 0 {
		_, err = fmt.Fprintf(out, "%s\n", map[bool]string{false: "no launchers", true: fmt.Sprintf("launchers checked: %d, nothing found", len(names))}[len(names) > 0])
	}
	return err
}

func tellFindings(out io.Writer, one launcherFindings) {
	for _, f := range one.Findings {
		fmt.Fprintf(out, "%s: %s\n", oneLine(one.Name), f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(out, "  to mend it: %s\n", f.Remedy)
		}
	}
}

// launcherRepair writes launchers anew, with the modelrun that runs now and what
// is given on the command line. What is wrong after that is named.
func (s *session) launcherRepair(records launcher.Records, overrides bool) error {
	want := s.cli.Launcher.Repair
	if want.Name == "" && overrides {
		return fault.New(fault.BadUsage, "which launcher gets these options is not said").Fix("modelrun launcher repair NAME …; modelrun launcher list shows the names")
	}
	names, err := s.named(records, want.Name)
	if err != nil {
		return err
	}
	out := mask{s.inv.Stdout}
	if len(names) == 0 {
		_, err := fmt.Fprintf(out, "no launchers\n")
		return err
	}
	for _, name := range names {
		if err := s.repair(records, name, overrides); err != nil {
			if want.Name != "" {
				return err
			}
			s.log.Error("error: " + oneLine(name) + ": " + err.Error()) // the others are mended all the same
			s.log.Error("hint: " + fault.RemedyOf(err))
			s.exit = exitNo
			continue
		}
		left := s.findings(records, name)
		tellFindings(out, left)
		if len(left.Findings) > 0 {
			s.exit = exitNo
		}
	}
	return nil
}

func (s *session) repair(records launcher.Records, name string, overrides bool) error {
	rec, err := s.read(records, name)
	if err != nil {
		return err
	}
	spec := rec.Spec
	if spec.Program, err = s.self(spec.Windowed); err != nil {
		return err
	}
	before, _, err := parse(append(slices.Clone(rec.Options), "--", "python"), io.Discard, io.Discard)
	if err != nil {
		return err
	}
	spec.Options = s.cli.options().words(before.options(), s.set.base)
	if s.cli.Cwd != "" {
		spec.Dir = s.set.base
	}
	if icon := s.abs(s.cli.Launcher.Repair.Icon); icon != "" {
		spec.Icon = icon
	}
	if account := s.cli.Launcher.Repair.Account; account != "" {
		spec.Account = account
	}
	if err := launcher.Validate(&spec); err != nil {
		return err
	}
	if overrides {
		if err := s.present(&spec); err != nil {
			return err
		}
	}
	dir := filepath.Dir(rec.Files[0].Path)
	if runtime.GOOS == "windows" { // whose kinds lie where the program starts, and move along with it
		if was, err := launcher.Folder(&rec.Spec, s.env.Get); err == nil && was == dir {
			dir, _ = launcher.Folder(&spec, s.env.Get) // of the same kind
		}
	}
	if home, err := launcher.Folder(&spec, s.env.Get); !exists(dir) && (err != nil || home != dir || dir == spec.Dir) {
		return fault.New(fault.BadUsage, "%s is not there, and the launcher lay in it", dir).
			Fix("modelrun launcher remove %s   # then add it where it shall lie now", fault.Quote(name))
	}
	next, kept, err := records.Put(&spec, dir, true)
	if err != nil {
		return err
	}
	s.written(next, kept)
	if then := next.Again(); then != "" {
		fmt.Fprintf(mask{s.inv.Stdout}, "then: %s\n", then)
	}
	return nil
}

func (s *session) launcherRemove(records launcher.Records) error {
	rec, err := s.read(records, s.cli.Launcher.Remove.Name)
	if err != nil {
		return err
	}
	kept, err := records.Remove(rec, s.cli.Launcher.Remove.Force, s.env.Get)
	if err != nil {
		return err
	}
	s.gone(rec, kept)
	return nil
}

// gone says what is left to do for a launcher that was removed or replaced.
func (s *session) gone(rec *launcher.Record, kept []string) {
	out := mask{s.inv.Stdout}
	for _, w := range rec.Files {
		if !exists(w.Path) {
			fmt.Fprintf(out, "removed %s\n", oneLine(w.Path))
		}
	}
	for _, path := range kept {
		fmt.Fprintf(out, "kept what was changed by hand as %s\n", oneLine(path))
	}
	if stop := rec.Stop(s.env.Get); stop != "" {
		fmt.Fprintf(out, "if it still runs: %s\n", stop)
	}
	if forget := rec.Forget(); forget != "" {
		fmt.Fprintf(out, "then: %s\n", forget)
	}
}
