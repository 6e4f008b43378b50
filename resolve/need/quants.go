package need

import "strings"

// Quant is a method of quantisation, and what loads it.
type Quant struct {
	Name    string // as quant_method spells it
	Four    *Load  // what line 4 of transformers needs to load it; nil if it does not load it
	Five    *Load  // the same for line 5
	VLLM    string // the least compute capability with which vllm loads it; "" if it does not
	Package string // the distribution that loads it if transformers and vllm cannot, or cannot here; "" if there is none
	names   string // words in the names of models that are quantised so, separated by spaces
}

// Load is what a line of transformers needs to load a method.
type Load struct {
	Needs   []string // requirements beyond its family's packages
	GPU     string   // the least compute capability of an NVIDIA GPU, or [AnyGPU]; "" if it loads without one
	Unpacks bool     // without that GPU it unpacks the weights, and needs nothing
	Fails   string   // the compute capability from which it fails; "" if it does not
}

// AnyGPU is the compute capability that every NVIDIA GPU has.
const AnyGPU = "0"

// quants is the table of methods. It is never changed.
//
// The facts of transformers are those of versions 4.57.6 and 5.24.0:
// quantizers/auto.py has the methods, validate_environment of each quantizer_*.py what
// it asks for, utils/import_utils.py the least versions. accelerate is left out,
// because every transformers env has it. Those of vllm are what 0.14.1 and 0.33.0 have
// in common: model_executor/layers/quantization/__init__.py, and get_min_capability.
//
// Only a package that has wheels is a need, or one that [profile.Builds] lists. So line
// 5 goes without kernels: it asks for 0.18.2, and the newest release is 0.17.2
// (2026-12-01).
var quants = [...]Quant{
	{Name: "bitsandbytes", Four: &Load{Needs: []string{"bitsandbytes"}}, Five: &Load{Needs: []string{"bitsandbytes"}}, names: "bnb-4bit bnb-8bit"},
	{Name: "mxfp4", Four: &Load{Needs: []string{"kernels>=0.6.1,<=0.9"}, GPU: "7.5", Unpacks: true}, Five: &Load{Unpacks: true}, VLLM: "8.0"},
	{Name: "bitnet", Four: &Load{}, Five: &Load{}},
	// Line 5 unpacks it to bf16 where line 4 refuses it, and fails for want of kernels where line 4 loads it.
	{Name: "fp8", Four: &Load{GPU: "8.9"}, Five: &Load{Unpacks: true, Fails: "8.9"}, VLLM: "7.5"},
	{Name: "mxfp8", Five: &Load{Unpacks: true, Fails: "8.9"}},
	{Name: "compressed-tensors", Four: &Load{Needs: []string{"compressed-tensors"}}, Five: &Load{Needs: []string{"compressed-tensors>=0.15.0"}}, VLLM: "7.0"},
	// Line 5 calls functions of gptqmodel 5.8, which needs five packages without wheels. Of an older one it is the
	// only one that is built. optimum 2 asks for gptqmodel 7.
	{Name: "gptq", Four: &Load{Needs: []string{"gptqmodel>=1.4.3,<5", "optimum>=1.24.0,<2"}, GPU: AnyGPU}, VLLM: "6.0", Package: "gptqmodel", names: "gptq"},
	{Name: "awq", VLLM: "7.5", names: "awq"}, // line 4 asks for autoawq, which is not developed any more
	{Name: "torchao", Four: &Load{Needs: []string{"torchao"}}, Five: &Load{Needs: []string{"torchao>=0.15.0"}}, VLLM: "7.5"},
	{Name: "quanto", Four: &Load{Needs: []string{"optimum-quanto"}}, Five: &Load{Needs: []string{"optimum-quanto"}}},
	{Name: "auto-round", Four: &Load{Needs: []string{"auto-round>=0.5"}}, Five: &Load{Needs: []string{"auto-round>=0.5"}}},
	{Name: "aqlm", Four: &Load{Needs: []string{"aqlm[cpu,gpu]"}}, Five: &Load{Needs: []string{"aqlm[cpu,gpu]"}}},
	{Name: "vptq", Four: &Load{Needs: []string{"vptq>=0.0.4"}, GPU: AnyGPU}, Five: &Load{Needs: []string{"vptq>=0.0.4"}, GPU: AnyGPU}},
	{Name: "spqr", Four: &Load{Needs: []string{"spqr-quant[gpu]"}, GPU: AnyGPU}, Five: &Load{Needs: []string{"spqr-quant[gpu]"}, GPU: AnyGPU}},
	{Name: "quark", Four: &Load{Needs: []string{"amd-quark"}}, Five: &Load{Needs: []string{"amd-quark>=0.12"}}, VLLM: "7.0"},
	{Name: "gemma", Five: &Load{}},
	// The model's own code unpacks the weights with kernels for a GPU (moss).
	{Name: "wbits", Four: &Load{GPU: AnyGPU}, Five: &Load{GPU: AnyGPU}},

	// transformers does not load these, or asks for what has no wheels that fit:
	// fbgemm-gpu fits one version of torch, and qutlass is only in git.
	{Name: "fbgemm_fp8", VLLM: "8.0"},
	{Name: "fp_quant", VLLM: "10.0"},
	{Name: "modelopt_fp4", VLLM: "7.5", names: "nvfp4"},
	{Name: "modelopt", VLLM: "8.9"},
	{Name: "hqq", Package: "hqq", names: "hqq"},
	{Name: "higgs", Package: "flute-kernel"},
	{Name: "eetq", Package: "eetq"},
	{Name: "sinq", Package: "sinq"},
	{Name: "fouroversix", Package: "fouroversix"},
	{Name: "nvfp4"}, // transformers makes it, and does not load what it saved
	{Name: "exl2", Package: "exllamav2", names: "exl2"},
	{Name: "exl3", Package: "exllamav3", names: "exl3"},
}

// QuantNamed returns the method with this name. ok is false if it is not known.
func QuantNamed(name string) (q Quant, ok bool) {
	for _, q := range quants {
		if q.Name == name {
			return q, true
		}
	}
	return Quant{Name: name}, false
}

// quantOfName returns the method of quantisation that a model's name says, or "".
func quantOfName(name string) string {
	name = strings.ToLower(name)
	for _, q := range quants {
		for _, word := range strings.Fields(q.names) {
			if hasWord(name, word) {
				return q.Name
			}
		}
	}
	return ""
}
