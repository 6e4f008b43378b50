package requirement

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/modelrun/modelrun/resolve/fault"
)

// File is the content of a requirements file of pip, and of the files that it
// includes (https://pip.pypa.io/en/stable/reference/requirements-file-format/).
type File struct {
	Requirements []Requirement
	Constraints  []Requirement
	Hashes       []Checksum
	Options      []FileOption
	At           map[string]string // file and line of each requirement, by its normal form
}

// FileOption is a line that says where packages come from. Only the caller knows
// whether it holds.
type FileOption struct {
	Name  string // "--index-url", "--extra-index-url" or "--find-links"
	Value string
	At    string // file and line
}

// The limits of a requirements file and of what it includes.
const (
	maxFiles = 50
	maxOpen  = 10
)

// ReadFile reads a requirements file through read, and the files that it includes.
// Each line is understood or is an error, and none is passed over. Errors of a line
// are a *fault.Error, BadConfig, with file and line; those of read are returned as
// they are.
func ReadFile(path string, read func(path string) ([]byte, error)) (File, error) {
	r := fileReader{read: read, file: File{At: map[string]string{}}}
	err := r.include(path, false)
	return r.file, err
}

// fileReader is one ReadFile.
type fileReader struct {
	read  func(path string) ([]byte, error)
	file  File
	open  []string // the files that are being read, the outermost first
	count int
}

// include reads one file. All that a file of constraints includes is constraints,
// too.
func (f *fileReader) include(path string, constraints bool) error {
	data, err := f.read(path)
	if err != nil {
		return err
	}
	f.open, f.count = append(f.open, path), f.count+1
	defer func() { f.open = f.open[:len(f.open)-1] }()
	for _, l := range logicalLines(decode(data)) {
		at := path + ":" + strconv.Itoa(l.number)
		read := f.requirement
		if strings.HasPrefix(l.text, "-") {
			read = f.option
		}
		if err := read(l.text, at, constraints); err != nil {
			return err
		}
	}
	return nil
}

// line is a line with its continuations.
type line struct {
	text   string
	number int // of its first line, from 1
}

// decode returns the text of a file. Editors on Windows and PowerShell's > write
// byte order marks, the latter in UTF-16.
func decode(data []byte) string {
	little := bytes.HasPrefix(data, []byte{0xFF, 0xFE})
	if !little && !bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return string(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")))
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		high, low := data[i], data[i+1]
		if little {
			high, low = low, high
		}
		units = append(units, uint16(high)<<8|uint16(low))
	}
	return string(utf16.Decode(units))
}

// logicalLines joins lines that end in a backslash, removes comments, and leaves out
// what is then empty. As in pip, a comment ends a continuation.
func logicalLines(text string) (out []line) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	joined, parts := line{}, []string(nil)
	for i, one := range strings.Split(text, "\n") {
		if joined.number == 0 {
			joined.number = i + 1
		}
		comment := strings.HasPrefix(strings.TrimLeft(one, " \t"), "#")
		if comment {
			one = " " + one
		}
		if rest, more := strings.CutSuffix(one, `\`); more && !comment {
			parts = append(parts, rest)
			continue
		}
		joined.text = strings.Join(append(parts, one), "")
		out = append(out, joined)
		joined, parts = line{}, nil
	}
	joined.text = strings.Join(parts, "") // a backslash at the end of the file
	out = append(out, joined)
	for i := range out {
		out[i].text = strings.TrimSpace(withoutComment(out[i].text))
	}
	return slices.DeleteFunc(out, func(l line) bool { return l.text == "" })
}

// withoutComment cuts a line at the first # that is at its start or after a space.
// The # of an URL belongs to it.
func withoutComment(s string) string {
	for i := range len(s) {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			return s[:i]
		}
	}
	return s
}

// bad returns the error for a line.
func bad(at, hint, format string, args ...any) error {
	return fault.New(fault.BadConfig, at+": "+format, args...).Fix("%s", hint)
}

// requirement reads a line such as "rich==13.9.4 --hash=sha256:…".
func (f *fileReader) requirement(text, at string, constraint bool) error {
	text, options, _ := strings.Cut(text, " -")
	if strings.Contains(text, "${") {
		return bad(at, "write its value, or give that line by --with", "%q names a variable, and modelrun puts in none", cited(text))
	}
	r, err := Parse(text)
	if err != nil {
		return bad(at, `write one package a line, for example "rich>=13"; a URL after its name: "name @ https://…"`, "%q cannot be used: %w", cited(text), err)
	}
	if constraint {
		f.file.Constraints = append(f.file.Constraints, r)
	} else {
		f.file.Requirements = append(f.file.Requirements, r)
		f.file.At[r.String()] = at
	}
	if options == "" {
		return nil
	}
	for _, o := range strings.Fields("-" + options) {
		sum, ok := strings.CutPrefix(o, "--hash=")
		if !ok {
			return bad(at, "remove it, or make that environment yourself: [envs]", "modelrun cannot honour %q", cited(o))
		}
		kind, digits, _ := strings.Cut(sum, ":")
		if !slices.Contains([]string{"sha256", "sha384", "sha512"}, kind) || digits == "" || strings.Trim(strings.ToLower(digits), "0123456789abcdef") != "" {
			return bad(at, "write --hash=sha256: and hex digits, as pip hash and uv pip compile --generate-hashes do", "%q is no hash", cited(sum))
		}
		f.file.Hashes = append(f.file.Hashes, Checksum{Name: r.Name, Sum: kind + ":" + strings.ToLower(digits), At: at})
	}
	if !r.isPinned() {
		return bad(at, "write "+r.Name+"==VERSION", "%s has a hash and no version, and a hash is that of one version", r.Name)
	}
	return nil
}

// isPinned reports whether only one version meets the requirement.
func (r Requirement) isPinned() bool {
	return len(r.Specs) == 1 && !r.Specs[0].prefix && (r.Specs[0].op == "==" || r.Specs[0].op == "===")
}

// option reads a line such as "-r more.txt".
func (f *fileReader) option(text, at string, constraints bool) error {
	name, value := splitOption(text)
	if value == "" || strings.Contains(value, " -") {
		return f.refuse(text, name, at)
	}
	switch name {
	case "-r", "--requirement":
		return f.nested(value, at, constraints)
	case "-c", "--constraint":
		return f.nested(value, at, true)
	case "-i":
		name = "--index-url"
	case "-f":
		name = "--find-links"
	case "--index-url", "--extra-index-url", "--find-links":
	default:
		return f.refuse(text, name, at)
	}
	f.file.Options = append(f.file.Options, FileOption{name, value, at})
	return nil
}

// splitOption splits "-rFILE", "-r FILE", "--name=value" and "--name value".
func splitOption(text string) (name, value string) {
	cut := strings.IndexAny(text, " \t=")
	if !strings.HasPrefix(text, "--") {
		cut = min(2, len(text))
	}
	if cut < 0 {
		return text, ""
	}
	value = strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(text[cut:], " \t"), "="), " \t")
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return text[:cut], value
}

// refuse returns the error for an option of pip that modelrun cannot honour.
func (f *fileReader) refuse(text, name, at string) error {
	hint := "remove that line; modelrun reads packages, -r, -c, --hash, --index-url, --extra-index-url and --find-links, one a line"
	switch name {
	case "-e", "--editable":
		hint = `write it as "name @ file:///path": an environment that models share does not follow a folder that changes`
	case "--pre":
		hint = `name the pre-release itself, for example "name>=2.0rc1", and remove that line`
	case "--trusted-host":
		hint = "remove it, and set UV_INSECURE_HOST=HOST if you mean it"
	case "--no-index":
		hint = "remove it, and start with --offline or with --default-index URL"
	case "--require-hashes":
		hint = "remove it: a package with --hash is compared with its hashes anyway"
	}
	return bad(at, hint, "modelrun cannot honour %q", cited(text))
}

// nested reads a file that another one includes, relative to that one.
func (f *fileReader) nested(path, at string, constraints bool) error {
	if strings.Contains(path, "://") {
		return bad(at, "download it, and name the file", "%q is a URL, and modelrun reads requirements from files only", cited(path))
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(f.open[len(f.open)-1]), path)
	}
	switch {
	case slices.Contains(f.open, path):
		return bad(at, "remove that line", "%s includes itself", path)
	case len(f.open) >= maxOpen || f.count >= maxFiles:
		return bad(at, "join some of them", "too many files include each other: %d files, %d deep", f.count, len(f.open))
	}
	if err := f.include(path, constraints); err != nil {
		if fault.CodeOf(err) != fault.Internal {
			return err
		}
		return bad(at, "correct the name; it is relative to the file that includes it", "%s cannot be read: %w", path, err)
	}
	return nil
}

// cited returns a part of a file for an error, without secrets and cut to 80
// characters: the file may not be what the user thinks it is.
func cited(text string) string {
	if r := []rune(fault.Mask(text)); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return fault.Mask(text)
}
