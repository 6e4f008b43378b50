package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// keptLogs is how many logs of creations are kept.
const keptLogs = 10

// Log is the full output of one creation. Several goroutines may write to it.
type Log struct {
	mu   sync.Mutex
	file *os.File
}

// NewLog creates the log of a creation that starts now, and removes all logs except
// the last 10.
func (s *Store) NewLog(k envdir.Key) (*Log, error) {
	if err := EnsureWritable(s.Root.Logs()); err != nil {
		return nil, err
	}
	var path string
	var f *os.File
	for at := time.Now(); ; at = at.Add(time.Second) { // two creations in one second: use the next second
		var err error
		path = s.Root.Files(k).Log(at)
		f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		break
	}
	fsys.ShareLike(path, s.Root.Logs())
	pruneLogs(s.Root.Logs(), filepath.Base(path))
	return &Log{file: f}, nil
}

// pruneLogs removes old logs. It keeps mine, which an error may name, even if a
// clock that went back makes it look like the oldest.
func pruneLogs(dir, mine string) {
	entries, _ := os.ReadDir(dir) // after an error there is nothing to prune
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == mine })
	for _, name := range surplusLogs(entries, keptLogs-1) {
		_ = os.Remove(filepath.Join(dir, name)) // the next creation tries again
	}
}

// SurplusLogs returns the names of the logs in entries beyond the last 10.
func SurplusLogs(entries []os.DirEntry) []string { return surplusLogs(entries, keptLogs) }

// surplusLogs returns the names of all logs except the newest ones. It ignores
// files that are not logs of ours.
func surplusLogs(entries []os.DirEntry, most int) []string {
	type log struct {
		name string
		at   time.Time
	}
	var logs []log
	for _, e := range entries {
		if _, at, ok := envdir.ParseLog(e.Name()); ok && e.Type().IsRegular() {
			logs = append(logs, log{e.Name(), at})
		}
	}
	sort.Slice(logs, func(i, j int) bool { return logs[i].at.After(logs[j].at) })
	var names []string
	for _, l := range logs[min(most, len(logs)):] {
		names = append(names, l.name)
	}
	return names
}

// Name returns the path of the log.
func (l *Log) Name() string { return l.file.Name() }

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(p)
}

// Close closes the log.
func (l *Log) Close() error { return l.file.Close() }
