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

// maxJSON bounds what is read of a config: the largest on the hub list a few
// hundred thousand labels and stay below 5 MiB.
const maxJSON = 5 << 20

// config is the little that is needed of config.json. Its types are loose:
// only what decides something is checked.
type config struct {
	ModelType     any `json:"model_type"`
	Architectures any `json:"architectures"`
	Quantization  any `json:"quantization_config"`
	AutoMap       any `json:"auto_map"`
}

func readConfig(dir string) (config, error) {
	var c config
	return c, readJSON(filepath.Join(dir, "config.json"), &c)
}

// config fills in what config.json in dir says of quantisation.
func (m *Model) config(dir string, p Places) error {
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	if kind, ok := c.ModelType.(string); ok && c.AutoMap == nil && isHubName(kind) {
		m.Type = kind
	}
	path := filepath.Join(dir, "config.json")
	method, err := quantOf(c.Quantization)
	switch {
	case err != nil:
		return fault.New(fault.BadModel, "%s: %w", show(path), err).Fix("correct that file or download it again")
	case method == "":
		return nil
	case method == "bitsandbytes":
		m.Bnb = true
		return nil
	case p.covers(method):
		return nil
	}
	e := fault.New(fault.BadQuant, "%s: quantisation %s is not covered by family %s", show(path), show(method), p.settle(transformers))
	if p.Family == "" {
		return e.Fix("name a family that covers it, for example --family vllm, or an env that has its packages: --env KEY")
	}
	return e.Fix("name an env that has its packages: --env KEY")
}

// quantOf is the quantisation method, "" for none. A config from before
// quant_method only says load_in_4bit or load_in_8bit; transformers takes it
// for bitsandbytes, and so do we.
func quantOf(q any) (string, error) {
	if q == nil {
		return "", nil
	}
	fields, ok := q.(map[string]any)
	if !ok {
		return "", errors.New("quantization_config is not an object")
	}
	switch method := fields["quant_method"].(type) {
	case string:
		// transformers spells bitsandbytes with its width here and there.
		if method = strings.ToLower(method); strings.HasPrefix(method, "bitsandbytes") {
			return "bitsandbytes", nil
		}
		return method, nil
	case nil:
		for _, name := range []string{"load_in_4bit", "load_in_8bit", "_load_in_4bit", "_load_in_8bit"} {
			if fields[name] == true {
				return "bitsandbytes", nil
			}
		}
		return "", nil
	}
	return "", errors.New("quant_method is not a string")
}

// readJSON decodes the object in a small file that was seen to be there: a
// link to nothing is an error. Errors are BadModel, with the file and the line.
func readJSON(path string, into any) error {
	data, err := readSmall(path)
	switch {
	case errors.Is(err, errSize), errors.Is(err, errKind):
		return fault.New(fault.BadModel, "%s %w", show(path), err).Fix("download the model's files again, or name another model with --model")
	case err != nil:
		return unreadableModel(path, err)
	}
	if err := decode(data, into); err != nil {
		return fault.New(fault.BadModel, "%s:%w", show(path), err).Fix("correct that file or download it again")
	}
	return nil
}

var (
	errSize = errors.New("is larger than 5 MiB, more than any model's")
	errKind = errors.New("is not a file")
)

// readSmall reads a file of at most maxJSON bytes. It never blocks on a pipe.
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
// have "time_step_limit": [0.0, Infinity]). The error begins with the line.
// encoding/json bounds the nesting at 10,000.
func decode(data []byte, into any) error {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	err := json.Unmarshal(data, into)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		data = withoutNaN(data)
		err = json.Unmarshal(data, into)
	}
	if err == nil {
		if first := bytes.TrimLeft(data, " \t\r\n"); first[0] != '{' {
			return errors.New("1: not a JSON object") // null decodes into anything
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

func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), int64(len(data)))], []byte("\n"))
}

// withoutNaN puts a 0 for Python's NaN and Infinity outside of strings, and
// blanks for the rest of the word, so that offsets stay true.
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
