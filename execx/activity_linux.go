package execx

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// maxDepth limits the walk down a process tree, whose pids can change in the
// meantime.
const maxDepth = 8

// Activity returns a number without a unit. It changes while a process or one of
// its descendants reads, writes or computes. Two equal values, some time apart,
// mean no progress. ok is false if the system does not report this, or if the
// process does not exist.
//
// Not guaranteed: that the number only grows. A descendant that ends takes its
// share along, unless its parent has waited for it. The call reads two files for
// each process, so make it at intervals of seconds. Source: proc_pid_io(5),
// proc_pid_stat(5).
func Activity(pid int) (n uint64, ok bool) {
	proc := "/proc/" + strconv.Itoa(pid)
	cpu, ok := cpuTicks(proc)
	if !ok {
		return 0, false
	}
	read, written, _ := ioBytes(proc) // can be forbidden although cpu is allowed
	return cpu + read + written + descendants(proc, maxDepth), true
}

// descendants returns the sum over all children. It is 0 on a kernel without
// CONFIG_PROC_CHILDREN.
func descendants(proc string, depth int) (n uint64) {
	if depth == 0 {
		return 0
	}
	lists, _ := filepath.Glob(proc + "/task/*/children") // any thread can have children
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for pid := range bytes.FieldsSeq(data) {
			child := "/proc/" + string(pid)
			cpu, _ := cpuTicks(child)
			read, written, _ := ioBytes(child)
			n += cpu + read + written + descendants(child, depth-1)
		}
	}
	return n
}

// ioBytes returns the bytes that a process has read and written.
func ioBytes(proc string) (read, written uint64, ok bool) {
	data, err := os.ReadFile(proc + "/io")
	if err != nil {
		return 0, 0, false
	}
	return parseIO(data)
}

// parseIO reads the lines rchar and wchar of /proc/<pid>/io.
func parseIO(data []byte) (read, written uint64, ok bool) {
	found := 0
	for line := range bytes.Lines(data) {
		key, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		n, err := strconv.ParseUint(string(value), 10, 64)
		switch string(key) {
		case "rchar":
			read = n
		case "wchar":
			written = n
		default:
			continue
		}
		if err != nil {
			return 0, 0, false
		}
		found++
	}
	return read, written, found == 2
}

// cpuTicks returns the CPU time of a process.
func cpuTicks(proc string) (ticks uint64, ok bool) {
	data, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return 0, false
	}
	return parseStat(data)
}

// parseStat adds fields 14 to 17 of /proc/<pid>/stat: utime and stime, of the
// process and of children that it has waited for. Field 2 is the name in
// brackets, which can itself contain spaces and brackets.
func parseStat(data []byte) (ticks uint64, ok bool) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return 0, false
	}
	fields := bytes.Fields(data[end+1:]) // starts at field 3
	if len(fields) < 15 {
		return 0, false
	}
	for _, field := range fields[11:15] {
		n, err := strconv.ParseUint(string(field), 10, 64)
		if err != nil {
			return 0, false
		}
		ticks += n
	}
	return ticks, true
}
