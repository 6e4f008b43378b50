package requirement

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

// files is a reader over files in memory.
type files map[string]string

func (f files) read(path string) ([]byte, error) {
	text, ok := f[filepath.ToSlash(path)]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func utf16le(s string) string {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files        files
		requirements string
		constraints  string
		hashes       string
		options      string
	}{
		"nothing":              {files: files{"r": "# only this\n\n   \n"}},
		"lines":                {files: files{"r": "rich>=13\r\n  HTTPX [http2] == 0.27 # why\rpsutil\r\n"}, requirements: "rich>=13 httpx[http2]==0.27 psutil"},
		"a mark":               {files: files{"r": "\xEF\xBB\xBFrich\n"}, requirements: "rich"},
		"PowerShell":           {files: files{"r": utf16le("rich==1\r\npsutil\r\n")}, requirements: "rich==1 psutil"},
		"continued":            {files: files{"r": "rich \\\n  >=13 \\\n# a comment ends it\npsutil \\"}, requirements: "rich>=13 psutil"},
		"a marker":             {files: files{"r": "rich; sys_platform == 'x'"}, requirements: `rich; sys_platform == 'x'`},
		"nested":               {files: files{"a/r": "-r b/x\n--requirement=y", "a/b/x": "rich\n-c ../c", "a/c": "psutil<2\n-r y", "a/y": "numpy"}, requirements: "rich numpy", constraints: "psutil<2 numpy"},
		"twice is no loop":     {files: files{"r": "-rx\n-r'x'", "x": "rich"}, requirements: "rich rich"},
		"hashes":               {files: files{"r": "rich==1 --hash=sha256:AB \\\n --hash=sha512:00"}, requirements: "rich==1", hashes: "rich sha256:ab r:1 rich sha512:00 r:1"},
		"a constraint's hash":  {files: files{"r": "-c x", "x": "rich==1 --hash=sha256:00"}, constraints: "rich==1", hashes: "rich sha256:00 x:1"},
		"where they come from": {files: files{"r": "-i https://a#x\n--extra-index-url=https://b\n-f ./wheels"}, options: "--index-url https://a#x r:1 --extra-index-url https://b r:2 --find-links ./wheels r:3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := "r"
			if c.files[root] == "" {
				root = "a/r"
			}
			f, err := ReadFile(root, c.files.read)
			require.NoError(t, err)
			var hashes, options []string
			for _, h := range f.Hashes {
				hashes = append(hashes, h.Name, h.Sum, h.At)
			}
			for _, o := range f.Options {
				options = append(options, o.Name, o.Value, o.At)
			}
			require.Equal(t, []string{c.requirements, c.constraints, c.hashes, c.options}, []string{
				strings.Join(Strings(f.Requirements), " "), strings.Join(Strings(f.Constraints), " "), strings.Join(hashes, " "), strings.Join(options, " "),
			})
		})
	}
}

func TestReadFileRefuses(t *testing.T) {
	t.Parallel()
	deep := files{}
	for i := range 12 {
		deep[strings.Repeat("d/", i)+"r"] = "-r d/r"
	}
	for want, f := range map[string]files{
		`r:1: "psutil#1.0" cannot be used: "#1.0" is no version specifier`:                 {"r": "psutil#1.0"},
		`r:2: "rich = 13" cannot be used`:                                                  {"r": "\nrich = 13"},
		`r:1: "https://***@h/x.whl" cannot be used`:                                        {"r": "https://me:secret@h/x.whl"},
		`r:1: "./dir" cannot be used`:                                                      {"r": "./dir"},
		`r:1: "rich @ ${URL}" names a variable`:                                            {"r": "rich @ ${URL}"},
		`r:1: modelrun cannot honour "-e ."`:                                               {"r": "-e ."},
		`r:1: modelrun cannot honour "--pre"`:                                              {"r": "--pre"},
		`r:1: modelrun cannot honour "-"`:                                                  {"r": "-"},
		`r:1: modelrun cannot honour "-r"`:                                                 {"r": "-r"},
		`r:1: modelrun cannot honour "--no-binary=:all:"`:                                  {"r": "--no-binary=:all:"},
		`r:1: modelrun cannot honour "-i https://a -f b"`:                                  {"r": "-i https://a -f b"},
		`r:1: modelrun cannot honour "--config-settings=x"`:                                {"r": "rich --config-settings=x"},
		`r:1: "md5:00" is no hash`:                                                         {"r": "rich==1 --hash=md5:00"},
		`r:1: "sha256:xyz" is no hash`:                                                     {"r": "rich==1 --hash=sha256:xyz"},
		`r:1: rich has a hash and no version`:                                              {"r": "rich==1.* --hash=sha256:00"},
		`x:1: r includes itself`:                                                           {"r": "-r x", "x": "-c r"},
		`r:1: x cannot be read`:                                                            {"r": "-r x"},
		`r:1: "https://h/r.txt" is a URL, and modelrun reads requirements from files only`: {"r": "-r https://h/r.txt"},
		`too many files include each other: 10 files, 10 deep`:                             deep,
	} {
		_, err := ReadFile("r", f.read)
		require.ErrorContains(t, err, want)
		require.Equal(t, fault.BadConfig, fault.CodeOf(err), want)
		require.NotEmpty(t, fault.RemedyOf(err), want)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := ReadFile("nowhere", files{}.read)
	require.True(t, errors.Is(err, fs.ErrNotExist))
}

// FuzzReadFile checks that every line is read or refused: at least as many
// requirements come out as there are lines that are no option.
func FuzzReadFile(f *testing.F) {
	for _, text := range []string{"rich\npsutil", "rich \\\n>=1 # x", "-r x", "-c r", "rich==1 --hash=sha256:00", "\xFF\xFEr\x00", "--pre", "a\r\r\nb"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := ReadFile("r", files{"r": text, "x": "rich"}.read)
		if err != nil {
			require.NotEmpty(t, fault.RemedyOf(err))
			return
		}
		options := 0
		lines := logicalLines(decode([]byte(text)))
		for _, l := range lines {
			if strings.HasPrefix(l.text, "-") {
				options++
			}
		}
		require.GreaterOrEqual(t, len(out.Requirements), len(lines)-options)
	})
}
