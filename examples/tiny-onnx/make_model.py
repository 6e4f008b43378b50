"""Make model.onnx: a network of two layers that computes "exclusive or".

    python make_model.py        # needs onnx and numpy

The weights are set by hand, nothing is trained, so the file is the same wherever it is made:
relu(a + b) counts the ones, relu(a + b - 1) is 1 only for two of them, and xor is the first
less twice the second.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

HERE = Path(__file__).resolve().parent

WEIGHTS = {
    "w1": np.array([[1, 1], [1, 1]], dtype=np.float32),
    "b1": np.array([0, -1], dtype=np.float32),
    "w2": np.array([[1], [-2]], dtype=np.float32),
}


def main() -> None:
    graph = helper.make_graph(
        nodes=[
            helper.make_node("MatMul", ["bits", "w1"], ["sums"]),
            helper.make_node("Add", ["sums", "b1"], ["shifted"]),
            helper.make_node("Relu", ["shifted"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "w2"], ["xor"]),
        ],
        name="xor",
        inputs=[helper.make_tensor_value_info("bits", TensorProto.FLOAT, ["rows", 2])],
        outputs=[helper.make_tensor_value_info("xor", TensorProto.FLOAT, ["rows", 1])],
        initializer=[numpy_helper.from_array(w, name) for name, w in WEIGHTS.items()],
    )
    # Opset 13 and IR 8 (2021): any onnxruntime that a profile may pin can read them.
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
        producer_name="make_model.py",
    )
    checker.check_model(model)
    save(model, HERE / "model.onnx")


if __name__ == "__main__":
    main()
