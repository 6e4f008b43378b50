package execx

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// maxDepth bounds the walk down a process tree whose pids change meanwhile.
const maxDepth = 8

// Activity is a number without a unit that changes while a process or one of
// its descendants reads, writes or computes: two equal ones, some time apart,
// mean no progress. ok is false where the system does not tell, as for a
// process that is gone.
//
// Not guaranteed: that it only grows (a descendant that ends without its
// parent's wait takes its share along); that it is 0 work to ask: it reads two
// files of each process, so ask in seconds. Source: proc_pid_io(5),
// proc_pid_stat(5).
func Activity(pid int) (n uint64, ok bool) {
	proc := "/proc/" + strconv.Itoa(pid)
	cpu, ok := cpuTicks(proc)
	if !ok {
		return 0, false
	}
	read, written, _ := ioBytes(proc) // may be forbidden where cpu is not
	return cpu + read + written + descendants(proc, maxDepth), true
}

// descendants is the sum over all children; nothing on a kernel without
// CONFIG_PROC_CHILDREN.
func descendants(proc string, depth int) (n uint64) {
	if depth == 0 {
		return 0
	}
	lists, _ := filepath.Glob(proc + "/task/*/children") // any thread may have made them
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

func ioBytes(proc string) (read, written uint64, ok bool) {
	data, err := os.ReadFile(proc + "/io")
	if err != nil {
		return 0, 0, false
	}
	return parseIO(data)
}

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

func cpuTicks(proc string) (ticks uint64, ok bool) {
	data, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return 0, false
	}
	return parseStat(data)
}

// parseStat adds up fields 14 to 17 of /proc/<pid>/stat: utime, stime, and
// those of waited-for children. Field 2 is the name in brackets, which may hold
// spaces and brackets itself.
func parseStat(data []byte) (ticks uint64, ok bool) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return 0, false
	}
	fields := bytes.Fields(data[end+1:]) // from field 3
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
