"""Make the model in this folder: the one of ../tiny-llm with weights of 8 bits, by compressed-tensors.

    modelrun --family transformers5 --with compressed-tensors -- python examples/tiny-compressed/make_model.py
"""

import json
import shutil
from pathlib import Path

import torch
from compressed_tensors.compressors import ModelCompressor
from compressed_tensors.quantization import (
    QuantizationArgs,
    QuantizationConfig,
    QuantizationScheme,
    QuantizationStatus,
    apply_quantization_config,
)
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
BASE = HERE.parent / "tiny-llm"


def main() -> None:
    model = AutoModelForCausalLM.from_pretrained(BASE)
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(num_bits=8, strategy="channel", symmetric=True))
    apply_quantization_config(
        model,
        QuantizationConfig(
            config_groups={"group_0": scheme},
            ignore=["lm_head"],
            format="pack-quantized",
            quantization_status=QuantizationStatus.FROZEN,
        ),
    )
    for module in model.modules():
        if hasattr(module, "weight_scale"):  # one for each row: its largest weight becomes 127
            module.weight_scale.data = module.weight.detach().abs().amax(dim=1, keepdim=True) / 127
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(HERE)
    compressor.update_config(HERE)
    (HERE / "model.safetensors").chmod(0o644)  # safetensors writes 0600
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(BASE / name, HERE / name)
    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    print(json.dumps(config["quantization_config"], indent=2))


if __name__ == "__main__":
    main()
