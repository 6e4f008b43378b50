"""Draw a picture with the pipeline in this folder. Its weights are random, so it shows nothing.

    modelrun -C examples/tiny-diffusers -- python load_model.py
"""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the import: everything that is needed lies here

import torch  # noqa: E402
from diffusers import DiffusionPipeline  # noqa: E402

HERE = Path(__file__).resolve().parent


def main() -> None:
    pipeline = DiffusionPipeline.from_pretrained(HERE)
    pipeline.set_progress_bar_config(disable=True)
    (picture,) = pipeline(num_inference_steps=4, generator=torch.Generator().manual_seed(0)).images
    print(f"{type(pipeline).__name__}: a picture of {picture.width} by {picture.height} points in {picture.mode}")


if __name__ == "__main__":
    main()
