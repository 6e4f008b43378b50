package need

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// trace is what shows a method of quantisation.
type trace struct {
	method string // "" if there is none
	Evidence
}

// maxMethod limits the length of a method's name, which messages cite.
const maxMethod = 40

// maxParts limits the parts of a pipeline that are read. Real ones have up to ten.
const maxParts = 32

// isQuantised records the method of quantisation and its evidence.
func (m *Model) isQuantised(t trace) {
	if m.Quant = t.method; m.Quant != "" {
		m.prove(t.File, t.Field, t.Value)
	}
}

// quant returns what the config at path says of quantisation. Some configs say it only
// in the part about text (Kimi K2.5), where transformers looks too.
func (c config) quant(path string) (trace, error) {
	t, err := traceOf(c.Quantization)
	if t.method == "" && err == nil && c.Text != nil {
		var text config
		if decode(c.Text, &text) == nil { // a part of another form says nothing
			if t, err = traceOf(text.Quantization); t.Field != "" {
				t.Field = "text_config." + t.Field
			}
		}
	}
	if bits, ok := c.WBits.(float64); ok && t.method == "" && c.AutoMap != nil {
		t = trace{"wbits", Evidence{Field: "wbits", Value: fmt.Sprint(bits)}}
	}
	t.File = path
	return t, err
}

// traceOf returns what a quantization_config says.
//
// ModelOpt has its own formats, and says so in quant_algo, with any quant_method or
// none. Configs from before quant_method only have load_in_4bit or load_in_8bit.
// transformers treats these as bitsandbytes, and so does this function.
func traceOf(q any) (trace, error) {
	fields, ok := q.(map[string]any)
	if q != nil && !ok {
		return trace{}, errors.New("quantization_config is not an object")
	}
	found := func(method, field string) (trace, error) {
		return trace{method, Evidence{Field: "quantization_config." + field, Value: fmt.Sprint(fields[field])}}, nil
	}
	if algo, ok := fields["quant_algo"].(string); ok {
		return found(ofModelOpt(algo), "quant_algo")
	}
	switch method := fields["quant_method"].(type) {
	case string:
		if len(method) > maxMethod {
			return trace{}, errors.New("quant_method is longer than the name of any method")
		}
		return found(show(spelt(method)), "quant_method")
	case nil:
		for _, name := range [...]string{"load_in_4bit", "load_in_8bit", "_load_in_4bit", "_load_in_8bit"} {
			if fields[name] == true {
				return found("bitsandbytes", name)
			}
		}
		return trace{}, nil
	}
	return trace{}, errors.New("quant_method is not a string")
}

// ofModelOpt returns the method for an algorithm of ModelOpt, as vllm calls it.
func ofModelOpt(algorithm string) string {
	if strings.HasSuffix(algorithm, "NVFP4") {
		return "modelopt_fp4"
	}
	return "modelopt"
}

// spelt returns a method as the table of methods spells it. transformers sometimes
// writes bitsandbytes with its width, and vllm others with a kernel: "awq_marlin".
func spelt(method string) string {
	method = strings.ToLower(method)
	for _, q := range quants {
		if method == q.Name || strings.HasPrefix(method, q.Name+"_") {
			return q.Name
		}
	}
	return method
}

// quantOfFiles returns what files beside a config.json say of quantisation, if that
// says nothing. transformers.js gives its list of ONNX operators the name of AutoGPTQ's
// file.
func quantOfFiles(dir string, l listing) trace {
	read := func(file string) map[string]any {
		var all map[string]any
		if l.has(file) {
			_ = readJSON(filepath.Join(dir, file), &all) // one that cannot be read says nothing
		}
		return all
	}
	found := func(method, file, field string, value any) trace {
		return trace{method, Evidence{filepath.Join(dir, file), field, fmt.Sprint(value)}}
	}
	part, _ := read("hf_quant_config.json")["quantization"].(map[string]any)
	if algo, ok := part["quant_algo"].(string); ok {
		return found(ofModelOpt(algo), "hf_quant_config.json", "quantization.quant_algo", algo)
	}
	if bits := read("quantize_config.json")["bits"]; bits != nil {
		return found("gptq", "quantize_config.json", "bits", bits)
	}
	if bits := read("quant_config.json")["w_bit"]; bits != nil {
		return found("awq", "quant_config.json", "w_bit", bits)
	}
	return trace{}
}

// quantOfParts returns the quantisation of a pipeline, of which each part has a config.json.
// A part that cannot be read says nothing: the pipeline itself is recognised.
func quantOfParts(dir string, l listing) trace {
	for _, part := range l.dirs[:min(len(l.dirs), maxParts)] {
		part = filepath.Join(dir, part)
		c, err := readConfig(part)
		if err != nil {
			continue
		}
		if t, err := c.quant(filepath.Join(part, "config.json")); err == nil && t.method != "" {
			return t
		}
	}
	return trace{}
}
