package terminal

import "time"

// meterWindow is the time over which the rate is measured. It is short, so that a
// change of the link's speed shows soon.
const meterWindow = 10 * time.Second

// meter measures the rate of a download.
type meter []reading

type reading struct {
	at   time.Time
	done int64 // bytes
}

// update adds a reading and returns the rate in bytes per second. The rate is 0
// until two readings are far enough apart.
func (m *meter) update(now time.Time, done int64) float64 {
	readings := *m
	if n := len(readings); n > 0 && done < readings[n-1].done {
		readings = nil // another download
	}
	for len(readings) > 1 && now.Sub(readings[1].at) >= meterWindow {
		readings = readings[1:]
	}
	if n := len(readings); n == 0 || now.Sub(readings[n-1].at) >= redrawInterval {
		readings = append(readings, reading{now, done})
	}
	*m = readings
	if elapsed := now.Sub(readings[0].at); elapsed >= redrawInterval {
		return float64(done-readings[0].done) / elapsed.Seconds()
	}
	return 0
}
