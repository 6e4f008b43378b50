package shim

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
	"github.com/modelrun/modelrun/resolve/store"
)

// schema is the version of every JSON that we write: within one number fields
// are only added.
const schema = 1

// codeOK is the reason code where there is nothing to complain about.
const codeOK fault.Code = "ok"

// statusDoc is the status file. It is replaced atomically, last before the
// exec, so that a caller can tell our failures from the program's.
type statusDoc struct {
	Schema       int        `json:"schema"`
	Phase        string     `json:"phase"` // waiting, creating, starting, failed
	Key          string     `json:"key"`
	Strategy     string     `json:"strategy"`
	ReasonCode   fault.Code `json:"reason_code"`
	Reason       string     `json:"reason"`
	Env          string     `json:"env"`
	Python       string     `json:"python"`
	Degraded     bool       `json:"degraded"`
	PID          int        `json:"pid"`
	Retryable    bool       `json:"retryable"`
	ChildStarted bool       `json:"child_started"`
}

// status writes the status file, if one was asked for. A nil status or one
// without a path does nothing.
type status struct {
	path  string
	file  *os.File // where path names a descriptor of ours; kept, because closing it is the caller's
	log   hclog.Logger
	trace []resolve.Attempt
	last  statusDoc
}

func (s *status) write(d statusDoc) {
	if s == nil || s.path == "" || d == s.last {
		return
	}
	s.last = d
	d.Schema, d.PID, d.Reason = schema, os.Getpid(), fault.Mask(d.Reason)
	data, err := json.MarshalIndent(d, "", "  ")
	if err == nil {
		err = s.put(append(data, '\n'))
	}
	if err != nil {
		s.log.Warn("status file " + s.path + " cannot be written: " + err.Error())
	}
}

func (s *status) put(data []byte) error {
	if fd, ok := descriptor(s.path); ok && s.file == nil {
		s.file = os.NewFile(fd, s.path)
	}
	if s.file == nil {
		return replace(s.path, data)
	}
	_, err := s.file.Write(data)
	return err
}

// descriptor is the N of /dev/fd/N and the like: to replace the file behind it
// would take the caller's own output away.
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

// replace writes the file as a whole. What is no regular file (a device, a pipe)
// is written to and stays what it is; a link's target is replaced, not the link.
func replace(path string, data []byte) error {
	if err := store.OwnLink(path); err != nil {
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
	return store.WriteFile(path, data)
}

// phase says that something is going on that may take long.
func (s *status) phase(name, key string) {
	s.write(statusDoc{Phase: name, Key: key, ReasonCode: codeOK})
}

// starting is written last: from here on the exit code is the program's.
func (s *status) starting(res *resolve.Resolution) {
	s.write(statusDoc{
		Phase: "starting", Key: string(res.Key), Strategy: res.Strategy, ReasonCode: resultCode(res), Reason: res.Reason,
		Env: res.Dir.Venv(), Python: res.Dir.Python(), Degraded: res.Degraded, ChildStarted: true,
	})
}

func (s *status) failed(code fault.Code, err error) {
	if s == nil {
		return
	}
	s.write(statusDoc{Phase: "failed", Key: s.last.Key, ReasonCode: code, Reason: err.Error(), Retryable: retryable(code)})
}

func resultCode(res *resolve.Resolution) fault.Code {
	if res.Code != "" {
		return res.Code
	}
	return codeOK
}
