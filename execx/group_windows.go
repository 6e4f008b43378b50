package execx

import (
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object that ends with its last handle, and so with us.
type group struct{ job windows.Handle }

func newGroup(cmd *exec.Cmd) (*group, error) {
	job, err := newJob(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	return &group{job}, nil
}

// newJob is a job with these limits; its handle is not inherited.
func newJob(limits uint32) (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	if err := limitJob(job, limits); err != nil {
		_ = windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

func limitJob(job windows.Handle, limits uint32) error {
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	info.BasicLimitInformation.LimitFlags = limits
	_, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	return err
}

// started puts the child into the job. Between its birth and this call it can
// start a grandchild outside of the job; an installer does not. One that has
// ended meanwhile is denied to every job, and needs none.
func (g *group) started(pid int) error {
	p, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE|windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(p) }()
	err = windows.AssignProcessToJobObject(g.job, p)
	if ended, e := windows.WaitForSingleObject(p, 0); e == nil && ended == windows.WAIT_OBJECT_0 {
		return nil
	}
	return err
}

func (g *group) kill() { _ = windows.TerminateJobObject(g.job, 1) }

// forget has nothing to do: a job is a handle, not a number that is used again.
func (g *group) forget() {}

func (g *group) close() { _ = windows.CloseHandle(g.job) }
