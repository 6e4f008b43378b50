package launcher

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Folder is where the files of a launcher go when nobody says: where its
// starter looks. get reads a variable. BadUsage when there is no such folder.
func Folder(s *Spec, get func(string) string) (string, error) {
	user := func(variable string, elem ...string) string {
		if dir := get(variable); variable != "" && filepath.IsAbs(dir) {
			return dir
		}
		if dir := get("HOME"); filepath.IsAbs(dir) {
			return filepath.Join(append([]string{dir}, elem...)...)
		}
		return ""
	}
	dir := ""
	join := func(base string, elem ...string) {
		if base != "" {
			dir = filepath.Join(append([]string{base}, elem...)...)
		}
	}
	switch s.Kind {
	case Script:
		join(user("", ".local"), "bin")
	case Desktop:
		join(user("XDG_DATA_HOME", ".local", "share"), "applications")
	case Systemd:
		if s.System {
			return "/etc/systemd/system", nil
		}
		join(user("XDG_CONFIG_HOME", ".config"), "systemd", "user")
	case Supervisord:
		if info, err := os.Stat("/etc/supervisor/conf.d"); err == nil && info.IsDir() { // Debian's
			return "/etc/supervisor/conf.d", nil
		}
	case Launchd:
		join(user("", "Library"), "LaunchAgents")
	case Shortcut: // the start menu
		if base := get("APPDATA"); filepath.IsAbs(base) {
			join(base, "Microsoft", "Windows", "Start Menu", "Programs")
		}
	case Batch, Exe, NSSM:
		return s.Dir, nil
	}
	if dir == "" {
		return "", fault.New(fault.BadUsage, "no folder is known for launchers of kind %s", s.Kind).Fix("name one: --to DIR")
	}
	return dir, nil
}

// Next is what there is to do after a launcher was written: commands to paste,
// one a line, "" for nothing. get reads a variable.
func (rec *Record) Next(get func(string) string) string {
	file := fault.Quote(rec.Files[0].Path)
	switch rec.Kind {
	case Script, Batch, Exe:
		if slices.Contains(filepath.SplitList(get("PATH")), filepath.Dir(rec.Files[0].Path)) {
			return fault.Quote(rec.Name)
		}
		return file
	case Desktop:
		return "gio launch " + file
	case Systemd:
		unit := fault.Quote(unitName(rec.Name))
		if dir, err := Folder(&rec.Spec, get); err != nil || dir != filepath.Dir(rec.Files[0].Path) {
			unit = file // enable then links it to where systemd looks
		}
		return rec.systemctl() + " daemon-reload && " + rec.systemctl() + " enable --now " + unit
	case Supervisord:
		next := rec.Forget()
		if dir, err := Folder(&rec.Spec, get); err != nil || dir != filepath.Dir(rec.Files[0].Path) {
			next += "   # its [include] must name " + file
		}
		return next
	case Launchd:
		return "launchctl bootstrap gui/$(id -u) " + file
	case NSSM:
		return rec.nssm(file, "start")
	case Shortcut:
	}
	return ""
}

// Again is what makes the starter take what a repair wrote; "" it needs no telling.
func (rec *Record) Again() string {
	if rec.Kind == NSSM && runtime.GOOS == "windows" { // the service is as it was until an administrator has run it
		return rec.nssm(fault.Quote(rec.Files[0].Path), "restart")
	}
	return rec.Forget()
}

// nssm is what runs an NSSM file, in a prompt of an administrator, and then
// starts or restarts its service.
func (rec *Record) nssm(file, verb string) string {
	if runtime.GOOS != "windows" {
		return file // of a record from elsewhere
	}
	if rec.Account != "" && !Passwordless(rec.Account) {
		file += " PASSWORD"
	}
	return file + " && nssm " + verb + " " + fault.Quote(rec.Name)
}

// Stop is what ends a service whose launcher goes or is gone; "" it is none. get
// reads a variable.
func (rec *Record) Stop(get func(string) string) string {
	switch rec.Kind {
	case Systemd:
		verb := " stop " // disable takes no unit whose file is gone
		if rec.enabled(get) != "" {
			verb = " disable --now "
		}
		return rec.systemctl() + verb + fault.Quote(unitName(rec.Name))
	case Supervisord:
		return "supervisorctl stop " + fault.Quote(rec.Name)
	case Launchd:
		return "launchctl bootout gui/$(id -u)/" + fault.Quote(launchdLabel(rec.Name))
	case NSSM:
		return "nssm stop " + fault.Quote(rec.Name) + " && nssm remove " + fault.Quote(rec.Name) + " confirm"
	case Script, Desktop, Shortcut, Batch, Exe:
	}
	return ""
}

// Forget is what tells the starter that a launcher is gone; "" it needs no telling.
func (rec *Record) Forget() string {
	switch rec.Kind {
	case Systemd:
		return rec.systemctl() + " daemon-reload"
	case Supervisord:
		return "supervisorctl reread && supervisorctl update"
	default:
		return ""
	}
}

func (rec *Record) systemctl() string {
	if rec.System {
		return "systemctl"
	}
	return "systemctl --user"
}

// enabled is the link that makes systemd start a unit; "" there is none. One
// whose unit is gone is a failure at every start of the machine. A unit that lies
// elsewhere is linked where systemd looks, too.
func (rec *Record) enabled(get func(string) string) string {
	if rec.Kind != Systemd {
		return ""
	}
	looks, _ := Folder(&rec.Spec, get) // "": it knows no folder
	for _, dir := range []string{filepath.Dir(rec.Files[0].Path), looks} {
		for _, target := range []string{"default.target.wants", "multi-user.target.wants"} {
			link := filepath.Join(dir, target, unitName(rec.Name))
			if _, err := os.Lstat(link); err == nil && dir != "" {
				return link
			}
		}
	}
	return ""
}

// option is the value of one of modelrun's options, "" when it is not given.
func (s *Spec) option(name string) string {
	for _, w := range s.Options {
		if value, ok := strings.CutPrefix(w, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}
