"""Make the pipeline in this folder: a DDPM that draws pictures of 8 by 8 points, with random weights.

    modelrun --family diffusers -- python examples/tiny-diffusers/make_model.py
"""

from pathlib import Path

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

HERE = Path(__file__).resolve().parent


def main() -> None:
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        norm_num_groups=4,
    )
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(HERE)
    (HERE / "unet" / "diffusion_pytorch_model.safetensors").chmod(0o644)  # safetensors writes 0600


if __name__ == "__main__":
    main()
