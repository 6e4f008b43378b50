"""Start two models, each in the env that it needs, from a program that runs in an env itself.

    modelrun -C examples/two-models -- python start.py

modelrun must be on PATH, or be named: MODELRUN_PROGRAM=/path/to/modelrun.
"""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent
MODELRUN = os.environ.get("MODELRUN_PROGRAM", "modelrun")
ASK = "import os, sys; print(os.environ['MODELRUN_ACTIVE_KEY'], sys.prefix)"


def worker(number: int) -> str:
    import onnxruntime  # a worker has what this program's env has

    return f"worker {number}: {sys.prefix}, onnxruntime {onnxruntime.__version__}"


def modelrun(model: str, *command: str) -> str:
    """What a command says that is started for another model, as from a prompt."""
    return subprocess.run(
        [MODELRUN, "-C", EXAMPLES / model, "--", *command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def main() -> None:
    print(f"this program: {os.environ['MODELRUN_ACTIVE_KEY']} {sys.prefix}")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for line in pool.map(worker, range(2)):
            print(line)
    for model in ("tiny-llm", "tiny-onnx"):
        print(f"{model}: {modelrun(model, 'python', '-c', ASK)}")
        print(f"{model}: {modelrun(model, 'python', 'load_model.py')}")


if __name__ == "__main__":
    main()
