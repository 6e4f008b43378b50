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
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Progress is how far a Sync is.
type Progress struct {
	// Packages that are unpacked in uv's cache, later in the env; of all in the
	// lock.
	Packages, TotalPackages int
	// Bytes of the wheels that are downloaded; 0 of 0 where all were in the cache.
	// Between two whole wheels DoneBytes is an estimate.
	DoneBytes, TotalBytes int64
	// Doing is what goes on: "downloading torch 2.11.0" (the largest of several),
	// "building llama-cpp-python 0.3.2", "linking", "compiling"; "" not known.
	Doing string
}

const (
	// pollEvery is how often the disk is looked at, where uv says nothing: it
	// names wheels above 1 MiB when their download begins and ends, no bytes
	// between, and nothing of small ones (uv 0.13.9, --no-progress).
	pollEvery = time.Second
	// inflated is how much larger a wheel is when it is unpacked, which uv does
	// while it downloads: 1.4 (nvidia-cublas) to 4 (numpy).
	inflated = 2
)

// syncing follows one run of uv.
type syncing struct {
	lock  Lock
	cache string // uv's; "" not known
	site  string // site-packages, as a pattern
	tell  func(Progress)

	part bool // this run is for the packages that are not in the cache; another one links all

	mu      sync.Mutex // uv's lines and the looks at the disk come at the same time
	p       Progress
	looked  map[string]bool  // folders of unpacked wheels in the cache
	ready   map[string]bool  // packages that lie in one
	loading map[string]int64 // bytes of each wheel that is being downloaded
	loaded  int64            // bytes of those that are whole
}

func (u *UV) follow(l Lock, d envdir.Dir, tell func(Progress)) *syncing {
	s := &syncing{
		lock: l, site: d.SitePackages("*"), tell: tell,
		looked: map[string]bool{}, ready: map[string]bool{}, loading: map[string]int64{},
	}
	if !u.cfg.NoCache {
		s.cache = u.cacheDir()
	}
	s.p.TotalPackages = len(l.Packages)
	s.look()
	return s
}

// watch looks at the disk until stop is called.
func (s *syncing) watch() (stop func()) {
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
				s.look()
			}
		}
	}()
	return func() { close(end); <-over }
}

// The last two things that a Sync does; everything before is fetching.
const (
	linking   = "linking"
	compiling = "compiling"
)

// line is one that uv wrote.
func (s *syncing) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	verb, rest, _ := strings.Cut(text, " ")
	name, size, _ := strings.Cut(rest, " (")
	switch verb {
	case "Downloading":
		s.loading[name] = max(s.lock.size(name), mebibytes(size))
		s.p.TotalBytes += s.loading[name]
	case "Downloaded":
		s.loaded += s.loading[name]
		delete(s.loading, name)
	case "Building":
		s.p.Doing = "building " + strings.Replace(rest, "==", " ", 1)
	case "Built":
		s.p.Doing = ""
	case "Prepared":
		clear(s.loading)
		s.loaded, s.p.Doing = s.p.TotalBytes, linking
	case "Installed":
		if !s.part {
			s.p.Packages, s.p.Doing = s.p.TotalPackages, compiling
		}
	}
	s.sum(0)
	s.tell(s.p)
}

// look asks the disk what uv does not say. Only what is new is told: it counts
// as a sign of life.
func (s *syncing) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, partly := s.p, int64(0)
	switch {
	case s.p.Doing == linking:
		s.p.Packages = s.linked()
	case s.p.Doing != compiling:
		s.unpacked()
		if len(s.loading) > 0 {
			partly = s.partly()
		}
	}
	if s.sum(partly); s.p != was {
		s.tell(s.p)
	}
}

// sum puts together what is known of the download; partly is the bytes that were
// unpacked of wheels that are not whole.
func (s *syncing) sum(partly int64) {
	inFlight, largest := int64(0), ""
	for name, size := range s.loading {
		inFlight += size
		if largest == "" || size > s.loading[largest] || size == s.loading[largest] && name < largest {
			largest = name
		}
	}
	if largest != "" {
		s.p.Doing = "downloading " + strings.TrimSpace(largest+" "+s.lock.version(largest))
	}
	s.p.DoneBytes = max(s.p.DoneBytes, s.loaded+min(partly/inflated, inFlight*9/10))
	if s.p.Doing != linking && s.p.Doing != compiling {
		s.p.Packages = s.whole()
	}
}

// whole is the packages that are in the cache, and not being downloaded anew.
func (s *syncing) whole() (n int) {
	for _, p := range s.lock.Packages {
		if _, busy := s.loading[p.Name]; s.ready[distKey(p.Name, p.Version)] && !busy {
			n++
		}
	}
	return n
}

// unpacked looks into the folders that are new in uv's cache: it moves a wheel
// there when it is whole.
func (s *syncing) unpacked() {
	if s.cache != "" {
		unpacked(s.cache, s.looked, s.ready)
	}
}

// unpacked adds the packages that lie in a cache to ready, and the folders to looked.
func unpacked(cache string, looked, ready map[string]bool) {
	dir := filepath.Join(cache, "archive-v0")
	entries, _ := os.ReadDir(dir) // none yet
	for _, e := range entries {
		if looked[e.Name()] {
			continue
		}
		looked[e.Name()] = true
		inside, _ := os.ReadDir(filepath.Join(dir, e.Name())) // gone meanwhile: of no use
		for _, f := range inside {
			if stem, ok := strings.CutSuffix(f.Name(), distInfo); ok {
				name, version, _ := strings.Cut(stem, "-")
				ready[distKey(name, version)] = true
			}
		}
	}
}

const distInfo = ".dist-info"

func distKey(name, version string) string { return requirement.Normal(name) + " " + version }

// partly is the bytes of wheels that are being unpacked, ours and those of
// whoever else uses the cache.
func (s *syncing) partly() (total int64) {
	if s.cache == "" {
		return 0
	}
	entries, _ := os.ReadDir(s.cache) // none: nothing
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), ".tmp") {
			continue
		}
		_ = filepath.WalkDir(filepath.Join(s.cache, e.Name()), func(_ string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil //nolint:nilerr // moved meanwhile
			}
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
			return nil
		})
	}
	return total
}

// linked is the packages in the env.
func (s *syncing) linked() (n int) {
	dirs, _ := filepath.Glob(s.site) // one
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // as above
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), distInfo) {
				n++
			}
		}
	}
	return min(n, s.p.TotalPackages)
}

// mebibytes reads the size in "Downloading numpy (15.6MiB)"; 0 what is none.
func mebibytes(text string) int64 {
	for unit, bytes := range map[string]float64{"KiB)": 1 << 10, "MiB)": 1 << 20, "GiB)": 1 << 30} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil || !(n >= 0 && n*bytes <= maxWheel) { // NaN is neither
				return 0
			}
			return int64(n * bytes)
		}
	}
	return 0
}
