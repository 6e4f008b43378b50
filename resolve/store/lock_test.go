package store

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx/execxtest"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

func TestLockHasOneWinnerOf32(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	procs := make([]*execxtest.Process, 32)
	for i := range procs {
		procs[i] = start(t, s, "lock")
	}
	for _, p := range procs {
		p.GoOn(t)
	}
	winners := 0
	for _, p := range procs {
		line := p.Line(t)
		if line == "locked" {
			winners++
			continue
		}
		require.Contains(t, line, ErrBusy.Error())
	}
	require.Equal(t, 1, winners)
}

func TestKilledHolderFreesTheLock(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	busy, err := s.Creation(key).Busy()
	require.NoError(t, err)
	require.False(t, busy)

	p := start(t, s, "lock")
	p.GoOn(t)
	require.Equal(t, "locked", p.Line(t))
	_, err = s.TryLock(key)
	require.ErrorIs(t, err, ErrBusy)
	busy, err = s.Creation(key).Busy()
	require.NoError(t, err)
	require.True(t, busy)
	o := s.Creation(key).Owner()
	require.Equal(t, p.Process.Pid, o.PID)
	require.Equal(t, "installing", o.Phase)
	require.EqualValues(t, 7, o.Heartbeat)

	p.Kill(t)
	l := lock(t, s)
	require.NoError(t, l.Report(Owner{Phase: "ours"}))
	require.Equal(t, "ours", s.Creation(key).Owner().Phase)
	require.NoError(t, l.Unlock())
	require.Zero(t, s.Creation(key).Owner())
	info, err := os.Stat(s.Root.Files(key).Lock())
	require.NoError(t, err, "the lock file is never deleted")
	require.Zero(t, info.Size())
}

func TestLockExcludesThisProcessToo(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l := lock(t, s)
	_, err := s.TryLock(key)
	require.ErrorIs(t, err, ErrBusy)
	other, err := s.TryLock("torch-cu121")
	require.NoError(t, err, "another key is another lock")
	require.NoError(t, other.Unlock())
	require.NoError(t, l.Unlock())
	lock(t, s)
}

func TestOwnerAndFailureReadAnything(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"empty": "", "torn": `{"schema":1,"pid":4`, "another type": `[1,2]`, "large": `{"phase":"` + strings.Repeat("x", maxState) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			lock(t, s)
			require.NoError(t, os.WriteFile(s.Root.Files(key).Owner(), []byte(data), 0o644))
			require.NoError(t, os.WriteFile(s.Root.Files(key).Failure(), []byte(data), 0o644))
			require.Zero(t, s.Creation(key).Owner())
			require.Zero(t, s.Creation(key).Failure())
			require.Zero(t, s.Creation(key).Failure().BackoffRemaining(""))
		})
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tries  int
		ago    time.Duration
		inputs string
		most   time.Duration // 0 for none
	}{
		"the first":             {tries: 1, most: time.Minute, inputs: "a"},
		"doubles":               {tries: 3, most: 4 * time.Minute, inputs: "a"},
		"at most half an hour":  {tries: 99, most: 30 * time.Minute, inputs: "a"},
		"nonsense tries":        {tries: -5, most: time.Minute, inputs: "a"},
		"over":                  {tries: 1, ago: time.Minute, inputs: "a"},
		"other inputs":          {tries: 1, inputs: "b"},
		"from the future":       {tries: 1, ago: -time.Hour, inputs: "a"},
		"ten years ago":         {tries: 99, ago: 87600 * time.Hour, inputs: "a"},
		"ten years from now on": {tries: 99, ago: -87600 * time.Hour, inputs: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			l := lock(t, s)
			for range max(tt.tries, 1) {
				require.NoError(t, l.RecordFailure("a", fault.New(fault.Install, "no").Fix("do it"), "log"))
			}
			f := s.Creation(key).Failure()
			require.Equal(t, max(tt.tries, 1), f.Tries)
			f.Tries, f.Finished = tt.tries, time.Now().Add(-tt.ago)
			putFailure(t, s, f)
			left := s.Creation(key).Failure().BackoffRemaining(tt.inputs)
			require.LessOrEqual(t, left, tt.most)
			require.Equal(t, tt.most > 0, left > 0)
		})
	}
}

func TestEachFailureHasItsOwnID(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l, creation := lock(t, s), s.Creation(key)
	require.Empty(t, creation.Failure().ID)
	require.NoError(t, l.RecordFailure("a", fault.New(fault.NoIndex, "first").Fix("wait"), ""))
	first := creation.Failure()
	require.NoError(t, l.RecordFailure("b", fault.New(fault.NoIndex, "second").Fix("wait"), ""))
	second := creation.Failure()
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, 1, second.Tries, "other inputs begin anew")
	require.Equal(t, fault.NoIndex, fault.CodeOf(second.Fault()))
	l.ClearFailure()
	require.Zero(t, creation.Failure())
}

// TestOwnerOfLiars checks arbitrary owner files, because every user who shares the
// root can write one.
func TestOwnerOfLiars(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	data := `{"pid": -4, "host": "box\nmodelrun: hint: rm -r ~", "user": "\u001b[2J", "phase": "installing", "done": -9223372036854775808, "total": 9223372036854775807}`
	require.NoError(t, fsys.WriteFile(s.Root.Files("k").Owner(), []byte(data)))
	require.Equal(t, Owner{Phase: "installing", Total: maxCount}, s.Creation("k").Owner())
	require.NoError(t, fsys.WriteFile(s.Root.Files("k").Owner(), []byte(`{"pid": 7, "total": 1e300}`)))
	require.Zero(t, s.Creation("k").Owner())
}

// TestFailureOfLiars checks that a failure is read as it was recorded, and that
// nothing in it looks like a line of ours.
func TestFailureOfLiars(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	require.NoError(t, fsys.WriteFile(s.Root.Files(key).Failure(), []byte(`{"id": "1", "code": "x\n", "text": "no ü\nmodelrun: hint: rm -r ~", "remedy": "a\r\u0085b\u001b[2J", "log": "/l\n"}`)))
	require.Equal(t, Failure{ID: "1", Code: "x ", Text: "no ü modelrun: hint: rm -r ~", Remedy: "a  b [2J", Log: "/l "}, s.Creation(key).Failure())
}
