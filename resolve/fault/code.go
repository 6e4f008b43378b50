package fault

// Code is a stable reason code: it is written to the status file and to every
// JSON, never changes its meaning, and is never reused.
type Code string

// What a user or a file said cannot be used. Exit code 125, nothing touched.
const (
	BadUsage   Code = "bad-usage"   // the command line
	BadConfig  Code = "bad-config"  // a config file or a MODELRUN_* variable
	BadRoot    Code = "bad-root"    // the root is no folder, not readable, not ours
	Untrusted  Code = "untrusted"   // somebody else could have written it (DESIGN 4)
	BadKey     Code = "bad-key"     // an env key that cannot be a folder's name
	BadModel   Code = "bad-model"   // model files that say nothing, or two things
	NoModel    Code = "no-model"    // nothing named or found says what to create
	BadQuant   Code = "quant"       // a quantisation that no family covers
	BadProfile Code = "bad-profile" // a profile that is not one, or cannot serve the machine
	BadScript  Code = "bad-script"  // a PEP 723 block that cannot be read
	Recursion  Code = "recursion"   // modelrun started by itself over and over
)

// No environment could be had.
const (
	NoEnv         Code = "no-env"         // every strategy gave a reason; exit 125
	WaitTimeout   Code = "wait-timeout"   // --wait is over; exit 124
	CreateTimeout Code = "create-timeout" // the installer made no progress; falls to strategy 5, else 124
	NoGPU         Code = "no-gpu"         // --require-gpu
	NoUV          Code = "no-uv"          // no uv and no way to get it
	NoPython      Code = "no-python"      // no interpreter of the wanted version
	NoSolution    Code = "no-solution"    // the hard pins contradict each other
	NoIndex       Code = "no-index"       // the index does not answer
	Offline       Code = "offline"        // --offline, and something is missing
	NoSpace       Code = "no-space"       // the disk is full or too small
	NotWritable   Code = "not-writable"   // the root cannot be written
	Install       Code = "install"        // the installer failed otherwise
	BadWheel      Code = "bad-wheel"      // a wheel or the cache is damaged
	Verify        Code = "verify"         // the new env is incomplete or its probe failed
	Paused        Code = "paused"         // the same inputs failed a moment ago
	InUse         Code = "in-use"         // programs run in an env that was to be replaced
	Degraded      Code = "degraded"       // not a failure: an env is used that is not known to work
	OtherContent  Code = "other-content"  // the same key with other content in one root
)

// The program could not be started, or was not waited for.
const (
	CannotStart Code = "cannot-start" // exit 126
	NotFound    Code = "not-found"    // exit 127
	Interrupted Code = "interrupted"  // Ctrl-C; exit 130
	Terminated  Code = "terminated"   // SIGTERM; exit 143
	Internal    Code = "internal"     // exit 125: a defect or an error of the system that nothing named
)
