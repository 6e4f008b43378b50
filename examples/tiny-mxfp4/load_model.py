"""Complete a sentence with the model in this folder, whose experts have weights of 4 bits.

    modelrun -C examples/tiny-mxfp4 -- python load_model.py
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the import: everything that is needed lies here
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # transformers 5 shows one for each load

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

HERE = Path(__file__).resolve().parent


def main() -> None:
    prompt = sys.argv[1] if len(sys.argv) > 1 else "Alice was"
    tokenizer = AutoTokenizer.from_pretrained(HERE)
    model = AutoModelForCausalLM.from_pretrained(HERE)
    inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False).to(model.device)
    tokens = model.generate(**inputs, max_new_tokens=40, do_sample=False)
    print(f"{model.config.model_type}, {model.dtype}:", tokenizer.decode(tokens[0], skip_special_tokens=True))


if __name__ == "__main__":
    main()
