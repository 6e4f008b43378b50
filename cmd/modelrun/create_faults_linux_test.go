package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/fault"
)

// TestFullDisk creates an env on disks of many sizes. Either the creation succeeds,
// or the error says that the disk is full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	var sizes []int // kB
	for kb := 4; kb <= 16_000; kb += max(8, kb/6) {
		sizes = append(sizes, kb)
	}
	ready, full := 0, 0
	for _, kb := range sample(sizes, 2, len(sizes)-6, len(sizes)-3, len(sizes)-1) {
		s := newSandbox(t)
		mount(t, string(s.root), "-t", "tmpfs", "-o", fmt.Sprintf("size=%dk", kb), "tmpfs")
		status := filepath.Join(s.dir, "status.json")
		r := s.run(t, "--status-file", status, "--", "python", "-c", "pass")
		require.NoError(t, exec.Command("umount", "-l", string(s.root)).Run())
		if r.code == 0 {
			ready++
			continue
		}
		full++
		helpful(t, r)
		require.Equal(t, string(fault.NoSpace), reason(t, status), "%d kB: %s", kb, r)
	}
	require.Positive(t, ready)
	require.Positive(t, full)
}

// reason returns the reason code in a status file.
func reason(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var s struct {
		Code string `json:"reason_code"`
	}
	require.NoError(t, json.Unmarshal(data, &s))
	return s.Code
}

// TestFullDiskKeepsTheOldEnv checks a disk that fills up while an env is rebuilt.
// The old env stays unchanged and starts, even without a byte left for a verdict.
func TestFullDiskKeepsTheOldEnv(t *testing.T) {
	t.Parallel()
	var free []int // kB
	for kb := 0; kb <= 12_000; kb += max(4, kb/8) {
		free = append(free, kb)
	}
	for _, kb := range sample(free, 0, len(free)-6) {
		s := newSandbox(t)
		mount(t, string(s.root), "-t", "tmpfs", "-o", "size=64m", "tmpfs")
		copyAll(t, string(sharedSandbox(t).root)+"/.", string(s.root))
		require.NoError(t, os.RemoveAll(s.root.Cache()))
		fill(t, filepath.Join(string(s.root), "fill"), kb)
		before := photo(t, s.shared().Path)
		r := s.run(t, "ensure", "--rebuild")
		if r.code != 0 {
			helpful(t, r)
			require.Equal(t, before, photo(t, s.shared().Path))
		}
		s.starts(t, "--no-create")
		require.NoError(t, os.RemoveAll(s.root.State().Dir()))
		fill(t, filepath.Join(string(s.root), "fill2"), 0)
		s.starts(t, "--no-create")
		s.tidy(t)
		require.NoError(t, exec.Command("umount", "-l", string(s.root)).Run())
	}
}

// fill fills a disk, except for leave kilobytes.
func fill(t *testing.T, file string, leave int) {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(filepath.Dir(file), &st))
	f, err := os.Create(file)
	require.NoError(t, err)
	defer f.Close()
	if n := int64(st.Bavail)*st.Bsize - int64(leave)<<10; n > 0 {
		require.NoError(t, unix.Fallocate(int(f.Fd()), 0, 0, n))
	}
}

// TestDiskFails checks system calls that fail at the last steps of a creation.
// modelrun works around the failure, or gives an error that names the file and a
// remedy. The old env stays unchanged.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	execxtest.Tool(t, "strace")
	type failing struct {
		inject string
		code   fault.Code // "" if it succeeds anyway
	}
	for _, f := range sample([]failing{
		{"syncfs:error=EIO", fault.Internal},
		{"fsync:error=EIO", fault.Internal},
		{"fsync:error=EIO:when=2+", fault.Internal},
		{"renameat2:error=ENOSPC", fault.NoSpace},
		{"renameat2:error=EIO", fault.Internal},
		{"renameat2:error=EACCES", fault.NotWritable},
		{"renameat2:error=EROFS", fault.NotWritable},
		{"statfs:error=EIO", fault.Internal},
		{"flock:error=EIO", fault.Internal},
		{"syncfs:error=ENOSYS", ""},
		{"renameat2:error=EINVAL", ""},
	}, 0, 3) {
		t.Run(f.inject, func(t *testing.T) {
			t.Parallel()
			s := newHealthySandbox(t)
			before := photo(t, s.shared().Path)
			call, _, _ := strings.Cut(f.inject, ":")
			status := filepath.Join(s.dir, "status.json")
			r := run1(t, s.other(t, "strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+f.inject,
				s.bin, "--status-file", status, "ensure", "--rebuild"))
			if strings.Contains(r.err, "PTRACE") || strings.Contains(r.err, "ptrace") {
				t.Skipf("NOT TESTED: strace may not trace here: %s", r.err)
			}
			if f.code == "" {
				require.Zero(t, r.code, "%s", r)
			} else {
				helpful(t, r)
				require.Equal(t, string(f.code), reason(t, status), "%s", r)
				require.Equal(t, before, photo(t, s.shared().Path))
			}
			s.starts(t, "--no-create")
			s.tidy(t)
		})
	}
}

// TestReadOnlyParts checks roots of which a part is read-only. modelrun does what
// is possible, and gives an error that names the folder for the rest. For a
// read-only disk see create_disk_full.txt.
func TestReadOnlyParts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		part    func(*sandbox) string
		verdict bool // keep the verdict
		rebuild string
	}{
		"the env":                    {func(s *sandbox) string { return s.shared().Path }, true, "next"},
		"the env, without a verdict": {func(s *sandbox) string { return s.shared().Path }, false, "next"},
		"the state":                  {func(s *sandbox) string { return s.root.State().Dir() }, false, "done"},
		"the locks":                  {func(s *sandbox) string { return s.root.Locks() }, true, "refused"},
		"staging":                    {func(s *sandbox) string { return s.root.Tmp() }, true, "refused"},
		"the logs":                   {func(s *sandbox) string { return s.root.Logs() }, true, "refused"},
		"everything":                 {func(s *sandbox) string { return s.root.Envs() }, true, "refused"},
	} {
		if !tonight(name, "the env, without a verdict", "the state", "everything") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHealthySandbox(t)
			state := s.root.State().Dir()
			if !c.verdict {
				require.NoError(t, os.RemoveAll(state))
				require.NoError(t, os.Mkdir(state, 0o755))
			}
			before := photo(t, s.shared().Path)
			end := readOnly(t, c.part(s))
			s.starts(t, "--no-create")
			r := s.run(t, "ensure", "--rebuild")
			switch c.rebuild {
			case "refused":
				helpful(t, r)
				require.Regexp(t, regexp.QuoteMeta(c.part(s))+`\S* cannot be written: .*read-only`, r.err)
				s.starts(t, "--no-create")
			case "next":
				require.Zero(t, r.code, "%s", r)
				require.Contains(t, s.starts(t, "--no-create").out, s.next().Venv())
			default:
				require.Zero(t, r.code, "%s", r)
				before = photo(t, s.shared().Path)
			}
			require.Equal(t, before, photo(t, s.shared().Path))
			end()
			require.Contains(t, s.starts(t, "--no-create").out, s.shared().Venv(), "what waited is promoted")
			require.NoDirExists(t, s.next().Path)
		})
	}
}

// TestForeignFiles checks files in our folders that modelrun did not create. They
// stop no start and no creation, and they stay.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	put := func(path string) func(*sandbox) error {
		return func(s *sandbox) error {
			path := filepath.Join(s.root.Envs(), path)
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return os.WriteFile(path, []byte("x"), 0o600)
		}
	}
	for name, c := range map[string]struct {
		put     func(*sandbox) error
		rebuild string // part of the error of ensure --rebuild; "" if it succeeds
		absent  bool   // there is no env any more
	}{
		"files and folders in .tmp": {put: func(s *sandbox) error {
			tmp := func(name string) string { return filepath.Join(s.root.Tmp(), name) }
			precious := filepath.Join(s.dir, "precious")
			for _, dir := range []string{precious, tmp("onnx-cpu-bnb-00000008"), tmp("onnx-cpu-0000000x"), tmp(".trash-00000006")} {
				if err := os.MkdirAll(filepath.Join(dir, "x"), 0o755); err != nil {
					return err
				}
			}
			for _, link := range []string{"onnx-cpu-00000004", ".trash-00000005", "link"} {
				if err := os.Symlink(precious, tmp(link)); err != nil {
					return err
				}
			}
			if err := syscall.Mkfifo(tmp("onnx-cpu-00000007"), 0o600); err != nil {
				return err
			}
			return os.WriteFile(tmp("onnx-cpu-00000001"), nil, 0)
		}},
		".next is a file":         {put: put(".next"), rebuild: ""},
		".old is a file":          {put: put(".old"), rebuild: ".old"},
		".tmp is a file":          {put: put(".tmp"), rebuild: ".tmp cannot be written: "},
		".locks is a file":        {put: put(".locks"), rebuild: ".locks cannot be written: "},
		".logs is a file":         {put: put(".logs"), rebuild: ".logs cannot be written: "},
		".state is a file":        {put: put(".state")},
		".cache is a file":        {put: put(".cache"), rebuild: "nitialize cache at "},
		"the env is a file":       {put: put("onnx-cpu"), absent: true},
		"the lock is a folder":    {put: folder(".locks/onnx-cpu.lock"), rebuild: "onnx-cpu.lock"},
		"the lease is a folder":   {put: folder(".locks/onnx-cpu.use"), rebuild: "onnx-cpu.use"},
		"the owner is a folder":   {put: folder(".locks/onnx-cpu.owner.json")},
		"the failure is a folder": {put: folder(".locks/onnx-cpu.fail.json")},
		"the journal is a folder": {put: folder(".locks/onnx-cpu.publish.json")},
		"the journal is a pipe": {put: func(s *sandbox) error {
			return syscall.Mkfifo(s.root.Files(onnx).Journal(), 0o600)
		}},
	} {
		if !tonight(name, "files and folders in .tmp", ".next is a file", ".old is a file", "the env is a file") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHealthySandbox(t)
			require.NoError(t, c.put(s))
			if c.absent {
				r := s.run(t, "--no-create", "--", "python", "-c", "pass")
				helpful(t, r)
			} else {
				before := photo(t, s.shared().Path)
				s.starts(t, "--no-create")
				require.Equal(t, before, photo(t, s.shared().Path))
			}
			r := s.run(t, "ensure", "--rebuild")
			if c.rebuild != "" {
				helpful(t, r)
				require.Contains(t, r.err, c.rebuild, "%s", r)
			} else {
				require.Zero(t, r.code, "%s", r)
			}
			s.starts(t, "--no-create")
			if exists(filepath.Join(s.dir, "precious")) {
				require.DirExists(t, filepath.Join(s.dir, "precious", "x"), "no link is followed")
				require.ElementsMatch(t, []string{"link", "onnx-cpu-bnb-00000008", "onnx-cpu-0000000x"}, names(s.root.Tmp()))
			}
		})
	}
}

func folder(path string) func(*sandbox) error {
	return func(s *sandbox) error {
		path := filepath.Join(s.root.Envs(), path)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return os.MkdirAll(filepath.Join(path, "x"), 0o755)
	}
}

// TestLeftoverThatCannotBeMoved checks that a leftover that cannot be moved does
// not disturb a creation.
func TestLeftoverThatCannotBeMoved(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	left := s.root.Staging(onnx, "00000003").Path
	mount(t, left, "-t", "tmpfs", "tmpfs")
	r := s.run(t, "ensure", "--rebuild")
	require.Zero(t, r.code, "%s", r)
	require.Equal(t, []string{filepath.Base(left)}, names(s.root.Tmp()))
}

// TestLinks checks that .envs may be a link, and that its folders may not be links:
// publishing is one rename.
func TestLinks(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	elsewhere := filepath.Join(s.dir, "elsewhere")
	require.NoError(t, os.Rename(s.root.Envs(), elsewhere))
	require.NoError(t, os.Symlink(elsewhere, s.root.Envs()))
	s.starts(t, "--no-create")
	r := s.run(t, "ensure", "--rebuild")
	require.Zero(t, r.code, "%s", r)
	s.starts(t, "--no-create")
	s.tidy(t)

	disk := filepath.Join(s.dir, "disk")
	mount(t, disk, "-t", "tmpfs", "tmpfs")
	require.NoError(t, os.Remove(s.root.Tmp()))
	require.NoError(t, os.Symlink(disk, s.root.Tmp()))
	before := photo(t, elsewhere+"/onnx-cpu")
	r = s.run(t, "ensure", "--rebuild")
	helpful(t, r)
	require.Contains(t, r.err, "keep all of .envs on one disk", "%s", r)
	require.Equal(t, before, photo(t, elsewhere+"/onnx-cpu"))
	require.Empty(t, names(disk))

	require.NoError(t, os.RemoveAll(elsewhere))
	r = s.run(t, "--", "python", "-c", "pass")
	helpful(t, r)
	require.Contains(t, r.err, s.root.Envs()+" is a link to "+elsewhere+", which is not there", "%s", r)
}

// TestStateFilesOfAnyKind checks state files with content that modelrun never
// writes. modelrun ignores each of them. If necessary it checks the env again, and
// it does not change the env.
func TestStateFilesOfAnyKind(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	state, err := filepath.Glob(s.root.State().Machine("[0-9a-f]*"))
	require.NoError(t, err)
	require.Len(t, state, 1)
	notes, err := filepath.Glob(filepath.Dir(s.root.State().Model(s.shared(), "x")))
	require.NoError(t, err)
	random := make([]byte, 4096)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	kinds := map[string][]byte{
		"empty": {}, "random": random, "an escape": []byte("\x1b]0;title\x07\x1b[2J"), "another type": []byte(`[1, "two"]`), "cut off": []byte(`{"schema": 1, "key": "onnx-c`),
		"newer": []byte(`{"schema": 99, "verdicts": "many", "id": 7, "tries": "x", "pid": "x", "new": {"a": 1}, "old": []}`), "large": nil,
	}
	for _, file := range []string{
		s.shared().Ready(), filepath.Join(state[0], "health-onnx-cpu.json"), filepath.Join(state[0], "hardware.json"), s.root.Files(onnx).Owner(),
		s.root.Files(onnx).Failure(), s.root.Files(onnx).Journal(), filepath.Join(notes[0], "local_000000000000"), s.shared().Cfg(),
	} {
		keep, keepErr := os.ReadFile(file)
		for kind, data := range kinds {
			if !tonight(kind, "random", "large", "newer") {
				continue
			}
			name := filepath.Base(file) + ", " + kind
			if kind == "large" {
				require.NoError(t, os.WriteFile(file, []byte(`{"schema": 1`), 0o644), name)
				require.NoError(t, os.Truncate(file, 50<<20), name)
			} else {
				require.NoError(t, os.WriteFile(file, data, 0o644), name)
			}
			before := photo(t, s.shared().Path)
			r := s.run(t, "--no-create", "--", "python", "-c", "import onnxruntime")
			if file == s.shared().Cfg() { // without this file, python itself would not know where it is
				helpful(t, r)
				require.Contains(t, r.err, "pyvenv.cfg cannot be used: "+file, name)
			} else {
				require.Zero(t, r.code, "%s: %s", name, r)
				require.Empty(t, slowCheck.ReplaceAllString(r.err, ""), name)
			}
			require.Equal(t, before, photo(t, s.shared().Path), name)
			r = s.run(t, "list")
			require.Zero(t, r.code, "%s: %s", name, r)
			require.NotContains(t, r.out, "\x1b", "%s: nothing of a file reaches a terminal as it is", name)
			require.True(t, strings.ToValidUTF8(r.out, "") == r.out, name)
			if keepErr != nil {
				require.NoError(t, os.RemoveAll(file))
			} else {
				require.NoError(t, os.WriteFile(file, keep, 0o644))
			}
		}
	}
	r := s.run(t, "ensure", "--rebuild")
	require.Zero(t, r.code, "%s", r)
}

// TestClockJumps lets the clock jump by 10 years, forward or back, so that existing
// files have dates of another time. A verdict still counts. A failure does not
// count any more. No file is in the way because it looks too young or too old.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"forth": -10 * 365 * 24 * time.Hour, "back": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHealthySandbox(t)
			verdicts, err := filepath.Glob(filepath.Join(s.root.State().Machine("[0-9a-f]*"), "health-onnx-cpu.json"))
			require.NoError(t, err)
			require.Len(t, verdicts, 1)
			shift(t, verdicts[0], by)
			when := time.Now().Add(by)
			require.NoError(t, os.WriteFile(s.root.Files(onnx).Log(when), nil, 0o600))
			require.NoError(t, os.MkdirAll(filepath.Join(s.root.Staging(onnx, "0123abcd").Path, "x"), 0o755))
			for _, dir := range []string{s.root.Locks(), s.root.State().Dir(), s.root.Tmp(), s.root.Logs()} {
				require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
					if err != nil {
						return err
					}
					return os.Chtimes(path, when, when)
				}))
			}
			kept, err := os.ReadFile(verdicts[0])
			require.NoError(t, err)
			s.starts(t, "--no-create")
			now, err := os.ReadFile(verdicts[0])
			require.NoError(t, err)
			require.Equal(t, kept, now, "it is the same env: nobody asks it again")
			require.WithinDuration(t, time.Now(), inode(t, s.root.Lease(s.shared())).ModTime(), time.Hour, "the day of its use")

			// A creation that failed at another time is retried at once.
			require.NoError(t, os.RemoveAll(s.shared().Path))
			works := s.env
			s.set("MODELRUN_INDEX_DEFAULT=http://127.0.0.1:1/simple", "MODELRUN_INDEX_TORCH=http://127.0.0.1:1/simple", "UV_HTTP_RETRIES=0", "UV_LINK_MODE=copy")
			helpful(t, s.run(t, "-e", string(onnx), "--", "python", "-c", "pass"))
			shift(t, s.root.Files(onnx).Failure(), by)
			s.env = works
			s.starts(t)
			s.tidy(t)
		})
	}
}

// shift shifts every time in a JSON file of modelrun.
func shift(t *testing.T, file string, by time.Duration) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	moved := 0
	data = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*"`).ReplaceAllFunc(data, func(old []byte) []byte {
		at, err := time.Parse(time.RFC3339Nano, strings.Trim(string(old), `"`))
		require.NoError(t, err)
		moved++
		return fmt.Appendf(nil, "%q", at.Add(by).Format(time.RFC3339Nano))
	})
	require.Positive(t, moved, "%s", data)
	require.NoError(t, os.WriteFile(file, data, 0o644))
}

// TestInheritedLimits checks limits that a caller set. A healthy env starts under
// every limit under which python starts. A creation succeeds, or fails with an
// error that names the limit, and leaves a healthy env unchanged. Nothing that a
// limit caused counts as broken later.
func TestInheritedLimits(t *testing.T) {
	t.Parallel()
	type limit struct {
		ulimit    string
		unchecked string // part of the message of a start without a verdict; "" if there is none
		create    string // part of the error of a creation; "" if it succeeds
	}
	for _, l := range sample([]limit{
		{"-n 16", "too many open files", "too many open files"},
		{"-n 24", "", "Too many open files"},
		{"-n 64", "", ""},
		{"-f 0", "cannot be kept", "uv was killed, as a system out of memory or a limit does"},
		{"-f 8", "", "uv was killed, as a system out of memory or a limit does"},
		{"-f 100", "", "uv was killed, as a system out of memory or a limit does"},
		{"-s 256", "", ""},
		{"-s 1024", "", ""},
		{"-c 0", "", ""},
	}, 0, 4) {
		t.Run(l.ulimit, func(t *testing.T) {
			t.Parallel()
			s := newHealthySandbox(t)
			before := photo(t, s.shared().Path)
			under := func(args ...string) ran {
				return run1(t, s.other(t, "/bin/sh", append([]string{"-c", "ulimit " + l.ulimit + `; exec "$0" "$@"`, s.bin}, args...)...))
			}
			start := []string{"--no-create", "--", "python", "-c", "import onnxruntime"}
			r := under(start...)
			require.Zero(t, r.code, "%s", r)
			require.Empty(t, r.err)

			require.NoError(t, os.RemoveAll(s.root.State().Dir()))
			r = under(start...)
			require.Zero(t, r.code, "%s", r)
			if l.unchecked != "" {
				require.Contains(t, r.err, l.unchecked, "%s", r)
			}
			require.NoError(t, os.RemoveAll(s.root.Cache())) // otherwise uv knows the machine's Pythons
			r = under("ensure", "--rebuild")
			if l.create == "" {
				require.Zero(t, r.code, "%s", r)
			} else {
				helpful(t, r)
				require.Contains(t, r.err, l.create, "%s", r)
				require.Equal(t, before, photo(t, s.shared().Path))
			}
			require.Contains(t, s.starts(t, "--no-create", "--no-degraded").out, s.shared().Venv())
			s.tidy(t)
		})
	}
}

// TestHardlyADescriptor checks that the remedy for too few descriptors is to allow
// more.
func TestHardlyADescriptor(t *testing.T) {
	t.Parallel()
	s := newHealthySandbox(t)
	before := photo(t, s.shared().Path)
	r := run1(t, s.other(t, "/bin/sh", "-c", `ulimit -n 8; exec "$0" -- python -c pass`, s.bin))
	if r.code != 0 {
		helpful(t, r)
		require.Contains(t, r.err, "hint: allow more open files: ulimit -n", "%s", r)
	}
	require.Equal(t, before, photo(t, s.shared().Path))
	s.starts(t, "--no-create")
}

// TestCreateWithClosedStreams checks streams that are closed or full.
func TestCreateWithClosedStreams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		streams string
		cold    bool
	}{
		"all closed":            {"<&- >&- 2>&-", false},
		"all closed, no env":    {"<&- >&- 2>&-", true},
		"nobody reads, no env":  {"<&- >/dev/full 2>/dev/full", true},
		"stderr closed, no env": {"2>&-", true},
	} {
		if !tonight(name, "all closed", "all closed, no env") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			if !c.cold {
				s.seed(t)
			}
			proof := filepath.Join(s.dir, "proof")
			code := fmt.Sprintf("import onnxruntime; open(%q, 'w').write('ran')", proof)
			r := run1(t, s.other(t, "/bin/sh", "-c", `exec "$0" -- python -c "$1" `+c.streams, s.bin, code))
			require.Zero(t, r.code, "%s", r)
			require.Equal(t, []string{"ran"}, s.lines("proof"))
			// None of our files contains output that was meant for a stream.
			for _, file := range []string{s.root.Files(onnx).Lock(), s.root.Lease(s.shared())} {
				require.Zero(t, inode(t, file).Size(), file)
			}
			s.tidy(t)
		})
	}
}
