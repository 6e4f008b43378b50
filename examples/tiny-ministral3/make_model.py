"""Make the model in this folder and the adapter in lora. Only transformers 5 knows the type ministral3.

    modelrun --family transformers5 -- python examples/tiny-ministral3/make_model.py

It takes half a minute on one core. The text, the tokenizer and the training are those of ../tiny-llm. The
adapter's are those of ../tiny-lora.
"""

import runpy
from pathlib import Path

import torch
from transformers import GenerationConfig, Ministral3Config, Ministral3ForCausalLM

HERE = Path(__file__).resolve().parent
LLM = runpy.run_path(str(HERE.parent / "tiny-llm" / "make_model.py"))
LORA = runpy.run_path(str(HERE.parent / "tiny-lora" / "make_model.py"))

# The fields that all models of this type have, with values that change nothing.
ROPE = {
    "rope_type": "yarn", "factor": 1.0, "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
    "rope_theta": 10000.0, "llama_4_scaling_beta": 0.0, "original_max_position_embeddings": 256,
}


def make_model() -> Ministral3ForCausalLM:
    return Ministral3ForCausalLM(
        Ministral3Config(
            vocab_size=LLM["VOCAB"],
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            max_position_embeddings=256,
            rope_parameters=ROPE,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
        )
    )


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tokenizer = LLM["make_tokenizer"]()
    model = make_model()
    LLM["train"](model, torch.tensor(tokenizer.encode(LLM["TEXT"]).ids))
    model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=0)
    model.save_pretrained(HERE)  # as every model of this type is saved: transformers_version is 5
    (HERE / "model.safetensors").chmod(0o644)  # safetensors writes 0600
    LLM["write_tokenizer"](HERE, tokenizer, model.config.max_position_embeddings)
    LORA["make_adapter"](HERE / "lora", "..")


if __name__ == "__main__":
    main()
