package need

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
)

// maxJSON limits the size of a config. The largest on the hub list a few
// hundred thousand labels, and are below 5 MiB.
const maxJSON = 5 << 20

// maxType limits the length of a model_type, because the probe gets it as an argument.
const maxType = 80

// config is the part of config.json that matters. Its types are loose: only
// relevant values are validated.
type config struct {
	ModelType     any             `json:"model_type"`
	Architectures any             `json:"architectures"`
	Quantization  any             `json:"quantization_config"`
	WBits         any             `json:"wbits"`
	MLX           any             `json:"quantization"`
	MLXWhisper    any             `json:"n_audio_ctx"`
	AutoMap       any             `json:"auto_map"`
	LLaVA         any             `json:"mm_vision_tower"`
	Saved         any             `json:"transformers_version"`
	Text          json.RawMessage `json:"text_config"`
}

// readConfig reads the config.json in dir.
func readConfig(dir string) (config, error) {
	var c config
	return c, readJSON(filepath.Join(dir, "config.json"), &c)
}

// fromConfig reads the config.json in dir, which has the files l: the model type, the
// quantisation, and the kind that it proves, or nil.
func (m *Model) fromConfig(dir string, l listing) (*Kind, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	m.Type, m.Code, m.Saved = c.modelType(), c.AutoMap != nil, c.saved()
	path := filepath.Join(dir, "config.json")
	shown, err := c.quant(path)
	if err != nil {
		return nil, fault.New(fault.BadModel, "%s: %w", show(path), err).Fix("correct that file or download it again")
	}
	k, e := kindOfConfig(path, c)
	if k != nil {
		m.Evidence = append(m.Evidence, e)
	}
	switch {
	case k == nil && shown.method != "": // only transformers writes it
		k = kindNamed(kindTransformers)
	case k != nil && k.format != torchFormat, isObject(c.MLX):
		return k, nil
	case shown.method == "":
		shown = quantOfFiles(dir, l)
	}
	m.isQuantised(shown)
	return k, nil
}

// modelType returns the type of the model, or "" for anything that is no name.
func (c config) modelType() string {
	if kind, ok := c.ModelType.(string); ok && len(kind) <= maxType && isHubName(kind) {
		return kind
	}
	return ""
}

// saved returns the version of transformers that wrote the config. Some configs have
// it only in the part about text (Kimi K2.5). It returns "" for null and for anything
// that is no version.
func (c config) saved() string {
	s, _ := c.Saved.(string)
	if s == "" && c.Text != nil {
		var text config
		_ = json.Unmarshal(c.Text, &text) // a part of another form has no version
		s, _ = text.Saved.(string)
	}
	if s == "" || len(s) > 40 || s[0] < '0' || s[0] > '9' || strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyz.+-_") != "" {
		return ""
	}
	return s
}

// readJSON decodes the JSON object in a small file. The file is known to exist,
// so a dangling link is an error. Errors are BadModel, with the file and the
// line.
func readJSON(path string, into any) error {
	data, err := readSmall(path)
	if err != nil {
		return badJSON(path, err)
	}
	if err := decode(data, into); err != nil {
		if pointer := present(path); pointer != nil {
			return pointer
		}
		return fault.New(fault.BadModel, "%s:%w", show(path), err).Fix("correct that file or download it again")
	}
	return nil
}

// badJSON returns the error for a JSON file that cannot be read.
func badJSON(path string, err error) error {
	if errors.Is(err, errSize) || errors.Is(err, errKind) {
		return fault.New(fault.BadModel, "%s %w", show(path), err).Fix("download the model's files again, or name another model with --model")
	}
	return unreadableModel(path, err)
}

var (
	errSize = errors.New("is larger than 5 MiB, more than any model's")
	errKind = errors.New("is not a file")
)

// readSmall checks size and type before it opens a file: opening a pipe would
// block forever, and 100 MB must be refused unread.
func readSmall(path string) ([]byte, error) {
	data, err := fsys.ReadFile(path, maxJSON)
	switch {
	case errors.Is(err, fsys.ErrTooLarge):
		return nil, errSize
	case errors.Is(err, fsys.ErrNotRegular):
		return nil, errKind
	}
	return data, err
}

// decode reads JSON as Python does: NaN and Infinity are numbers (real configs
// have "time_step_limit": [0.0, Infinity]). An error starts with the line
// number. encoding/json limits the nesting to 10,000.
func decode(data []byte, into any) error {
	if i := bytes.IndexByte(data, 0); i == 0 || i == 1 || bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) {
		return errors.New("1: the text is UTF-16: save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	err := json.Unmarshal(data, into)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		data = withoutNaN(data)
		err = json.Unmarshal(data, into)
	}
	if err == nil {
		if first := bytes.TrimLeft(data, " \t\r\n"); first[0] != '{' {
			return errors.New("1: not a JSON object") // null decodes into any type
		}
		return nil
	}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%d: not JSON: %w", lineAt(data, syntax.Offset), err)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%d: %s is a %s", lineAt(data, kind.Offset), kind.Field, kind.Value)
	}
	return errors.New("1: not a JSON object")
}

// lineAt returns the line number of an offset.
func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), int64(len(data)))], []byte("\n"))
}

// withoutNaN replaces Python's NaN and Infinity outside of strings by 0 and
// spaces. All offsets stay the same.
func withoutNaN(data []byte) []byte {
	out, inString := bytes.Clone(data), false
	for i := 0; i < len(out); i++ {
		switch {
		case inString && out[i] == '\\':
			i++
		case out[i] == '"':
			inString = !inString
		case inString:
		default:
			for _, word := range []string{"NaN", "Infinity"} {
				if bytes.HasPrefix(out[i:], []byte(word)) {
					copy(out[i:], "0"+strings.Repeat(" ", len(word)-1))
				}
			}
		}
	}
	return out
}
