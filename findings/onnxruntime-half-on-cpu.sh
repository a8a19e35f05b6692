#!/usr/bin/env bash
# Guess: in a graph whose values are all half floats every result is rounded to a half, so
# that a CPU shows whether a model overflows, and an output computed from another fits it.
#
# Seen, onnxruntime 1.32.0 on x86-64: a sum of squares, 160 000 and too large for a half, is
# infinity, and its root, the next step, 400. Halves are turned into floats, and where two
# such steps follow each other the half between them is left out, also with ORT_DISABLE_ALL.
# So .5 added to 2048 and 2048 taken away is .5; onnx's own evaluator has 0, and infinity
# for the root.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import warnings
import numpy as np, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

warnings.simplefilter("ignore")  # numpy's of the overflow
HALF = TensorProto.FLOAT16

def answers(nodes, x):
    """The result of both steps by onnxruntime without and with optimising, and by onnx."""
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", HALF, x.shape)],
        [helper.make_tensor_value_info(name, HALF, None) for name in ("first", "second")],
        [numpy_helper.from_array(np.array([2048], "f2"), "c")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    got = []
    for level in "ORT_DISABLE_ALL", "ORT_ENABLE_ALL":
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        got.append(onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x}))
    got.append(ReferenceEvaluator(model).run(None, {"x": x}))
    return [tuple(float(value.ravel()[0]) for value in pair) for pair in got]

node = helper.make_node
length = answers([node("ReduceSumSquare", ["x"], ["first"], keepdims=1), node("Sqrt", ["first"], ["second"])],
                 np.full((1, 4), 200, "f2"))
there_and_back = answers([node("Add", ["x", "c"], ["first"]), node("Sub", ["first", "c"], ["second"])],
                         np.array([.5], "f2"))
for what, (plain, optimised, reference) in (("sum of squares and root", length), (".5 + 2048 and - 2048", there_and_back)):
    print(f"{what}: onnxruntime {onnxruntime.__version__} {plain}, optimised {optimised}, onnx {reference}")
inf = float("inf")
assert length == [(inf, 400), (inf, 400), (inf, inf)]
assert there_and_back == [(2048, .5), (2048, .5), (2048, 0)]
PY
