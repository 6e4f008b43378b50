"""Make the adapter in this folder: what ../tiny-llm lacks to know a stanza of Jabberwocky.

    modelrun -m examples/tiny-llm -- python examples/tiny-lora/make_model.py

It takes some seconds. The base model stays as it is; only the adapter's 17,000 weights are trained.
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).resolve().parent
BASE = "../tiny-llm"  # from here; modelrun looks there, too
STEPS = 300

# Lewis Carroll, Through the Looking-Glass, 1871: public domain.
TEXT = """\
'Twas brillig, and the slithy toves
Did gyre and gimble in the wabe;
All mimsy were the borogoves,
And the mome raths outgrabe.
"""


def make_adapter(folder: Path, base: str, **how: bool) -> None:
    """Train an adapter on the model in base, a path from folder, and write it to folder."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder / base, **how)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder / base, **how),
        LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    batch = tokenizer(TEXT, return_tensors="pt", return_token_type_ids=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    model.train()
    for step in range(STEPS):
        loss = model(**batch, labels=batch["input_ids"]).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0 or step == STEPS - 1:
            print(f"step {step:4d}  loss {loss.item():.3f}")

    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else None
    model.save_pretrained(folder)
    (folder / "adapter_model.safetensors").chmod(0o644)  # safetensors writes 0600
    readme.unlink(missing_ok=True)  # peft writes a form to fill in
    if text is not None:
        readme.write_text(text, encoding="utf-8")
    # peft writes the base's name as it was loaded, an absolute path.
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8")) | {"base_model_name_or_path": base}
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make_adapter(HERE, BASE)
