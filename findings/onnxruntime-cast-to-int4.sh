#!/usr/bin/env bash
# Guess: ONNX's Cast of floats to whole numbers cuts off what is behind the point, whatever
# their width: to INT4 it does what it does to INT8 while the numbers fit.
#
# Seen, onnxruntime 1.32.0: to INT8 and INT32 it cuts off, to INT4 and UINT4 it rounds,
# halves away from zero. 7.5, which cut off is 7, the largest there is, becomes -8. onnx's
# own evaluator cuts off in all four.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import numpy as np, onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

def cast(values, to):
    x = np.array(values, "f4")
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["whole"], to=getattr(TensorProto, to)),
         helper.make_node("Cast", ["whole"], ["y"], to=TensorProto.FLOAT)], "g",
        [tensor("x", TensorProto.FLOAT, x.shape)], [tensor("y", TensorProto.FLOAT, x.shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return [runner.run(None, {"x": x})[0].astype(int).tolist() for runner in (session, ReferenceEvaluator(model))]

print("onnxruntime", onnxruntime.__version__)
given = [.6, 1.5, 2.5, 6.5, 7.4, 7.5]
for to, lowest in (("INT8", -128), ("INT32", -2**31), ("INT4", -8), ("UINT4", 0)):
    values = given + ([] if lowest == 0 else [-.6, -2.5, -7.6])
    runtime, reference = cast(values, to)
    print(f"{values} to {to}: {runtime}; by onnx {reference}")
    cut = [int(value) for value in values]
    assert reference == cut
    if "4" in to:
        assert runtime == [1, 2, 3, 7, 7, -8 if lowest else 8] + ([-1, -3, -8] if lowest else [])
    else:
        assert runtime == cut
PY
