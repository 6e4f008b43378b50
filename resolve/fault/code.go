package fault

// Code is a stable reason code in the status file and in every JSON. A code
// never changes its meaning and is never reused.
type Code string

// The input of a user or a file is unusable. Exit code 125; nothing was
// changed.
const (
	BadUsage   Code = "bad-usage"   // the command line
	BadConfig  Code = "bad-config"  // a config file or a MODELRUN_* variable
	BadRoot    Code = "bad-root"    // the root is not a folder, not readable or not ours
	Untrusted  Code = "untrusted"   // another user could have written it
	BadKey     Code = "bad-key"     // an env key that cannot be a folder's name
	BadModel   Code = "bad-model"   // model files that are unknown or ambiguous
	NoModel    Code = "no-model"    // no model, family or key says what to create
	BadQuant   Code = "quant"       // a quantisation that nothing loads here
	BadProfile Code = "bad-profile" // a profile that is invalid, or cannot serve the machine
	BadScript  Code = "bad-script"  // a PEP 723 block that cannot be read
	Recursion  Code = "recursion"   // modelrun keeps starting itself
)

// No environment is available.
const (
	NoEnv         Code = "no-env"         // every strategy failed, each with a reason; exit 125
	WaitTimeout   Code = "wait-timeout"   // the time of --wait is over; exit 124
	CreateTimeout Code = "create-timeout" // the installer made no progress; falls back to strategy 5, else exit 124
	NoGPU         Code = "no-gpu"         // --require-gpu, and there is no usable GPU
	NoUV          Code = "no-uv"          // there is no uv and it cannot be installed
	NoPython      Code = "no-python"      // no interpreter of the required version
	NoSolution    Code = "no-solution"    // the hard pins contradict each other
	NoIndex       Code = "no-index"       // the index does not respond
	Offline       Code = "offline"        // --offline, and something is missing
	NoSpace       Code = "no-space"       // the disk is full or too small
	NotWritable   Code = "not-writable"   // the root cannot be written
	Install       Code = "install"        // the installer failed for another reason
	BadWheel      Code = "bad-wheel"      // a wheel or the cache is damaged
	Verify        Code = "verify"         // the new env is incomplete or its probe failed
	Paused        Code = "paused"         // the same inputs failed a moment ago
	InUse         Code = "in-use"         // programs run in the env that was to be replaced
	Degraded      Code = "degraded"       // not a failure: an env is used that is not known to work
	OtherContent  Code = "other-content"  // the same key has other content in one root
)

// The program could not be started, or modelrun did not wait for it.
const (
	CannotStart Code = "cannot-start" // exit 126
	NotFound    Code = "not-found"    // exit 127
	Interrupted Code = "interrupted"  // Ctrl-C; exit 130
	Terminated  Code = "terminated"   // SIGTERM; exit 143
	Internal    Code = "internal"     // exit 125: a bug, or an unclassified error of the system
)
