package target

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/hardware"
	"github.com/modelrun/modelrun/resolve/requirement"
	"github.com/modelrun/modelrun/shim/config"
)

// gpu is the state of a machine with this GPU.
type gpu struct{ hardware.Machine }

func (g gpu) Read(string) ([]byte, error) { return json.Marshal(g.Machine) }

func (gpu) Write(string, []byte) error { return nil }

// withGPU returns the Finder for a machine with GPUs of these compute capabilities,
// separated by commas, or for one without a GPU.
func withGPU(f Finder, cc string) Finder {
	if cc == "" {
		return f
	}
	id := hardware.Identity{OS: "linux", Arch: "amd64", Libc: "glibc", Vendor: "nvidia", Driver: "580.65.06", GPUs: []string{"0000:01:00.0"}}
	m := hardware.Machine{Identity: id}
	for one := range strings.SplitSeq(cc, ",") {
		m.GPUs = append(m.GPUs, hardware.GPU{Name: "GPU", CC: one})
	}
	f.Machine = hardware.NewCache(id, execx.NewEnviron(nil), gpu{m})
	return f
}

// TestQuantised checks for every method, and on each kind of machine, the family and
// what it needs beyond its key. "-" is a refusal.
func TestQuantised(t *testing.T) {
	t.Parallel()
	const none, ampere, hopper = "", "8.6", "9.0"
	machines := [...]string{none, ampere, hopper}
	const gptq = "transformers gptqmodel<5,>=1.4.3 optimum<2,>=1.24.0"
	all := func(one string) [3]string { return [...]string{one, one, one} }
	for method, want := range map[string][3]string{
		"bitsandbytes":       all("transformers5-bnb"),
		"bitnet":             all("transformers5"),
		"mxfp4":              {"transformers5", "transformers kernels<=0.9,>=0.6.1", "transformers kernels<=0.9,>=0.6.1"},
		"fp8":                {"transformers5", "transformers5", "transformers"},
		"mxfp8":              {"transformers5", "transformers5", "-"},
		"compressed-tensors": all("transformers5 compressed-tensors>=0.15.0"),
		"gptq":               {"-", gptq, gptq},
		"awq":                {"-", "vllm", "vllm"},
		"torchao":            all("transformers5 torchao>=0.15.0"),
		"quanto":             all("transformers5 optimum-quanto"),
		"auto-round":         all("transformers5 auto-round>=0.5"),
		"aqlm":               all("transformers5 aqlm[cpu,gpu]"),
		"vptq":               {"-", "transformers5 vptq>=0.0.4", "transformers5 vptq>=0.0.4"},
		"spqr":               {"-", "transformers5 spqr-quant[gpu]", "transformers5 spqr-quant[gpu]"},
		"quark":              all("transformers5 amd-quark>=0.12"),
		"gemma":              all("transformers5"),
		"fbgemm_fp8":         {"-", "vllm", "vllm"},
		"fp_quant":           all("-"),
		"modelopt":           {"-", "-", "vllm"},
		"modelopt_fp4":       {"-", "vllm", "vllm"},
		"hqq":                all("-"),
		"higgs":              all("-"),
		"eetq":               all("-"),
		"sinq":               all("-"),
		"fouroversix":        all("-"),
		"nvfp4":              all("-"),
		"exl2":               all("-"),
		"exl3":               all("-"),
		"brand_new":          all("-"),
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			for i, cc := range machines {
				f := withGPU(finder(t, map[string]string{"config.json": `{"model_type": "llama", "quantization_config": {"quant_method": "` + method + `"}}`}, nil), cc)
				target, _, err := f.Request(t.Context())
				if want[i] == "-" {
					require.Equal(t, fault.BadQuant, fault.CodeOf(err), "%s: %v", cc, target.Key)
					require.NotEmpty(t, fault.RemedyOf(err))
					continue
				}
				require.NoError(t, err, cc)
				got := target.Family.Name
				if target.Bnb {
					got += "-bnb"
				}
				require.Equal(t, want[i], strings.Join(append([]string{got}, requirement.Strings(target.With)...), " "), cc)
			}
		})
	}
}

// TestQuantisedLines checks methods of models that one line loads.
func TestQuantisedLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		cc     string
		flags  config.Flags
		want   string // the family; "" if it is refused
	}{
		"own code for 4, on a CPU":      {config: `"fp8"}, "auto_map": {}, "transformers_version": "4.50.0"`},
		"own code for 4, on a GPU":      {config: `"fp8"}, "auto_map": {}, "transformers_version": "4.50.0"`, cc: "9.0", want: "transformers"},
		"own code for 4, the user's 5":  {config: `"fp8"}, "auto_map": {}, "transformers_version": "4.50.0"`, flags: config.Flags{"family": "transformers5"}, want: "transformers5"},
		"saved by 5, which fails":       {config: `"fp8"}, "transformers_version": "5.2.0"`, cc: "9.0", want: "vllm"},
		"saved by 5, on an older GPU":   {config: `"fp8"}, "transformers_version": "5.2.0"`, cc: "8.6", want: "transformers5"},
		"an old card that is hidden":    {config: `"fp8"}`, cc: "9.0,3.5", want: "transformers"},
		"an older card that is used":    {config: `"fp8"}`, cc: "9.0,8.6", want: "transformers5"},
		"own code for 4, awq":           {config: `"awq"}, "auto_map": {}, "transformers_version": "4.50.0"`, cc: "8.6", want: "vllm"},
		"the user needs 4":              {config: `"compressed-tensors"}`, flags: config.Flags{"with": "transformers==4.57.6"}, want: "transformers"},
		"the user adds the package":     {config: `"exl3"}`, flags: config.Flags{"with": "exllamav3"}, want: "transformers5"},
		"the user names a family":       {config: `"exl3"}`, flags: config.Flags{"family": "transformers"}, want: "transformers5"},
		"the user names another family": {config: `"exl3"}`, flags: config.Flags{"family": "vllm"}, want: "vllm"},
		"saved by 5, gptq":              {config: `"gptq"}, "transformers_version": "5.2.0"`, cc: "8.6", want: "vllm"},
		"the user adds gptqmodel":       {config: `"gptq"}`, flags: config.Flags{"with": "gptqmodel"}, want: "transformers"},
		"the user's profile":            {config: `"gptq"}`, cc: "8.6", flags: config.Flags{"profile": "cpu"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := withGPU(finder(t, map[string]string{"config.json": `{"model_type": "llama", "quantization_config": {"quant_method": ` + c.config + `}`}, c.flags), c.cc)
			target, err := f.Find(t.Context())
			if c.want == "" {
				require.Equal(t, fault.BadQuant, fault.CodeOf(err), "%v", target.Key)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, target.Family.Name)
		})
	}
}

// TestOnCUDA checks that a kind's needs are those of the accelerator's wheels.
func TestOnCUDA(t *testing.T) {
	t.Parallel()
	for cc, want := range map[string]string{"": "onnxruntime-genai", "8.6": "onnxruntime-genai-cuda"} {
		target, _, err := withGPU(finder(t, map[string]string{"genai_config.json": "{}"}, nil), cc).Request(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{want}, requirement.Strings(target.With))
	}
}
