"""Run the model in this folder on all pairs of bits and print the answers.

    modelrun -C examples/tiny-onnx -- python load_model.py
"""

from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
BITS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)


def main() -> None:
    # Best first. TensorRT is named by every GPU build, but its libraries are seldom there.
    providers = [p for p in onnxruntime.get_available_providers() if p != "TensorrtExecutionProvider"]
    session = onnxruntime.InferenceSession(str(HERE / "model.onnx"), providers=providers)
    (answers,) = session.run(["xor"], {"bits": BITS})
    print("xor:", " ".join(f"{int(a)}^{int(b)}={int(x)}" for (a, b), x in zip(BITS, answers[:, 0])))


if __name__ == "__main__":
    main()
