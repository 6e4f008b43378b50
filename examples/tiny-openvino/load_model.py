"""Run the model in this folder on all pairs of bits and print the answers.

    modelrun -C examples/tiny-openvino -- python load_model.py
"""

from pathlib import Path

import numpy as np
import openvino as ov

HERE = Path(__file__).resolve().parent
BITS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)


def main() -> None:
    model = ov.Core().compile_model(HERE / "openvino_model.xml")  # on the best device: AUTO
    answers = model(BITS)["xor"]
    print("xor:", " ".join(f"{int(a)}^{int(b)}={int(x)}" for (a, b), x in zip(BITS, answers[:, 0])))


if __name__ == "__main__":
    main()
