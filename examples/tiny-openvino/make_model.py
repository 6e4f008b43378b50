"""Make openvino_model.xml and openvino_model.bin: a network of two layers that computes "exclusive or".

    modelrun --family openvino -- python examples/tiny-openvino/make_model.py

The weights are those of ../tiny-onnx, set by hand.
"""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as op

HERE = Path(__file__).resolve().parent


def main() -> None:
    bits = op.parameter([-1, 2], np.float32, name="bits")
    sums = op.matmul(bits, op.constant(np.ones((2, 2), np.float32)), False, False)
    hidden = op.relu(op.add(sums, op.constant(np.array([0, -1], np.float32))))
    xor = op.matmul(hidden, op.constant(np.array([[1], [-2]], np.float32)), False, False)
    xor.output(0).set_names({"xor"})
    ov.save_model(ov.Model([xor], [bits], "xor"), HERE / "openvino_model.xml", compress_to_fp16=False)


if __name__ == "__main__":
    main()
