package health

// Code is the stable reason of a [Verdict], for JSON and the status file. It
// never changes its meaning.
type Code string

// The reasons. The comment says which state each belongs to.
const (
	CodeHealthy    Code = "healthy"       // Healthy
	CodeAbsent     Code = "absent"        // Broken: there is no env
	CodeNoPython   Code = "no-python"     // Broken: bin/python is missing, no file, a script or not executable
	CodeDangling   Code = "dangling"      // Broken: bin/python links to nothing
	CodeWrongArch  Code = "wrong-arch"    // Broken: python is for another processor or system
	CodeNoCfg      Code = "no-cfg"        // Broken: pyvenv.cfg is missing or cannot be used
	CodeMovedBase  Code = "moved-base"    // Broken: the interpreter below the env is gone or another one
	CodeTorn       Code = "torn"          // Broken: an interrupted install, an emptied or missing file
	CodeMissing    Code = "missing"       // Broken: a needed package is not installed
	CodeLacks      Code = "lacks"         // Broken for this need only: what --with or the script asks for beyond the key is not installed
	CodeImport     Code = "import"        // Broken: a needed module cannot be imported
	CodeCPUBuild   Code = "cpu-build"     // Broken: the key says a GPU, torch is built without one
	CodeArch       Code = "arch"          // Broken: torch has no code for a GPU here
	CodeNoCUDA     Code = "no-cuda"       // Broken, for 60 s: torch sees no GPU or cannot use it
	CodeMismatch   Code = "seal-mismatch" // Broken: READY.json belongs to another env
	CodeProbe      Code = "probe-failed"  // Broken: python died during the check; or it cannot be started, which is not kept
	CodeTimeout    Code = "timeout"       // Unknown, for 60 s
	CodeBusy       Code = "busy"          // Unknown, for 60 s: a GPU in use, a system short of processes
	CodeOOM        Code = "oom"           // Unknown, for 60 s: memory of the machine or the GPU
	CodeUnverified Code = "unverified"    // Unknown: nothing is known of it on this machine yet
)
