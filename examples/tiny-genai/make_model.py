"""Make the model in this folder: the one of ../tiny-llm for onnxruntime-genai, with weights of 4 bits.

    modelrun --family transformers5 --with onnxruntime-genai --with onnx-ir --with onnx -- \
        python examples/tiny-genai/make_model.py

The package's own model builder does it.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BASE = HERE.parent / "tiny-llm"


def main() -> None:
    builder = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-p", "int4", "-e", "cpu"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*builder, "-i", str(BASE), "-o", folder], check=True)
        for name in ("genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(Path(folder) / name, HERE / name)


if __name__ == "__main__":
    main()
