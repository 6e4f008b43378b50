package profile

// DefaultFamily is the family of a model without further information. It is line 4
// of transformers. As the value of --family it means either line.
const DefaultFamily = "transformers"

// Transformers5 is line 5 of transformers. Some models load in one line only.
const Transformers5 = "transformers5"

// What the two lines of transformers share.
var (
	transformersPackages = []string{
		"torch", "torchvision", "torchaudio", "transformers", "tokenizers", "safetensors", "huggingface-hub", "peft", "accelerate",
		"sentencepiece", "protobuf", "einops", "numpy", "fastapi", "uvicorn", "pydantic", "pip",
	}
	transformersShared = []Import{{"transformers", "transformers"}, {"torch", "torch"}, {"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"}}
	// In line 5, adapters fail to load with a peft or accelerate that was made for 4.
	transformers5Shared = []Import{
		{"transformers", "transformers"}, {"torch", "torch"}, {"peft", "peft"}, {"accelerate", "accelerate"},
		{"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"},
	}
	transformersOld = []Import{{"torch", "torch"}, {"transformers", "transformers"}, {"accelerate", "accelerate"}}
)

// families is the table of families. The first one is [DefaultFamily]. The table is
// never changed. It is Go and not JSON because every start needs it: decoding the
// same content from JSON took a tenth of the time that modelrun adds to a start.
var families = [...]Family{
	{
		Name: "transformers", pattern: "torch-{accel}-transformers", line: 4,
		Main: []string{"transformers"}, Packages: transformersPackages, Bnb: []string{"bitsandbytes"},
		Shared: transformersShared, Old: transformersOld, Quants: true, GPU: true, Builds: []string{"gptqmodel"},
	},
	{
		Name: Transformers5, pattern: "torch-{accel}-transformers5", line: 5,
		Main: []string{"transformers"}, Packages: transformersPackages, Bnb: []string{"bitsandbytes"},
		Shared: transformers5Shared, Old: transformersOld, Quants: true, GPU: true, Builds: []string{"gptqmodel"},
	},
	{
		Name: "llamacpp", pattern: "llamacpp-{accel}",
		Main: []string{"llama-cpp-python"},
		Packages: []string{
			"llama-cpp-python", "huggingface-hub", "numpy", "fastapi", "uvicorn", "pydantic", "pydantic-settings", "sse-starlette", "starlette-context",
			"pip",
		},
		Shared: []Import{{"llama_cpp", "llama-cpp-python"}, {"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"}},
		Old:    []Import{{"llama_cpp", "llama-cpp-python"}},
		Builds: []string{"llama-cpp-python"},
	},
	{
		Name: "onnx", pattern: "onnx-{accel}",
		Main:     []string{"onnxruntime", "onnxruntime-gpu"},
		Packages: []string{"numpy", "tokenizers", "huggingface-hub", "fastapi", "uvicorn", "pydantic", "pip"},
		Shared:   []Import{{"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"}},
		Old:      []Import{},
		cuda:     variant{packages: []string{"onnxruntime-gpu[cuda,cudnn]"}, shared: []Import{{"onnxruntime", "onnxruntime-gpu"}}, old: []Import{{"onnxruntime", "onnxruntime-gpu"}}},
		other:    variant{packages: []string{"onnxruntime"}, shared: []Import{{"onnxruntime", "onnxruntime"}}, old: []Import{{"onnxruntime", "onnxruntime"}}},
	},
	{
		Name: "vllm", pattern: "vllm-{accel}",
		Main:     []string{"vllm"},
		Packages: []string{"vllm", "torch", "torchvision", "torchaudio", "pip"},
		Shared:   []Import{{"vllm", "vllm"}, {"torch", "torch"}, {"transformers", "transformers"}, {"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"}},
		Old:      []Import{{"vllm", "vllm"}, {"torch", "torch"}},
		GPU:      true,
	},
	{
		Name: "diffusers", pattern: "torch-{accel}-diffusers",
		Main: []string{"diffusers"},
		Packages: []string{
			"torch", "torchvision", "diffusers", "transformers", "accelerate", "safetensors", "peft", "huggingface-hub", "sentencepiece", "protobuf",
			"numpy", "pillow", "fastapi", "uvicorn", "pydantic", "pip",
		},
		Shared: []Import{
			{"diffusers", "diffusers"}, {"torch", "torch"}, {"transformers", "transformers"}, {"accelerate", "accelerate"},
			{"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"},
		},
		Old:    []Import{{"torch", "torch"}, {"diffusers", "diffusers"}},
		Quants: true, GPU: true,
	},
	{
		// From 4.8 on, the wheels need cuBLAS of CUDA 12 and no cuDNN. They load it when a model is loaded, and have code for
		// GPUs from 5.3 to 8.6, and PTX for later ones: libctranslate2 4.8.5 itself.
		Name: "ctranslate2", pattern: "ctranslate2-{accel}",
		Main:     []string{"ctranslate2"},
		Packages: []string{"ctranslate2", "faster-whisper", "tokenizers", "huggingface-hub", "sentencepiece", "numpy", "fastapi", "uvicorn", "pydantic", "pip"},
		Shared: []Import{
			{"ctranslate2", "ctranslate2"}, {"faster_whisper", "faster-whisper"}, {"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"},
		},
		Old:  []Import{{"ctranslate2", "ctranslate2"}},
		GPU:  true,
		cuda: variant{packages: []string{"nvidia-cublas-cu12"}},
	},
	{
		// The same wheels run on the CPU and on Intel's GPUs. optimum-intel requires torch, so it is left out.
		Name: "openvino", pattern: "openvino-{accel}", only: "cpu",
		Main:     []string{"openvino"},
		Packages: []string{"openvino", "openvino-genai", "openvino-tokenizers", "huggingface-hub", "numpy", "fastapi", "uvicorn", "pydantic", "pip"},
		Shared: []Import{
			{"openvino", "openvino"}, {"openvino_genai", "openvino-genai"}, {"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"},
		},
		Old: []Import{{"openvino", "openvino"}},
	},
	{
		Name: "mlx", pattern: "mlx-{accel}", only: "mps",
		Main:     []string{"mlx", "mlx-lm"},
		Packages: []string{"mlx", "mlx-lm", "huggingface-hub", "numpy", "fastapi", "uvicorn", "pydantic", "pip"},
		Shared:   []Import{{"mlx.core", "mlx"}, {"mlx_lm", "mlx-lm"}, {"fastapi", "fastapi"}, {"uvicorn", "uvicorn"}, {"pydantic", "pydantic"}},
		Old:      []Import{{"mlx.core", "mlx"}},
	},
}
