"""Complete a line with the base model and the adapter in this folder on it.

    modelrun -C examples/tiny-lora -- python load_model.py
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports: everything that is needed lies here
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # transformers 5 shows one for each load

from peft import PeftConfig, PeftModel  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

HERE = Path(__file__).resolve().parent


def main() -> None:
    prompt = sys.argv[1] if len(sys.argv) > 1 else "'Twas"
    base = HERE / PeftConfig.from_pretrained(HERE).base_model_name_or_path
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), HERE)
    inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    tokens = model.generate(**inputs, max_new_tokens=120, do_sample=False, tokenizer=tokenizer, stop_strings="outgrabe.")
    print(tokenizer.decode(tokens[0], skip_special_tokens=True))


if __name__ == "__main__":
    main()
