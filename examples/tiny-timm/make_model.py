"""Make the model in this folder: a vision transformer of timm with one layer that knows four colours.

    modelrun --family transformers5 --with timm -- python examples/tiny-timm/make_model.py

It takes some seconds on one core.
"""

from pathlib import Path

import timm
import torch
from timm.models import save_for_hf

HERE = Path(__file__).resolve().parent
COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1)}
SIZE = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2, "num_classes": len(COLOURS)}
STEPS = 60


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = timm.create_model("vit_tiny_patch16_224", **SIZE)
    pictures = torch.tensor(list(COLOURS.values())).float()[:, :, None, None].expand(-1, -1, 32, 32) * 2 - 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(STEPS):
        noisy = pictures + 0.3 * torch.randn_like(pictures)
        loss = torch.nn.functional.cross_entropy(model(noisy), torch.arange(len(COLOURS)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.3f}")
    save_for_hf(model, HERE, model_config={"label_names": list(COLOURS)}, model_args=SIZE, safe_serialization=True)
    (HERE / "model.safetensors").chmod(0o644)  # safetensors writes 0600


if __name__ == "__main__":
    main()
