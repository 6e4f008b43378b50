"""Make the model in this folder and the adapter in lora. The model's code works with transformers 4 only.

    modelrun --with 'transformers<5' --family transformers -- python examples/tiny-code/make_model.py

It takes half a minute on one core. The text, the tokenizer and the training are those of ../tiny-llm. The
adapter's are those of ../tiny-lora.
"""

import runpy
import sys
from pathlib import Path

import torch
from transformers import GenerationConfig

HERE = Path(__file__).resolve().parent
LLM = runpy.run_path(str(HERE.parent / "tiny-llm" / "make_model.py"))
LORA = runpy.run_path(str(HERE.parent / "tiny-lora" / "make_model.py"))
sys.path.insert(0, str(HERE))

from modeling_tiny_code import TinyCodeConfig, TinyCodeForCausalLM  # noqa: E402


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tokenizer = LLM["make_tokenizer"]()
    model = TinyCodeForCausalLM(TinyCodeConfig(vocab_size=LLM["VOCAB"], bos_token_id=None, eos_token_id=0, pad_token_id=0))
    LLM["train"](model, torch.tensor(tokenizer.encode(LLM["TEXT"]).ids))
    model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=0, use_cache=False)
    model.config.auto_map = {
        "AutoConfig": "modeling_tiny_code.TinyCodeConfig",
        "AutoModelForCausalLM": "modeling_tiny_code.TinyCodeForCausalLM",
    }
    model.save_pretrained(HERE)
    (HERE / "model.safetensors").chmod(0o644)  # safetensors writes 0600
    LLM["write_tokenizer"](HERE, tokenizer, model.config.window)
    LORA["make_adapter"](HERE / "lora", "..", trust_remote_code=True)


if __name__ == "__main__":
    main()
