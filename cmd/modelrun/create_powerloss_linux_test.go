package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
)

// TestPowerLoss simulates a power loss at a step. The root is on its own ext4 file
// system. modelrun is stopped at the step, and the contents of the disk at that
// moment are mounted again. Data that was only in memory is lost. The next start
// must heal anyway.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	if !canMount() {
		t.Skip("NOT TESTED: mounting is not allowed here, so nothing shows what a power cut leaves")
	}
	for name, steps := range map[string][]string{
		"nothing there":       {"verifying files"},
		"broken":              {"exchanged"},
		"broken, no exchange": {"moved-old"},
		"waiting":             {},
	} {
		b := crashes()[name]
		if nightly() {
			steps = b.steps
		}
		for _, step := range steps {
			t.Run(name+"/"+step, func(t *testing.T) {
				t.Parallel()
				l := newCrashBase(t)
				disk := newDisk(t)
				r := &crashSandbox{base: l, Root: envdir.Root(filepath.Join(disk.dir, "root"))}
				copyAll(t, string(l.root), string(r.Root))
				// Downloads then go to the cache and to the env at once, by hard
				// links.
				require.NoError(t, os.RemoveAll(r.Cache()))
				r.fill(t, b)
				mustRun(t, "sync", "-f", disk.dir)
				stopAt(t, r.cmd(t, b, step+":stop"), step, disk.cut)
				r.requireHeals(t, b)
			})
		}
	}
}

// stopAt runs a command until it has stopped at a step. Then it calls then, and
// kills the command.
func stopAt(t *testing.T, c *exec.Cmd, step string, then func(t *testing.T, die func())) {
	t.Helper()
	errs, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	die := func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	}
	t.Cleanup(die)
	var said []string
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		if said = append(said, lines.Text()); said[len(said)-1] == "stopped at "+step {
			then(t, die)
			return
		}
	}
	require.Fail(t, "it never came to that step", "%s", strings.Join(said, "\n"))
}

// disk is a small ext4 file system.
type disk struct{ dir, image string }

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{dir: t.TempDir(), image: filepath.Join(t.TempDir(), "image")}
	mkfs := execxtest.Tool(t, "mkfs.ext4")
	f, err := os.Create(d.image)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(128<<20))
	require.NoError(t, f.Close())
	if out, err := exec.Command(mkfs, "-q", d.image).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: no ext4 can be made here, so nothing shows what a power cut leaves: %v: %s", err, out)
	}
	d.mount(t)
	return d
}

func (d *disk) mount(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: a file cannot be mounted here, so nothing shows what a power cut leaves: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", d.dir).Run() })
}

// cut simulates a power cut: only the data that is on the disk now remains.
func (d *disk) cut(t *testing.T, die func()) {
	t.Helper()
	// The journal is written every 5 s, before the data of new files. So a power
	// cut leaves names of empty files.
	f, err := os.Create(filepath.Join(d.dir, "journal"))
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	after := d.image + "-after"
	mustRun(t, "cp", "--sparse=always", d.image, after)
	die()
	mustRun(t, "umount", "-l", d.dir) // lazily: later writes go to the old image
	d.image = after
	d.mount(t)
}

func mustRun(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, args, out)
}
