package uv

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/pylock"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Progress is the progress of a Sync.
type Progress struct {
	// Packages counts packages: first those unpacked in uv's cache, later those
	// in the env. TotalPackages counts those in the lock.
	Packages, TotalPackages int
	// DoneBytes counts downloaded bytes of wheels. Both are 0 if all wheels
	// were in the cache. DoneBytes is an estimate while a wheel is incomplete.
	DoneBytes, TotalBytes int64
	// Doing is the current activity: "downloading torch 2.11.0" (the largest of
	// several wheels), "building llama-cpp-python 0.3.2", "linking",
	// "compiling"; "" if not known.
	Doing string
}

const (
	// pollEvery is the interval between two looks at the disk. uv (0.13.9, with
	// --no-progress) only reports the start and the end of downloads above
	// 1 MiB. It reports no bytes in between, and nothing about small wheels.
	pollEvery = time.Second
	// inflated is the assumed ratio of unpacked to packed size: uv unpacks a
	// wheel while it downloads. Measured ratios go from 1.4 (nvidia-cublas) to
	// 4 (numpy).
	inflated = 2
)

// tracker follows one run of uv.
type tracker struct {
	lock   Lock
	cache  string // uv's cache; "" if not known
	site   string // a glob pattern for site-packages
	report func(Progress)

	partial bool // this run installs only packages that are not in the cache; another run links all

	mu          sync.Mutex // uv's output and the polling are concurrent
	p           Progress
	seen        map[string]bool  // folders of the cache that were scanned
	unpacked    map[string]bool  // packages found in them
	downloading map[string]int64 // size of each wheel that is being downloaded
	downloaded  int64            // bytes of finished wheels
}

// newTracker returns a tracker for a Sync of this lock.
func newTracker(u *UV, l Lock, d envdir.Dir, report func(Progress)) *tracker {
	t := &tracker{
		lock: l, site: d.SitePackages("*"), report: report,
		seen: map[string]bool{}, unpacked: map[string]bool{}, downloading: map[string]int64{},
	}
	if !u.cfg.NoCache {
		t.cache = u.cacheDir()
	}
	t.p.TotalPackages = len(l.Packages)
	t.poll()
	return t
}

// watch polls the disk until stop is called.
func (t *tracker) watch() (stop func()) {
	end, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				t.poll()
			}
		}
	}()
	return func() { close(end); <-over }
}

// The last two phases of a Sync. Everything before them is downloading.
const (
	linking   = "linking"
	compiling = "compiling"
)

// line processes one line of uv's output.
func (t *tracker) line(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	verb, rest, _ := strings.Cut(text, " ")
	name, size, _ := strings.Cut(rest, " (")
	switch verb {
	case "Downloading":
		t.downloading[name] = max(t.lock.size(name), mebibytes(size))
		t.p.TotalBytes += t.downloading[name]
	case "Downloaded":
		t.downloaded += t.downloading[name]
		delete(t.downloading, name)
	case "Building":
		t.p.Doing = "building " + strings.Replace(rest, "==", " ", 1)
	case "Built":
		t.p.Doing = ""
	case "Prepared":
		clear(t.downloading)
		t.downloaded, t.p.Doing = t.p.TotalBytes, linking
	case "Installed":
		if !t.partial {
			t.p.Packages, t.p.Doing = t.p.TotalPackages, compiling
		}
	}
	t.update(0)
	t.report(t.p)
}

// poll reads from the disk what uv does not report. It reports only changes,
// because each report counts as a sign of life.
func (t *tracker) poll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, partial := t.p, int64(0)
	switch {
	case t.p.Doing == linking:
		t.p.Packages = t.linkedPackages()
	case t.p.Doing != compiling:
		t.scanCache()
		if len(t.downloading) > 0 {
			partial = t.partialBytes()
		}
	}
	if t.update(partial); t.p != was {
		t.report(t.p)
	}
}

// update computes the progress of the download. partial is the number of bytes
// unpacked from incomplete wheels.
func (t *tracker) update(partial int64) {
	inFlight, largest := int64(0), ""
	for name, size := range t.downloading {
		inFlight += size
		if largest == "" || size > t.downloading[largest] || size == t.downloading[largest] && name < largest {
			largest = name
		}
	}
	if largest != "" {
		t.p.Doing = "downloading " + strings.TrimSpace(largest+" "+t.lock.Version(largest))
	}
	t.p.DoneBytes = max(t.p.DoneBytes, t.downloaded+min(partial/inflated, inFlight*9/10))
	if t.p.Doing != linking && t.p.Doing != compiling {
		t.p.Packages = t.readyPackages()
	}
}

// readyPackages counts the packages that are in the cache and are not being
// downloaded again.
func (t *tracker) readyPackages() (n int) {
	for _, p := range t.lock.Packages {
		if _, busy := t.downloading[p.Name]; t.unpacked[distKey(p.Name, p.Version)] && !busy {
			n++
		}
	}
	return n
}

// scanCache scans the new folders of uv's cache. uv moves a wheel there when it is
// complete.
func (t *tracker) scanCache() {
	if t.cache != "" {
		scanCache(t.cache, t.seen, t.unpacked)
	}
}

// scanCache adds the packages in a cache to unpacked, and the folders to seen.
func scanCache(cache string, seen, unpacked map[string]bool) {
	dir := filepath.Join(cache, "archive-v0")
	entries, _ := os.ReadDir(dir) // may not exist yet
	for _, e := range entries {
		if seen[e.Name()] {
			continue
		}
		seen[e.Name()] = true
		inside, _ := os.ReadDir(filepath.Join(dir, e.Name())) // removed in the meantime: useless
		for _, f := range inside {
			if stem, ok := strings.CutSuffix(f.Name(), distInfo); ok {
				name, version, _ := strings.Cut(stem, "-")
				unpacked[distKey(name, version)] = true
			}
		}
	}
}

const distInfo = ".dist-info"

// distKey identifies a package in the cache.
func distKey(name, version string) string { return requirement.Normal(name) + " " + version }

// partialBytes returns the bytes of wheels that are being unpacked, by us or by
// another user of the cache.
func (t *tracker) partialBytes() (total int64) {
	if t.cache == "" {
		return 0
	}
	entries, _ := os.ReadDir(t.cache) // no cache yet: 0
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), ".tmp") {
			continue
		}
		_ = filepath.WalkDir(filepath.Join(t.cache, e.Name()), func(_ string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil //nolint:nilerr // moved in the meantime
			}
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
			return nil
		})
	}
	return total
}

// linkedPackages counts the packages in the env.
func (t *tracker) linkedPackages() (n int) {
	dirs, _ := filepath.Glob(t.site) // there is only one
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // an unreadable folder counts as empty
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), distInfo) {
				n++
			}
		}
	}
	return min(n, t.p.TotalPackages)
}

// mebibytes reads the size in "Downloading numpy (15.6MiB)". Anything else is
// 0.
func mebibytes(text string) int64 {
	for unit, bytes := range map[string]float64{"KiB)": 1 << 10, "MiB)": 1 << 20, "GiB)": 1 << 30} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil || !(n >= 0 && n*bytes <= pylock.MaxWheel) { // written so that it is also true for NaN
				return 0
			}
			return int64(n * bytes)
		}
	}
	return 0
}
