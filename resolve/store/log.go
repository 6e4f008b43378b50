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

// keptLogs is how many creations' logs stay.
const keptLogs = 10

// Log is the full output of one creation. It may be written by several
// goroutines.
type Log struct {
	mu   sync.Mutex
	file *os.File
}

// NewLog opens the log of a creation that begins now, and removes the oldest
// beyond the last 10.
func (s *Store) NewLog(k envdir.Key) (*Log, error) {
	if err := EnsureWritable(s.Root.Logs()); err != nil {
		return nil, err
	}
	var path string
	var f *os.File
	for at := time.Now(); ; at = at.Add(time.Second) { // two creations within a second: the later second
		var err error
		path = s.Root.Log(k, at)
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
	s.pruneLogs(filepath.Base(path))
	return &Log{file: f}, nil
}

// pruneLogs keeps mine, which an error may name, even when the clock went back
// and it looks like the oldest.
func (s *Store) pruneLogs(mine string) {
	entries, _ := os.ReadDir(s.Root.Logs()) // none: nothing to prune
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == mine })
	for _, name := range surplusLogs(entries, keptLogs-1) {
		_ = os.Remove(filepath.Join(s.Root.Logs(), name)) // the next one tries again
	}
}

// SurplusLogs are the names of the logs in entries that are too many.
func SurplusLogs(entries []os.DirEntry) []string { return surplusLogs(entries, keptLogs) }

// surplusLogs are the logs beyond the newest. What is no log of ours is none.
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

// Name is the log's path.
func (l *Log) Name() string { return l.file.Name() }

// Write appends.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(p)
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
