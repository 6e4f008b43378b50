package execx

import (
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object that ends with its last handle, and thus with this
// process.
type group struct{ job windows.Handle }

// newGroup makes cmd start in a new group without a window.
func newGroup(cmd *exec.Cmd) (*group, error) {
	job, err := newJob(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	return &group{job}, nil
}

// newJob creates a job with these limits. Its handle is not inherited.
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

// limitJob sets the limits of a job.
func limitJob(job windows.Handle, limits uint32) error {
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	info.BasicLimitInformation.LimitFlags = limits
	_, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	return err
}

// started puts the child into the job. Before this call the child could start a
// grandchild outside the job, which an installer does not do. A child that has
// already ended cannot be put into a job, and does not need it.
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

// kill kills all processes of the job.
func (g *group) kill() { _ = windows.TerminateJobObject(g.job, 1) }

// forget does nothing: a job is a handle, not a number that can be reused.
func (g *group) forget() {}

// close ends the job.
func (g *group) close() { _ = windows.CloseHandle(g.job) }
