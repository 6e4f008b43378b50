package resolve

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/store"
	"github.com/modelrun/modelrun/resolve/uv"
)

// progress is the progress of a creation. Waiting processes read it, and the user's display shows it.
type progress struct {
	lock *store.Lock
	show func(store.Owner)
	log  hclog.Logger

	mu             sync.Mutex  // guards the rest: uv's watcher sends heartbeats, too
	owner          store.Owner // what waiting processes read
	cachedPackages int         // how many packages are in uv's cache
}

// enter begins a phase.
func (p *progress) enter(phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owner = store.Owner{PID: os.Getpid(), Phase: phase, Heartbeat: p.owner.Heartbeat}
}

// installed passes on the progress of uv.
func (p *progress) installed(u uv.Progress) {
	p.mu.Lock()
	p.owner.Done, p.owner.Total = u.DoneBytes, u.TotalBytes
	p.owner.Packages, p.owner.PackagesTotal, p.owner.Doing = u.Packages, u.TotalPackages, u.Doing
	p.cachedPackages = max(p.cachedPackages, u.Packages)
	p.mu.Unlock()
	p.heartbeat()
}

// cached returns how many packages are in uv's cache.
func (p *progress) cached() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cachedPackages
}

// heartbeat tells waiting processes and the display that the creation makes progress.
func (p *progress) heartbeat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owner.Heartbeat++
	if err := p.lock.Report(p.owner); err != nil {
		p.log.Debug("telling others how far we are: " + err.Error())
	}
	p.show(p.owner)
}

// watch cancels the creation of a key if there is no heartbeat for the time limit. Until then it redraws the
// progress, so that a quiet creation visibly continues. The returned function ends both. After it, no
// progress is shown.
func (p *progress) watch(ctx context.Context, key envdir.Key, limit time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(max(min(limit/10, time.Second), time.Millisecond))
		defer tick.Stop()
		lastBeat, since := int64(-1), time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			p.mu.Lock()
			beat, phase := p.owner.Heartbeat, p.owner.Phase
			if beat == lastBeat && phase != "" && ctx.Err() == nil {
				p.show(p.owner)
			}
			p.mu.Unlock()
			if beat != lastBeat {
				lastBeat, since = beat, time.Now()
			} else if time.Since(since) > limit {
				cancel(fault.New(fault.CreateTimeout, "creating %s: no progress for %s while %s", key, limit, phase).
					Fix("try again, or allow more: modelrun --create-timeout 1h …"))
			}
		}
	}()
	return ctx, func() {
		p.mu.Lock() // waits for a redraw
		defer p.mu.Unlock()
		cancel(nil)
	}
}
