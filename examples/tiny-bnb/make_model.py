"""Make the model in this folder: the one of ../tiny-llm with weights of 4 bits, by bitsandbytes.

    modelrun -e torch-cpu-transformers-bnb -- python examples/tiny-bnb/make_model.py
"""

import json
import shutil
from pathlib import Path

from transformers import AutoModelForCausalLM, BitsAndBytesConfig

HERE = Path(__file__).resolve().parent
BASE = HERE.parent / "tiny-llm"


def main() -> None:
    model = AutoModelForCausalLM.from_pretrained(
        BASE, quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    )
    model.save_pretrained(HERE)
    (HERE / "model.safetensors").chmod(0o644)  # safetensors writes 0600
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(BASE / name, HERE / name)
    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    print(json.dumps(config["quantization_config"], indent=2))


if __name__ == "__main__":
    main()
