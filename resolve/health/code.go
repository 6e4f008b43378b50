package health

// Code is the stable reason of a [Verdict], for JSON and the status file. A
// code never changes its meaning.
type Code string

// The reasons. Each comment starts with the state that the reason belongs to.
const (
	CodeHealthy    Code = "healthy"       // Healthy
	CodeAbsent     Code = "absent"        // Broken: the env does not exist
	CodeNoPython   Code = "no-python"     // Broken: bin/python is missing, not executable, a script or not a regular file
	CodeDangling   Code = "dangling"      // Broken: bin/python is a dangling link
	CodeWrongArch  Code = "wrong-arch"    // Broken: python is for another processor or system
	CodeNoCfg      Code = "no-cfg"        // Broken: pyvenv.cfg is missing or cannot be used
	CodeMovedBase  Code = "moved-base"    // Broken: the base interpreter is missing, or is not the one that pyvenv.cfg names
	CodeTorn       Code = "torn"          // Broken: an interrupted install, or an emptied or missing file
	CodeMissing    Code = "missing"       // Broken: a needed package is not installed
	CodeLacks      Code = "lacks"         // Broken for this request only: a requirement of --with or of the script, beyond the key, is not installed
	CodeImport     Code = "import"        // Broken: a needed module cannot be imported
	CodeCPUBuild   Code = "cpu-build"     // Broken: the key names a GPU build, and torch is a CPU build
	CodeArch       Code = "arch"          // Broken: torch is not compiled for a GPU of this machine
	CodeNoCUDA     Code = "no-cuda"       // Broken, for 60 s: torch sees no GPU, or cannot use it
	CodeMismatch   Code = "seal-mismatch" // Broken: READY.json belongs to another env
	CodeProbe      Code = "probe-failed"  // Broken: python died during the check. Or it cannot be started; that is not cached
	CodeTimeout    Code = "timeout"       // Unknown, for 60 s
	CodeBusy       Code = "busy"          // Unknown, for 60 s: the GPU is in use, or the system has no free processes
	CodeOOM        Code = "oom"           // Unknown, for 60 s: the machine or the GPU ran out of memory
	CodeUnverified Code = "unverified"    // Unknown: the env has not been checked on this machine
)
