package need

import (
	"slices"
	"strings"
)

// Kind is a sort of model: the files that prove it, and what serves it.
type Kind struct {
	Name   string // as explain shows it: "sentence-transformers"
	Title  string // for "MODEL is …": "a sentence-transformers model"
	Family string // the family that serves it; "" if none does
	Needs  Needs  // requirements beyond the family's packages

	// Package is the distribution that runs a kind that no family serves. It is "" if
	// none does that the index has as a wheel.
	Package string

	format  string   // the format of the weights; models with two formats are ambiguous
	also    bool     // only another copy of a model: it counts if nothing else is found
	files   []string // each alone proves the kind: names, with at most one *, those of folders end in /; or two joined by +
	fields  []string // the same for fields of config.json: "a", "a+b", "a=text"
	library []string // what a model card calls it in library_name
	tensors []string // the same for names of tensors in a safetensors file: "begin", "begin…part"
	names   []string // words in the name of a model whose files are not here
	arch    []string // the architectures of a GGUF file
}

// Needs are requirements beyond the packages of a family.
type Needs struct {
	Packages []string
	OnCUDA   []string // the same in an env for CUDA; nil if they do not differ
}

// On returns the requirements for an env for CUDA, or for another one.
func (n Needs) On(cuda bool) []string {
	if cuda && n.OnCUDA != nil {
		return n.OnCUDA
	}
	return n.Packages
}

// The formats of weights. Formats of kinds that no family serves have no name.
const (
	torchFormat    = "torch"
	ggufFormat     = "gguf"
	onnxFormat     = "onnx"
	openvinoFormat = "openvino"
	ct2Format      = "ctranslate2"
)

// The kinds that code here names.
const (
	kindTransformers = "transformers"
	kindPeft         = "peft"
	kindGGUF         = "gguf"
	kindONNX         = "onnx"
	kindMLX          = "mlx"
	kindLLaVA        = "llava"
	kindDiffusers    = "diffusers"

	kindDiffusionGGUF = "diffusion-gguf"
	kindGGML          = "ggml"
)

// kinds is the table of kinds. The first row that matches counts, so a row that is
// more exact comes first. The table is never changed. It is Go and not JSON for the
// reason that families in package profile are: every start needs it.
var kinds = [...]Kind{
	// Kinds that a family serves.
	{
		Name: "onnxruntime-genai", Title: "an onnxruntime-genai model", Family: onnx, Needs: Needs{Packages: []string{"onnxruntime-genai"}, OnCUDA: []string{"onnxruntime-genai-cuda"}}, format: onnxFormat,
		files: []string{"genai_config.json"}, library: []string{"onnxruntime-genai"},
	},
	{
		Name: kindGGUF, Title: "a GGUF model", Family: llamacpp, format: ggufFormat,
		files: []string{"*.gguf"}, library: []string{"gguf", "llama.cpp", "llama-cpp-python"}, names: []string{"gguf"},
	},
	{
		Name: kindONNX, Title: "an ONNX model", Family: onnx, format: onnxFormat,
		files: []string{"*.onnx"}, library: []string{"onnx", "onnxruntime"}, names: []string{"onnx"},
	},
	{
		Name: "openvino", Title: "an OpenVINO model", Family: "openvino", format: openvinoFormat,
		files: []string{"openvino_*.xml"}, library: []string{"openvino"}, names: []string{"openvino"},
	},
	{
		Name: "ctranslate2", Title: "a CTranslate2 model", Family: "ctranslate2", format: ct2Format,
		files: []string{"model.bin+vocabulary.*", "model.bin+shared_vocabulary.*", "model.bin+source_vocabulary.*"}, fields: []string{"alignment_heads"},
		library: []string{"ctranslate2", "faster-whisper"}, names: []string{"ct2", "ctranslate2", "faster-whisper"},
	},
	{
		Name: kindDiffusers, Title: "a diffusers pipeline", Family: "diffusers", format: torchFormat,
		files: []string{"model_index.json", "pytorch_lora_weights.*", "learned_embeds.*"}, fields: []string{"_class_name"}, library: []string{"diffusers"}, names: []string{"diffusers", "stable-diffusion"},
		tensors: []string{
			"model.diffusion_model.", "diffusion_model.", "double_blocks.", "joint_blocks.", "transformer_blocks.", "single_transformer_blocks.", "down_blocks.",
			"control_model.", "lora_unet_", "lora_te", "lora_transformer_", "unet.…lora", "transformer.…lora", "text_encoder.…lora",
		},
	},
	{
		Name: "setfit", Title: "a SetFit model", Package: "setfit", format: torchFormat,
		files: []string{"config_setfit.json"}, library: []string{"setfit"},
	},
	{
		Name: "sentence-transformers", Title: "a sentence-transformers model", Family: transformers, Needs: Needs{Packages: []string{"sentence-transformers"}}, format: torchFormat,
		files: []string{"config_sentence_transformers.json", "modules.json+config.json", "modules.json+sentence_bert_config.json"}, library: []string{"sentence-transformers"}, names: []string{"sentence-transformers"},
	},
	{
		Name: "adapters", Title: "an adapter of AdapterHub", Package: "adapters", format: torchFormat,
		files: []string{"adapter_config.json+pytorch_adapter.bin", "adapter_config.json+adapter.safetensors"}, library: []string{"adapters", "adapter-transformers"},
	},
	{
		Name: kindPeft, Title: "a peft adapter", Family: transformers, format: torchFormat,
		files: []string{adapterFile}, library: []string{"peft"}, tensors: []string{"base_model.model.…lora"},
	},
	{
		Name: "timm", Title: "a timm model", Family: transformers, Needs: Needs{Packages: []string{"timm"}}, format: torchFormat,
		fields: []string{"architecture+pretrained_cfg"}, library: []string{"timm"}, names: []string{"timm"},
	},
	{
		Name: kindMLX, Title: "an MLX model", Family: "mlx", format: torchFormat,
		library: []string{"mlx", "mlx-lm", "mlx-vlm"}, names: []string{"mlx"},
	},
	{
		Name: kindTransformers, Title: "a transformers model", Family: transformers, format: torchFormat,
		library: []string{"transformers"},
	},

	// Kinds that no family serves.
	{
		Name: kindDiffusionGGUF, Title: "an image or video model in GGUF, which llama.cpp does not load",
		arch: []string{"flux", "sd1", "sd2", "sdxl", "sd3", "aura", "chroma", "cosmos", "hidream", "hunyuan_video", "hyvid", "ltxv", "lumina2", "pig", "qwen_image", "wan", "z_image"},
	},
	{Name: kindLLaVA, Title: "a model in the layout of LLaVA's own code"},
	{Name: kindGGML, Title: "a ggml file, the format of whisper.cpp", Package: "pywhispercpp", files: []string{"ggml-*.bin"}},
	{Name: "spacy", Title: "a spaCy pipeline", Package: "spacy", files: []string{"config.cfg+meta.json", "*-any.whl+meta.json"}, library: []string{"spacy"}},
	{Name: "keras", Title: "a Keras model", Package: "keras", files: []string{"*.keras", "metadata.json+*.weights.h5"}, fields: []string{"registered_name+module"}, library: []string{"keras", "tf-keras", "keras-hub"}},
	{Name: "coqui", Title: "a Coqui TTS model", Package: "coqui-tts", files: []string{"speakers_xtts.pth"}, fields: []string{"model=xtts", "run_description+model"}, library: []string{"coqui"}},
	{Name: "gliner", Title: "a GLiNER model", Package: "gliner", files: []string{"gliner_config.json"}, library: []string{"gliner"}},
	{Name: "mlc-llm", Title: "an MLC LLM model", files: []string{"mlc-chat-config.json"}, library: []string{"mlc-llm"}},
	{Name: "ultralytics", Title: "an ultralytics model", Package: "ultralytics", files: []string{"yolo*.pt"}, library: []string{"ultralytics"}},
	{Name: "kokoro", Title: "a Kokoro model", Package: "kokoro", fields: []string{"istftnet+plbert"}, library: []string{"kokoro"}},
	{Name: "model2vec", Title: "a model2vec model", Package: "model2vec", fields: []string{"model_type=model2vec"}, library: []string{"model2vec"}},
	{Name: "bertopic", Title: "a BERTopic model", Package: "bertopic", files: []string{"topic_embeddings.*"}, library: []string{"bertopic"}},
	{Name: "stable-baselines3", Title: "a Stable-Baselines3 agent", Package: "stable-baselines3", files: []string{"_stable_baselines3_version"}, fields: []string{"policy_class+num_timesteps"}, library: []string{"stable-baselines3"}},
	{Name: "pyannote", Title: "a pyannote pipeline", Package: "pyannote.audio", library: []string{"pyannote-audio", "pyannote", "pyannote.audio"}},
	{Name: "fastai", Title: "a fastai learner", Package: "fastai", library: []string{"fastai"}},
	{Name: "flair", Title: "a Flair model", Package: "flair", library: []string{"flair"}},
	{Name: "stanza", Title: "a Stanza model", Package: "stanza", library: []string{"stanza"}},
	{Name: "espnet", Title: "an ESPnet model", library: []string{"espnet"}},   // its package needs one that is only in git
	{Name: "fairseq", Title: "a fairseq model", library: []string{"fairseq"}}, // its package has no wheels

	// Kinds that no family serves, and whose files are often beside those of another kind.
	{Name: "nemo", Title: "a NeMo model", Package: "nemo-toolkit", also: true, files: []string{"*.nemo"}, library: []string{"nemo"}},
	{Name: "speechbrain", Title: "a SpeechBrain model", Package: "speechbrain", also: true, files: []string{"hyperparams.yaml+*.ckpt"}, fields: []string{"speechbrain_interface"}, library: []string{"speechbrain"}},
	{Name: "open_clip", Title: "an OpenCLIP model", Package: "open-clip-torch", also: true, files: []string{"open_clip_config.json"}, library: []string{"open_clip"}},
	{Name: "mistral", Title: "a model in Mistral's own format", Package: "mistral-inference", also: true, files: []string{"consolidated*.safetensors+params.json"}, library: []string{"mistral-common", "mistral-inference"}},
	{Name: "llama", Title: "a Llama model in Meta's own format", also: true, files: []string{"consolidated.*.pth+params.json"}},
	{Name: "tensorrt-llm", Title: "a TensorRT-LLM engine", also: true, files: []string{"rank*.engine"}, fields: []string{"pretrained_config+build_config"}, library: []string{"tensorrt-llm", "tensorrt_llm"}}, // the package needs another index
	{Name: "tensorrt", Title: "a TensorRT engine", also: true, files: []string{"*.engine", "*.trt"}, library: []string{"tensorrt"}},
	{Name: "sklearn", Title: "a scikit-learn model", Package: "scikit-learn", also: true, files: []string{"*.skops", "*.joblib"}, fields: []string{"sklearn"}, library: []string{"sklearn", "scikit-learn"}},
	{Name: "xgboost", Title: "an XGBoost model", Package: "xgboost", also: true, files: []string{"*.ubj"}, library: []string{"xgboost"}},
	{Name: "catboost", Title: "a CatBoost model", Package: "catboost", also: true, files: []string{"*.cbm"}, library: []string{"catboost"}},
	{Name: "fasttext", Title: "a fastText model", Package: "fasttext-wheel", also: true, files: []string{"*.ftz"}, library: []string{"fasttext"}},
	{Name: "gensim", Title: "a Gensim model", Package: "gensim", also: true, files: []string{"*.vectors.npy"}, library: []string{"gensim"}},
	{Name: "vosk", Title: "a Vosk model", Package: "vosk", also: true, files: []string{"am/+graph/"}, library: []string{"vosk"}},
	{Name: "paddle", Title: "a PaddlePaddle model", Package: "paddlepaddle", also: true, files: []string{"*.pdmodel", "*.pdparams", "*.pdiparams"}, library: []string{"paddlenlp", "paddleocr", "paddlepaddle"}},
	{Name: "orbax", Title: "an Orbax checkpoint of JAX", Package: "orbax-checkpoint", also: true, files: []string{"_CHECKPOINT_METADATA"}},
	{Name: "ncnn", Title: "an ncnn model", Package: "ncnn", also: true, files: []string{"*.ncnn.param"}},
	{Name: "mnn", Title: "an MNN model", Package: "mnn", also: true, files: []string{"*.mnn"}, library: []string{"mnn"}},
	{Name: "rknn", Title: "a model for Rockchip's NPU", also: true, files: []string{"*.rknn", "*.rkllm"}},
	{Name: "coreml", Title: "a Core ML model", Package: "coremltools", also: true, files: []string{"*.mlmodel", "*.mlpackage/", "*.mlmodelc/"}, library: []string{"coreml"}},
	{Name: "executorch", Title: "an ExecuTorch program", Package: "executorch", also: true, files: []string{"*.pte"}, library: []string{"executorch"}},
	{Name: "tflite", Title: "a LiteRT model", Package: "ai-edge-litert", also: true, files: []string{"*.tflite"}, library: []string{"tflite", "litert"}},
	{Name: "flax", Title: "a Flax model", Package: "flax", also: true, files: []string{"flax_model*.msgpack"}, library: []string{"flax", "jax"}},
	{Name: "tensorflow", Title: "a TensorFlow model", Package: "tensorflow", also: true, files: []string{"saved_model.pb", "tf_model*.h5", "*.data-00000-of-00001"}, library: []string{"tensorflow", "tf"}},
	{Name: "rust", Title: "a rust-bert model", also: true, files: []string{"rust_model.ot"}},
}

// kindNamed returns a row of the table, which has this name.
func kindNamed(name string) *Kind {
	for i := range kinds {
		if kinds[i].Name == name {
			return &kinds[i]
		}
	}
	return nil
}

// kindOfLibrary returns the kind that a model card names, or nil.
func kindOfLibrary(library string) *Kind {
	for i := range kinds {
		for _, name := range kinds[i].library {
			if strings.EqualFold(name, library) {
				return &kinds[i]
			}
		}
	}
	return nil
}

// proof returns the first file of the listing that proves the kind, or "".
func (k *Kind) proof(l listing) string {
	for _, pattern := range k.files {
		first, second, two := strings.Cut(pattern, "+")
		name := l.first(first)
		if name != "" && (!two || l.first(second) != "") {
			return name
		}
	}
	return ""
}

// holds reports whether the name of a tensor proves the kind.
func (k *Kind) holds(tensor string) bool {
	for _, pattern := range k.tensors {
		begin, part, _ := strings.Cut(pattern, "…")
		if rest, ok := strings.CutPrefix(tensor, begin); ok && strings.Contains(rest, part) {
			return true
		}
	}
	return false
}

// builds reports whether a GGUF file of this architecture is of the kind.
func (k *Kind) builds(architecture string) bool { return slices.Contains(k.arch, architecture) }
