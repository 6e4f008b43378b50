package prune

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/fsys/fsystest"
	"github.com/modelrun/modelrun/resolve/store"
)

const month = 30 * 24 * time.Hour

// kinds returns "kind name" for each item.
func kinds(p Plan) (out []string) {
	for _, i := range p.Items {
		out = append(out, strings.TrimSpace(string(i.Kind)+" "+i.Name))
	}
	return out
}

// kept returns why a plan keeps something, by the last part of its path.
func kept(p Plan) map[string]string {
	out := map[string]string{}
	for _, k := range p.Kept {
		out[filepath.Base(k.Path)] = k.Why
	}
	return out
}

// carryOut runs a plan. It returns the errors of the items that were not removed,
// by kind.
func carryOut(t *testing.T, s *store.Store, p Plan) (freed int64, still map[Kind]error) {
	t.Helper()
	still = map[Kind]error{}
	require.NoError(t, Run(t.Context(), s, p, func(d Result) {
		freed += d.Freed
		if d.Err != nil {
			still[d.Kind] = d.Err
		}
	}))
	return freed, still
}

// abandoned creates an env that was not started for a long time.
func abandoned(t *testing.T, s *store.Store) envdir.Dir {
	t.Helper()
	l, err := s.TryLock(key)
	require.NoError(t, err)
	err = publish(l, "word")
	require.NoError(t, err)
	require.NoError(t, l.Unlock())
	d := s.Root.Shared(key)
	lease, err := s.Lease(t.Context(), d)
	require.NoError(t, err)
	lease.Release()
	fsystest.Older(t, 2*month, s.Root.Lease(d), d.Ready(), d.Venv())
	return d
}

func TestPruneOfNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	p := Make(s, Options{Unused: month})
	require.Empty(t, p.Items)
	require.Empty(t, p.Kept)
	_, _ = carryOut(t, s, p)
	entries, err := os.ReadDir(string(s.Root))
	require.NoError(t, err)
	require.Empty(t, entries, "nothing is made")
}

// TestPruneFreesWithTheLastLink checks that a file frees its bytes with its last
// link, and that Run frees as much as the plan says.
func TestPruneFreesWithTheLastLink(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	elsewhere := fsystest.Put(t, 1000, t.TempDir(), "elsewhere")
	if os.Link(elsewhere, filepath.Join(string(s.Root), "try")) != nil {
		t.Skip("two file systems")
	}
	require.NoError(t, os.Remove(filepath.Join(string(s.Root), "try")))
	staged := s.Root.Staging(key, "00000001").Path
	old := s.Root.Retired("model__Name", "00000002")
	fsystest.Link(t, elsewhere, staged, "linked")                               // never freed
	fsystest.Link(t, fsystest.Put(t, 200, staged, "both"), old, "both")         // freed with the second
	fsystest.Link(t, fsystest.Put(t, 30, old, "twice"), old, "again")           // counted once
	fsystest.Put(t, 4, old, "own")                                              // freed
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(old, "symbolic")))   // never followed
	require.NoError(t, os.Symlink(filepath.Dir(elsewhere), staged+"/symbolic")) // as above
	p := Make(s, Options{})
	require.Equal(t, []string{"staging " + string(key), "old model__Name"}, kinds(p))
	require.EqualValues(t, 0, p.Items[0].Bytes)
	require.EqualValues(t, 234, p.Items[1].Bytes)
	require.EqualValues(t, 234, p.Bytes())
	freed, still := carryOut(t, s, p)
	require.Empty(t, still)
	require.EqualValues(t, 234, freed)
	info, err := os.Stat(elsewhere)
	require.NoError(t, err)
	_, links := fsys.Identify(elsewhere, info)
	require.Equal(t, 1, links)
	requireNoLitter(t, s)
}

// TestPruneLeavesWhatIsForeign checks that foreign files stay and are named, and
// that links are never followed.
func TestPruneLeavesWhatIsForeign(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	outside := t.TempDir()
	fsystest.Put(t, 1, outside, "x-01234567", "file")
	mine := []string{
		fsystest.Put(t, 1, s.Root.Tmp(), "notes"),
		fsystest.Put(t, 1, s.Root.Tmp(), "UPPER-01234567", "file"),
		fsystest.Put(t, 1, s.Root.Tmp(), ".trash-mine", "file"),
		fsystest.Put(t, 1, s.Root.Tmp(), string(key)+"-0123456", "file"),
		fsystest.Put(t, 1, s.Root.OldEnvs(), "mine", "file"),
		fsystest.Put(t, 1, s.Root.OldEnvs(), "file-01234567"),
		fsystest.Put(t, 1, s.Root.Logs(), "notes.txt"),
		fsystest.Put(t, 1, s.Root.Logs(), "mine-2020.log"),
		fsystest.Put(t, 1, s.Root.Nexts(), "NOTES"),
		fsystest.Put(t, 1, s.Root.State().Dir(), "mine", "file"),
		fsystest.Put(t, 1, s.Root.Tools().Dir(), "mine", "file"),
		fsystest.Put(t, 1, s.Root.Locks(), "mine.fail.json.bak"),
		fsystest.Put(t, 1, s.Root.Locks(), ".mine"),
		fsystest.Put(t, 1, string(s.Root), "environments", "x", ".venv", "file"),
		fsystest.Put(t, 1, s.Root.Envs(), "not-an-env", "file"),
	}
	for _, file := range mine {
		fsystest.Older(t, 12*month, file, filepath.Dir(file))
	}
	linked := filepath.Join(s.Root.OldEnvs(), "x-01234567")
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Symlink(filepath.Join(outside, "x-01234567"), linked))
	}
	p := Make(s, Options{Unused: month})
	require.Empty(t, kinds(p))
	for _, name := range []string{"notes", "UPPER-01234567", ".trash-mine", string(key) + "-0123456", "mine", "file-01234567", "notes.txt", "mine-2020.log", "NOTES"} {
		require.Equal(t, notOurs, kept(p)[name], name)
	}
	_, _ = carryOut(t, s, p)
	s.EmptyTrash()
	for i := range 12 {
		fsystest.Put(t, 1, s.Root.Files(key).Log(time.Now().AddDate(0, 0, -i)))
	}
	l, err := s.NewLog(key) // removes old logs, too
	require.NoError(t, err)
	require.NoError(t, l.Close())
	for _, file := range append(mine, filepath.Join(outside, "x-01234567", "file")) {
		require.FileExists(t, file)
	}
}

// TestPruneFollowsNoLinks checks that folders of ours that a user replaced by links
// are not emptied.
func TestPruneFollowsNoLinks(t *testing.T) {
	t.Parallel()
	fsystest.SkipOnWindows(t)
	s := newStore(t)
	outside := t.TempDir()
	var files []string
	for i, dir := range []string{s.Root.OldEnvs(), s.Root.Tmp(), s.Root.Logs(), s.Root.State().Dir(), s.Root.Cache(), s.Root.Nexts()} {
		there := filepath.Join(outside, fmt.Sprint(i))
		files = append(files,
			fsystest.Put(t, 1, there, string(key)+"-01234567", "file"), fsystest.Put(t, 1, there, string(key)+"-20200101T000000Z.log"), fsystest.Put(t, 1, there, "0123456789ab", "file"),
			fsystest.Put(t, 1, there, archives, "abcdefghijklmnop", "file"), fsystest.Put(t, 1, there, ".lock"), fsystest.Put(t, 1, there, "a-key", ".venv", "file"))
		fsystest.Older(t, 12*month, filepath.Join(there, "0123456789ab", "file"), filepath.Join(there, "0123456789ab"))
		require.NoError(t, os.MkdirAll(filepath.Dir(dir), 0o755))
		require.NoError(t, os.Symlink(there, dir))
	}
	p := Make(s, Options{})
	require.Empty(t, kinds(p))
	require.Len(t, p.Kept, 6)
	for _, file := range files {
		require.FileExists(t, file)
	}
}

// TestPruneThroughNoLink checks that prune refuses a link as .tmp. Removed folders
// pass through .tmp, so they would leave the root.
func TestPruneThroughNoLink(t *testing.T) {
	t.Parallel()
	fsystest.SkipOnWindows(t)
	s := newStore(t)
	fsystest.Put(t, 1, s.Root.Retired(string(key), "01234567"), "file")
	outside := t.TempDir()
	theirs := fsystest.Put(t, 1, outside, ".trash-89abcdef", "file")
	require.NoError(t, os.Symlink(outside, s.Root.Tmp()))
	p := Make(s, Options{})
	require.NotEmpty(t, p.Items)
	err := Run(t.Context(), s, p, func(Result) {})
	require.Equal(t, fault.BadRoot, fault.CodeOf(err))
	require.FileExists(t, theirs)
	require.DirExists(t, s.Root.Retired(string(key), "01234567"))
}

func TestPruneUnused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		days time.Duration
		do   func(t *testing.T, s *store.Store, d envdir.Dir)
		why  string // "" if it is removed
	}{
		"nobody starts it":      {days: month},
		"not asked for":         {why: "-"},
		"not long enough":       {days: 3 * month, why: "-"},
		"made a moment ago":     {days: month, do: func(t *testing.T, _ *store.Store, d envdir.Dir) { fsystest.Older(t, 0, d.Ready()) }, why: "-"},
		"started in the future": {days: month, do: func(t *testing.T, s *store.Store, d envdir.Dir) { fsystest.Older(t, -2*month, s.Root.Lease(d)) }, why: "-"},
		"no env": {days: month, do: func(t *testing.T, _ *store.Store, d envdir.Dir) {
			require.NoError(t, os.Rename(d.Venv(), d.Venv()+"-"))
		}, why: "-"},
		"in use by a lease":           {days: month, do: useByLease, why: "in use"},
		"in use, told by /proc alone": {days: month, do: useByProc, why: "in use"},
		"being created":               {days: month, do: create, why: "another process works on " + string(key)},
		"its next env waits": {days: month, do: func(t *testing.T, s *store.Store, d envdir.Dir) {
			useByLease(t, s, d)
			fsystest.Put(t, 1, s.Root.Next(key).Path, "file")
		}, why: "-"},
		"a publish of it was cut off": {days: month, do: func(t *testing.T, s *store.Store, _ envdir.Dir) { fsystest.Put(t, 1, s.Root.Files(key).Journal()) }, why: "-"},
		"another key was in the making": {days: month, do: func(t *testing.T, s *store.Store, _ envdir.Dir) {
			l, err := s.TryLock(key + "-bnb")
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Unlock() })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(name, "/proc") && runtime.GOOS != "linux" {
				t.Skip("there is no /proc")
			}
			s := newStore(t)
			d := abandoned(t, s)
			if tt.do != nil {
				tt.do(t, s, d)
			}
			p := Make(s, Options{Unused: tt.days})
			if tt.why == "" {
				require.Equal(t, []string{"unused " + string(key)}, kinds(p))
				freed, still := carryOut(t, s, p)
				require.Empty(t, still)
				require.NotZero(t, freed)
				require.NoDirExists(t, d.Path)
				requireNoLitter(t, s)
				return
			}
			require.NotContains(t, kinds(p), "unused "+string(key))
			require.DirExists(t, d.Path)
			if tt.why != "-" {
				require.Equal(t, tt.why, kept(p)[string(key)])
			}
		})
	}
}

func useByLease(t *testing.T, s *store.Store, d envdir.Dir) {
	t.Helper()
	p := start(t, s, "lease")
	require.NotEmpty(t, p.Line(t))
	fsystest.Older(t, 2*month, s.Root.Lease(d)) // it has been running since then
}

func useByProc(t *testing.T, s *store.Store, d envdir.Dir) {
	t.Helper()
	p := start(t, s, "block", "VIRTUAL_ENV="+d.Venv())
	require.Equal(t, "running", p.Line(t))
	users := Make(s, Options{Unused: month}).Kept[0].Users
	require.Len(t, users, 1)
	require.Equal(t, p.Process.Pid, users[0].PID)
}

func create(t *testing.T, s *store.Store, _ envdir.Dir) {
	t.Helper()
	p := start(t, s, "lock")
	require.Equal(t, "locked", p.Line(t))
	t.Cleanup(func() { p.Kill(t) })
	require.NoError(t, os.Remove(s.Root.Files(key).Owner()), "whose owner could not say who it is")
}

// TestPruneLooksAgain checks that Run detects, under the lock, changes since the
// plan was made.
func TestPruneLooksAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, s *store.Store, d envdir.Dir)
		says   string
	}{
		"it runs now":           {useByLease, "in use"},
		"it runs without lease": {useByProc, "in use"},
		"it is being created":   {create, "another process works on "},
		"it was started": {func(t *testing.T, s *store.Store, d envdir.Dir) {
			l, err := s.Lease(t.Context(), d)
			require.NoError(t, err)
			l.Release()
		}, "started meanwhile"},
		"it is started at this moment": {func(_ *testing.T, s *store.Store, d envdir.Dir) {
			s.Failpoint = func(name string) {
				if name != "prune-alone" {
					return
				}
				l, _ := s.Lease(context.Background(), d)
				l.Release()
			}
		}, "started meanwhile"},
		"a publish was cut off": {func(t *testing.T, s *store.Store, _ envdir.Dir) { fsystest.Put(t, 1, s.Root.Files(key).Journal()) }, "cut off"},
		"the next one waits":    {func(t *testing.T, s *store.Store, _ envdir.Dir) { fsystest.Put(t, 1, s.Root.Next(key).Path, "x") }, "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(name, "without lease") && runtime.GOOS != "linux" {
				t.Skip("there is no /proc")
			}
			s := newStore(t)
			d := abandoned(t, s)
			p := Make(s, Options{Unused: month})
			require.Equal(t, []string{"unused " + string(key)}, kinds(p))
			tt.change(t, s, d)
			freed, still := carryOut(t, s, p)
			require.ErrorContains(t, still[Unused], tt.says)
			require.Zero(t, freed)
			require.Equal(t, "word", content(t, d))
		})
	}
}

// TestPruneOld checks that a replaced env is removed while programs run in its
// successor, and that a replaced env in which a program runs stays.
func TestPruneOld(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	for _, word := range []string{"old", "new"} {
		require.NoError(t, publish(l, word))
	}
	require.NoError(t, l.Unlock())
	busy := filepath.Join(envdir.Dir{Path: s.Root.Retired(string(key), "01234567")}.Scripts(), "program.exe")
	require.NoError(t, execxtest.Copy(busy))
	if runtime.GOOS == "darwin" {
		t.Skip("macOS does not tell who runs in a folder")
	}
	running := startExe(t, exec.Command(busy), s, "block")
	require.Equal(t, "running", running.Line(t))
	d := s.Root.Shared(key)
	useByLease(t, s, d)
	p := Make(s, Options{})
	require.Equal(t, []string{"old " + string(key)}, kinds(p))
	require.Equal(t, "in use", kept(p)[string(key)+"-01234567"])
	_, still := carryOut(t, s, p)
	require.Empty(t, still)
	require.NoDirExists(t, p.Items[0].Path)
	require.FileExists(t, busy)
	require.Equal(t, "new", content(t, d))
}

// TestPruneEndsAPublish checks that an interrupted publish is completed first,
// because the only complete env may be in .old or in staging.
func TestPruneEndsAPublish(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	cutOff(t, s, l)
	fsystest.Put(t, 1, s.Root.Staging(key, "89abcdef").Path, "half")
	require.NoError(t, l.Unlock())
	p := Make(s, Options{})
	require.Equal(t, []string{"recover " + string(key)}, kinds(p))
	_, still := carryOut(t, s, p)
	require.Empty(t, still)
	require.Equal(t, "old", content(t, s.Root.Shared(key)))
	require.NoFileExists(t, s.Root.Files(key).Journal())
	requireNoLitter(t, s)
}

func TestPrunePromotes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	require.NoError(t, publish(l, "old"))
	user := start(t, s, "lease")
	require.NotEmpty(t, user.Line(t))
	require.NoError(t, publish(l, "new"))
	require.Equal(t, "new", content(t, s.Root.Next(key)))
	require.NoError(t, l.Unlock())
	p := Make(s, Options{Unused: 1})
	require.Empty(t, kinds(p))
	require.Equal(t, "in use", kept(p)[string(key)])
	user.Kill(t)
	require.Eventually(t, func() bool {
		p = Make(s, Options{Unused: 1})
		return slices.Equal([]string{"promote " + string(key)}, kinds(p))
	}, time.Minute, time.Millisecond)
	_, still := carryOut(t, s, p)
	require.Empty(t, still)
	require.Equal(t, "new", content(t, s.Root.Shared(key)))
	require.Empty(t, content(t, s.Root.Next(key)))
}

// TestPruneLeavesWhatIsNotWhole checks that an unsealed folder in .next is not
// removed, because its name is a key.
func TestPruneLeavesWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	require.NoError(t, os.MkdirAll(s.Root.Next(key).Venv(), 0o755))
	p := Make(s, Options{})
	require.Empty(t, kinds(p))
	require.Contains(t, kept(p)[string(key)], "READY.json")
}

func TestPruneSmallThings(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	abandoned(t, s)
	const goneKey envdir.Key = "gone"
	long, lately := time.Now().Add(-2*month), time.Now()
	want := map[string]bool{ // true if it is removed
		fsystest.Put(t, 1, s.Root.Files(goneKey).Log(long)):                              true,
		fsystest.Put(t, 1, s.Root.Files(goneKey).Log(lately)):                            false,
		fsystest.Put(t, 1, s.Root.Files(key).Log(long)):                                  false,
		fsystest.Put(t, 1, s.Root.Locks(), ".x.fail.json-01234567"):                      true,
		fsystest.Put(t, 1, s.Root.Locks(), ".y.fail.json-01234567"):                      false, // young
		fsystest.Put(t, 1, s.Root.State().Machine("aaaaaaaaaaaa"), ".v-01234567"):        true,
		fsystest.Put(t, 1, s.Root.State().Machine("bbbbbbbbbbbb"), "v.json"):             true,
		fsystest.Put(t, 1, s.Root.State().Machine("cccccccccccc"), "v.json"):             false, // ours
		fsystest.Put(t, 1, s.Root.State().Machine("aaaaaaaaaaaa"), "v.json"):             false, // young
		fsystest.Put(t, 1, s.Root.Files(goneKey).Failure()):                              true,
		fsystest.Put(t, 1, s.Root.Files("recent").Failure()):                             false,
		fsystest.Put(t, 1, s.Root.Files(key).Failure()):                                  false, // its env exists
		fsystest.Put(t, 1, s.Root.Files("dead").Owner()):                                 true,
		fsystest.Put(t, 1, s.Root.Tools().Dir(), ".new-1", "uv"):                         true,
		fsystest.Put(t, 1, s.Root.State().Model(s.Root.Shared(goneKey), "local_012345")): true,
		fsystest.Put(t, 1, s.Root.State().Model(s.Root.Shared(key), "local_012345")):     false,
	}
	for file, goes := range want {
		if goes || strings.Contains(file, "cccccccccccc") || strings.Contains(file, "models") || file == s.Root.Files(key).Failure() {
			fsystest.Older(t, 12*month, file, filepath.Dir(file))
		}
	}
	p := Make(s, Options{Machine: "cccccccccccc"})
	freed, still := carryOut(t, s, p)
	require.Empty(t, still)
	require.EqualValues(t, p.Bytes(), freed)
	for file, goes := range want {
		_, err := os.Lstat(file)
		require.Equal(t, goes, os.IsNotExist(err), file)
	}
	require.Empty(t, kinds(Make(s, Options{Machine: "cccccccccccc"})))
}

// wheel puts an unpacked wheel into uv's cache, with references to it.
func wheel(t *testing.T, s *store.Store, id string) (file string) {
	t.Helper()
	bucket := filepath.Join(s.Root.Cache(), "wheels-v8", "pypi", id)
	fsystest.Put(t, 7, s.Root.Cache(), archives, id, "x.dist-info", "RECORD") // never linked: written for each env
	require.NoError(t, os.MkdirAll(bucket, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bucket, "1.0.http"), []byte("\x91\xb0"+id+"\xa6Sha256"), 0o644))
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Symlink("../../../archive-v0/"+id, filepath.Join(bucket, "1.0")))
	}
	return fsystest.Put(t, 100, s.Root.Cache(), archives, id, "x.py")
}

// requireWheel checks that a wheel and its references are either complete or gone.
func requireWheel(t *testing.T, s *store.Store, id string, there bool) {
	t.Helper()
	require.Equal(t, there, fsys.Exists(filepath.Join(s.Root.Cache(), archives, id)), id)
	require.Equal(t, there, fsys.Exists(filepath.Join(s.Root.Cache(), "wheels-v8", "pypi", id, "1.0.http")), id)
	if runtime.GOOS != "windows" {
		require.Equal(t, there, fsys.Exists(filepath.Join(s.Root.Cache(), "wheels-v8", "pypi", id, "1.0")), id)
	}
}

const (
	idLinked   = "aaaaaaaaaaaaaaaa"
	idOld      = "bbbbbbbbbbbbbbbb"
	idNobodys  = "cccccccccccccccc"
	idSymbolic = "dddddddddddddddd"
)

func cached(t *testing.T) *store.Store {
	t.Helper()
	s := newStore(t)
	fsystest.Put(t, 0, s.Root.Cache(), ".lock")
	fsystest.Link(t, wheel(t, s, idLinked), s.Root.Shared(key).Venv(), "x.py")
	old := envdir.Dir{Path: s.Root.Retired(string(key), "01234567")}
	fsystest.Link(t, wheel(t, s, idOld), old.Venv(), "x.py")
	wheel(t, s, idNobodys)
	to := filepath.Dir(wheel(t, s, idSymbolic))
	if runtime.GOOS == "windows" {
		fsystest.Link(t, filepath.Join(to, "x.py"), s.Root.Shared(key).Venv(), "y.py")
	} else {
		require.NoError(t, os.Symlink(filepath.Join(to, "x.py"), filepath.Join(s.Root.Shared(key).Venv(), "y.py")))
	}
	return s
}

func TestPruneCache(t *testing.T) {
	t.Parallel()
	s := cached(t)
	p := Make(s, Options{})
	require.Equal(t, []string{"old " + string(key), "cache"}, kinds(p))
	require.EqualValues(t, 0, p.Items[0].Bytes, "the cache still has it")
	require.EqualValues(t, 100+100+2*7, p.Items[1].Bytes)
	freed, still := carryOut(t, s, p)
	require.Empty(t, still)
	require.EqualValues(t, p.Bytes(), freed)
	for id, there := range map[string]bool{idLinked: true, idOld: false, idNobodys: false, idSymbolic: true} {
		requireWheel(t, s, id, there)
	}
	requireNoLitter(t, s)
}

// TestPruneCacheLooksAgain checks that a wheel that was linked after the plan was
// made stays, and so does the wheel of a replaced env that could not be removed.
func TestPruneCacheLooksAgain(t *testing.T) {
	t.Parallel()
	s := cached(t)
	p := Make(s, Options{})
	fsystest.Link(t, filepath.Join(s.Root.Cache(), archives, idNobodys, "x.py"), s.Root.Shared(key).Venv(), "z.py")
	l := lock(t, s) // a creation: everything stays
	_, still := carryOut(t, s, p)
	require.ErrorContains(t, still[Old], "another process works on ")
	require.ErrorContains(t, still[Cache], "another process works on ")
	require.NoError(t, l.Unlock())
	p.Items = p.Items[1:] // the replaced env stays
	_, still = carryOut(t, s, p)
	require.Empty(t, still)
	for _, id := range []string{idLinked, idOld, idNobodys, idSymbolic} {
		requireWheel(t, s, id, true)
	}
}

// TestPruneCacheWhileUVWorks checks that nothing is removed from the cache while a
// running uv holds its lock.
func TestPruneCacheWhileUVWorks(t *testing.T) {
	t.Parallel()
	s := cached(t)
	p := Make(s, Options{})
	f, err := os.OpenFile(filepath.Join(s.Root.Cache(), ".lock"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, fsys.LockFile(f, false))
	require.Equal(t, "uv works in it now", kept(Make(s, Options{}))["uv"])
	_, still := carryOut(t, s, p)
	require.ErrorContains(t, still[Cache], "uv works in it now")
	for _, id := range []string{idLinked, idOld, idNobodys, idSymbolic} {
		requireWheel(t, s, id, true)
	}
}

// TestPruneKilled checks a kill of prune at each step: every env is complete, uv's
// cache has no dangling references, and the next prune finishes the work.
func TestPruneKilled(t *testing.T) {
	t.Parallel()
	for _, step := range []string{
		"prune-staging", "prune-trash", "prune-old", "prune-moved", "prune-unused", "prune-log", "prune-state", "prune-cache", "prune-dereferenced", "prune-cached",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := cached(t)
			require.NoError(t, os.RemoveAll(s.Root.Shared(key).Path))
			d := abandoned(t, s)
			fsystest.Put(t, 1, s.Root.Staging(key, "01234567").Path, "file")
			fsystest.Put(t, 1, s.Root.Trash("01234567"), "file")
			fsystest.Put(t, 1, s.Root.Files("gone").Log(time.Now().Add(-month)))
			state := fsystest.Put(t, 1, s.Root.State().Machine("aaaaaaaaaaaa"), "v.json")
			fsystest.Older(t, 12*month, state, filepath.Dir(state))
			p := start(t, s, "prune:"+step)
			require.Empty(t, p.Line(t))
			err := p.Wait()
			require.Error(t, err, "it was killed at this step")
			if fsys.Exists(d.Path) {
				require.Equal(t, "word", content(t, d))
			}
			if step == "prune-moved" {
				trash, err := filepath.Glob(s.Root.Trash("*") + "/file")
				require.NoError(t, err)
				require.Len(t, trash, 1, "nothing is deleted where it counts")
			}
			entries, _ := os.ReadDir(s.Root.OldEnvs())
			for _, e := range entries {
				require.FileExists(t, filepath.Join(s.Root.OldEnvs(), e.Name(), ".venv", "x.py"))
			}
			for _, id := range []string{idLinked, idOld, idNobodys, idSymbolic} {
				if !fsys.Exists(filepath.Join(s.Root.Cache(), archives, id)) {
					requireWheel(t, s, id, false)
				}
			}
			_, still := carryOut(t, s, Make(s, Options{Unused: month}))
			require.Empty(t, still)
			require.NoDirExists(t, d.Path)
			require.Empty(t, kinds(Make(s, Options{Unused: month})))
			requireNoLitter(t, s)
		})
	}
}
