"""Start two models, each in an env of its own, from a program that runs in an env itself.

    modelrun -C examples/two-models -- python start.py

modelrun must be on PATH (go install ./cmd/modelrun), or be named: MODELRUN_PROGRAM=/path/to/modelrun.
"""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent
MODELRUN = os.environ.get("MODELRUN_PROGRAM", "modelrun")


def env_of_worker(number: int) -> str:
    import onnxruntime  # it is there: a worker has the python of the env

    return f"worker {number}: {os.environ['MODELRUN_ACTIVE_KEY']}, onnxruntime {onnxruntime.__version__}, prefix {sys.prefix}"


def main() -> None:
    print("this program:", os.environ["MODELRUN_ACTIVE_KEY"], flush=True)

    # Spawned workers are new processes of the same python.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for line in pool.map(env_of_worker, range(2)):
            print(line)

    # Another model is started as from a prompt: nothing of this env is handed on.
    show = "import os, sys; sys.argv.pop(0); print(os.environ['MODELRUN_ACTIVE_KEY'], end=': ', flush=True); exec(open('load_model.py').read())"
    running = {
        name: subprocess.Popen([MODELRUN, "-C", EXAMPLES / name, "--", "python", "load_model.py"], stdout=subprocess.PIPE, text=True)
        for name in ("tiny-llm", "tiny-onnx")
    }
    for name, process in running.items():
        answer, _ = process.communicate()
        if process.returncode:
            sys.exit(f"{name} failed with {process.returncode}")
        print(f"{name}: {answer.strip()}")


if __name__ == "__main__":
    main()
