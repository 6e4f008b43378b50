package hardware

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/modelrun/modelrun/execx"
)

// cacheFile holds the driver's answer, in the state folder of one machine.
const cacheFile = "hardware.json"

// State reads and writes the small files of one machine.
type State interface {
	// Read returns a file's content.
	Read(name string) ([]byte, error)
	// Write replaces a file's content.
	Write(name string, data []byte) error
}

// Cache detects the hardware once per process, and keeps the answer for the next
// process. Several goroutines may use it.
type Cache struct {
	mu      sync.Mutex
	id      Identity
	env     execx.Environ
	state   State
	machine *Machine // nil until it is needed
	isNew   bool     // machine was detected by this process and has no problem
}

// NewCache returns a cache for the machine with this identity. env is passed to
// [Detect]. NewCache reads nothing.
func NewCache(id Identity, env execx.Environ, state State) *Cache {
	return &Cache{id: id, env: env, state: state}
}

// Identity returns the identity that the cache was made with.
func (c *Cache) Identity() Identity { return c.id }

// Env returns the environment that the cache was made with.
func (c *Cache) Env() execx.Environ { return c.env }

// Machine returns the full hardware. It comes from the state if the driver and the
// GPUs have not changed. Otherwise it is detected, which may take seconds. Without
// an accelerator, neither is necessary.
func (c *Cache) Machine(ctx context.Context) (Machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.machine != nil {
		return *c.machine, nil
	}
	if c.id.Vendor == "" {
		c.machine = &Machine{Identity: c.id}
		return *c.machine, nil
	}
	var m Machine // not one with c.id in it: decoding would write into the GPUs of c.id
	data, err := c.state.Read(cacheFile)
	if err != nil || json.Unmarshal(data, &m) != nil || m.Identity.ID() != c.id.ID() {
		return c.detect(ctx)
	}
	c.machine = &m
	return m, nil
}

// Refresh detects the hardware even if it is cached, because an old answer can hide
// that the driver has broken since. From then on Machine returns the new answer.
func (c *Cache) Refresh(ctx context.Context) (Machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.detect(ctx)
}

// detect does the work of Refresh, for a caller that holds the mutex.
func (c *Cache) detect(ctx context.Context) (Machine, error) {
	m, err := Detect(ctx, c.id, c.env)
	if err != nil {
		return m, err
	}
	c.machine = &m
	c.isNew = c.id.Vendor != "" && m.Problem == "" // a problem may have disappeared by the next start
	return m, nil
}

// Keep writes newly detected hardware to the state, unless the machine has a
// Problem. Call it after everything else has succeeded: bad input must leave no
// files.
func (c *Cache) Keep() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isNew {
		return nil
	}
	data, err := json.Marshal(c.machine)
	if err != nil {
		return err
	}
	return c.state.Write(cacheFile, data)
}
