"""Make the model in this folder: a gpt-oss with 2 layers whose experts have weights of 4 bits (MXFP4).

    modelrun --family transformers5 -- python examples/tiny-mxfp4/make_model.py

It takes a minute on one core. The text, the tokenizer and the training are those of ../tiny-llm.
"""

import json
import runpy
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig, GptOssConfig, GptOssForCausalLM
from transformers.integrations.mxfp4 import FP4_VALUES

HERE = Path(__file__).resolve().parent
LLM = runpy.run_path(str(HERE.parent / "tiny-llm" / "make_model.py"))
BLOCK = 32  # weights with one scale


def make_model() -> GptOssForCausalLM:
    return GptOssForCausalLM(
        GptOssConfig(
            vocab_size=LLM["VOCAB"],
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            num_local_experts=4,
            num_experts_per_tok=2,
            max_position_embeddings=256,
            sliding_window=64,
            layer_types=["sliding_attention", "full_attention"],
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
        )
    )


def packed(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the blocks and scales of weights whose second dimension is that of the input."""
    rows = weights.transpose(1, 2).contiguous()
    rows = rows.reshape(*rows.shape[:-1], -1, BLOCK)
    # The largest weight of a block becomes 4 to 6, the largest number of 4 bits.
    scale = torch.ceil(torch.log2(rows.abs().amax(-1, keepdim=True).clamp(min=2**-60) / 6.0))
    values = torch.tensor(FP4_VALUES[:8])
    nearest = (rows.abs().mul(2**-scale).unsqueeze(-1) - values).abs().argmin(-1)
    code = (nearest + 8 * (rows < 0)).to(torch.uint8)  # 3 bits and a sign
    return code[..., 0::2] | code[..., 1::2] << 4, (scale.squeeze(-1) + 127).to(torch.uint8)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tokenizer = LLM["make_tokenizer"]()
    model = make_model()
    LLM["train"](model, torch.tensor(tokenizer.encode(LLM["TEXT"]).ids))
    model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=0)
    model.to(torch.bfloat16).save_pretrained(HERE)

    file = HERE / "model.safetensors"
    weights = load_file(file)
    for name in [n for n in weights if n.endswith(("experts.gate_up_proj", "experts.down_proj"))]:
        weights[name + "_blocks"], weights[name + "_scales"] = packed(weights.pop(name).float())
    save_file(weights, file, metadata={"format": "pt"})
    file.chmod(0o644)  # safetensors writes 0600

    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {
        "quant_method": "mxfp4",
        "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
    }
    LLM["write_json"](HERE / "config.json", config)
    LLM["write_tokenizer"](HERE, tokenizer, model.config.max_position_embeddings)


if __name__ == "__main__":
    main()
