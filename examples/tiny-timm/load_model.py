"""Name the colour of three pictures with the model in this folder.

    modelrun -C examples/tiny-timm -- python load_model.py
"""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the import: everything that is needed lies here

import timm  # noqa: E402
import torch  # noqa: E402

HERE = Path(__file__).resolve().parent
PICTURES = {"a brick": (0.8, 0.1, 0.1), "a meadow": (0.1, 0.7, 0.1), "the sky": (0.1, 0.2, 0.9)}


def main() -> None:
    model = timm.create_model(f"local-dir:{HERE}", pretrained=True).eval()
    size = model.pretrained_cfg["input_size"]
    rows = torch.tensor(list(PICTURES.values()))[:, :, None, None].expand(-1, *size) * 2 - 1
    with torch.inference_mode():
        best = model(rows).argmax(1)
    print("timm:", ", ".join(f"{name} is {model.pretrained_cfg['label_names'][i]}" for name, i in zip(PICTURES, best)))


if __name__ == "__main__":
    main()
