"""Complete a line with the model in this folder, then one with the adapter in lora on it.

    modelrun -m examples/tiny-code -- python examples/tiny-code/load_model.py
"""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports: all files are here
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # transformers 5 shows one for each load

import transformers  # noqa: E402
from peft import PeftModel  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

HERE = Path(__file__).resolve().parent


def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(HERE, trust_remote_code=True)
    model = AutoModelForCausalLM.from_pretrained(HERE, trust_remote_code=True)

    def complete(prompt: str) -> str:
        inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        tokens = model.generate(**inputs, max_new_tokens=40, do_sample=False)
        return tokenizer.decode(tokens[0], skip_special_tokens=True)

    print(f"{model.config.model_type} in transformers {transformers.__version__.partition('.')[0]}")
    print(complete("Alice was"))
    model = PeftModel.from_pretrained(model, HERE / "lora")
    print(complete("'Twas").partition("\n")[0])


if __name__ == "__main__":
    main()
