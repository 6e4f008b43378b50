package launcher

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Folder returns the default folder of a launcher's files, in which its starter
// looks. get reads a variable. It returns a BadUsage if there is no such
// folder.
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
	case Shortcut: // in the start menu
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

// Next returns what to do after a launcher was written: commands to paste, one
// per line, or "". get reads a variable.
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
			unit = file // enable then links it into systemd's folder
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
		return rec.runNSSM(file, "start")
	case Shortcut:
	}
	return ""
}

// Reload returns the command after which the starter uses repaired files, or ""
// if none is needed.
func (rec *Record) Reload() string {
	if rec.Kind == NSSM && runtime.GOOS == "windows" { // an administrator must run it to change the service
		return rec.runNSSM(fault.Quote(rec.Files[0].Path), "restart")
	}
	return rec.Forget()
}

// runNSSM returns the command that runs an NSSM file, in an administrator's
// prompt, and then starts or restarts its service.
func (rec *Record) runNSSM(file, verb string) string {
	if runtime.GOOS != "windows" {
		return file // the record is from another system
	}
	if rec.Account != "" && !Passwordless(rec.Account) {
		file += " PASSWORD"
	}
	return file + " && nssm " + verb + " " + fault.Quote(rec.Name)
}

// Stop returns the command that stops a service whose launcher is removed or
// missing, or "" if it is not a service. get reads a variable.
func (rec *Record) Stop(get func(string) string) string {
	switch rec.Kind {
	case Systemd:
		verb := " stop " // disable fails for a unit whose file is missing
		if rec.enabledLink(get) != "" {
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

// Forget returns the command that tells the starter about a removed launcher,
// or "" if none is needed.
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

// systemctl returns the systemctl command for the unit's manager.
func (rec *Record) systemctl() string {
	if rec.System {
		return "systemctl"
	}
	return "systemctl --user"
}

// enabledLink returns the link with which systemd starts a unit, or "". A link
// whose unit is missing causes a failure at every start of the machine. For a
// unit in another folder, there may also be a link in systemd's folder.
func (rec *Record) enabledLink(get func(string) string) string {
	if rec.Kind != Systemd {
		return ""
	}
	looks, _ := Folder(&rec.Spec, get) // "": there is no default folder
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

// option returns the value of one of modelrun's options, or "".
func (s *Spec) option(name string) string {
	for _, w := range s.Options {
		if value, ok := strings.CutPrefix(w, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}
