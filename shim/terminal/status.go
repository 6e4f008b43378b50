package terminal

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// CodeOK is the reason code for success.
const CodeOK fault.Code = "ok"

// StatusDoc is the content of the status file. The file is replaced atomically, the
// last time just before exec. So a caller can distinguish a failure of modelrun
// from a failure of the program.
type StatusDoc struct {
	Schema       int        `json:"schema"`        // see [Schema]
	Phase        string     `json:"phase"`         // waiting, creating, starting, failed
	Key          string     `json:"key"`           // of the wanted env
	Strategy     string     `json:"strategy"`      // the strategy that found the env
	ReasonCode   fault.Code `json:"reason_code"`   // [CodeOK], or why it failed or is degraded
	Reason       string     `json:"reason"`        // why, in one line
	Env          string     `json:"env"`           // the folder of the env
	Python       string     `json:"python"`        // the python that runs the program
	Degraded     bool       `json:"degraded"`      // the env is not known to work
	PID          int        `json:"pid"`           // of this process
	Retryable    bool       `json:"retryable"`     // the same command may succeed later
	ChildStarted bool       `json:"child_started"` // from here on the exit code is the program's
}

// Status writes the status file. A nil Status, or one without a path, does nothing.
type Status struct {
	path string
	file *os.File // set if path names a descriptor; it stays open, because it belongs to the caller
	log  hclog.Logger
	last StatusDoc // without schema and process, and not masked
}

// NewStatus returns a Status that writes to path, or "" for no status file. log
// gets a warning if the file cannot be written.
func NewStatus(path string, log hclog.Logger) *Status { return &Status{path: path, log: log} }

// Phase reports an activity that may take long.
func (s *Status) Phase(name, key string) {
	s.write(StatusDoc{Phase: name, Key: key, ReasonCode: CodeOK})
}

// Starting writes the last status of a launch. From then on the exit code is the
// program's.
func (s *Status) Starting(res *resolve.Resolution) {
	s.write(StatusDoc{
		Phase: "starting", Key: string(res.Key), Strategy: res.Strategy, ReasonCode: ResultCode(res), Reason: res.Reason,
		Env: res.Dir.Venv(), Python: res.Dir.Python(), Degraded: res.Degraded, ChildStarted: true,
	})
}

// Failed reports that modelrun itself failed.
func (s *Status) Failed(code fault.Code, err error) {
	if s == nil {
		return
	}
	s.write(StatusDoc{Phase: "failed", Key: s.last.Key, ReasonCode: code, Reason: err.Error(), Retryable: retryable(code)})
}

// ResultCode returns the reason code of a resolution.
func ResultCode(res *resolve.Resolution) fault.Code {
	if res.Code != "" {
		return res.Code
	}
	return CodeOK
}

// retryable reports whether the same command may succeed later without any change.
func retryable(code fault.Code) bool {
	switch code {
	case fault.WaitTimeout, fault.CreateTimeout, fault.NoIndex, fault.Paused, fault.InUse, fault.Interrupted, fault.Terminated:
		return true
	default:
		return false
	}
}

func (s *Status) write(d StatusDoc) {
	if s == nil || s.path == "" || d == s.last {
		return
	}
	s.last = d
	d.Schema, d.PID, d.Reason = Schema, os.Getpid(), fault.Mask(d.Reason)
	data, err := json.MarshalIndent(d, "", "  ")
	if err == nil {
		err = s.put(append(data, '\n'))
	}
	if err != nil {
		s.log.Warn("status file " + s.path + " cannot be written: " + err.Error())
	}
}

func (s *Status) put(data []byte) error {
	if fd, ok := descriptor(s.path); ok && s.file == nil {
		s.file = os.NewFile(fd, s.path)
	}
	if s.file == nil {
		return replace(s.path, data)
	}
	_, err := s.file.Write(data)
	return err
}

// descriptor returns the N of /dev/fd/N and similar paths. Replacing the file
// behind such a path would take away the caller's own output.
func descriptor(path string) (uintptr, bool) {
	switch path {
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	if dir := filepath.Dir(path); dir != "/dev/fd" && dir != "/proc/self/fd" {
		return 0, false
	}
	n, err := strconv.ParseUint(filepath.Base(path), 10, 16)
	return uintptr(n), err == nil
}

// replace writes the file as a whole. It writes to a device or a pipe without
// replacing it. It replaces the target of a link, not the link.
func replace(path string, data []byte) error {
	if err := fsys.OwnLink(path); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	case err != nil:
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return fsys.WriteFile(path, data)
}
