#!/usr/bin/env bash
# Guess: a model quantised by onnxruntime's quantize_dynamic is coarser than the
# float one, but still a function of its input: a row of a batch comes out as it
# does alone.
#
# Seen, onnxruntime 1.32.0: the scale of the inputs is taken over the whole
# batch. Beside a plain row the same row moves about as far as quantising moved
# it in the first place; beside a row with one component of 100 (as layers of
# transformers have), more than ten times as far: 0.007 of cosine distance. The
# float model answers the same in all three.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

"$dir/venv/bin/python" - "$dir" <<'PY'
import logging, sys
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

logging.disable()  # its advice on preparing models
rng = np.random.default_rng(0)
weights = rng.standard_normal((768, 512), dtype="f4")
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 768])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 512])],
    [numpy_helper.from_array(weights, "w")])
plain, small = sys.argv[1] + "/float.onnx", sys.argv[1] + "/int8.onnx"
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), plain)
quantize_dynamic(plain, small, weight_type=QuantType.QUInt8)

row, mate = rng.standard_normal((2, 768), dtype="f4")
spiked = mate.copy()
spiked[7] = 100
batches = {"alone": row[None], "beside a plain row": np.stack([row, mate]),
           "beside a spiked row": np.stack([row, spiked])}

def first(path):
    session = onnxruntime.InferenceSession(path)
    return [session.run(None, {"x": batch})[0][0].astype("f8") for batch in batches.values()]

def apart(a, b):
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)

exact, coarse = first(plain), first(small)
print("onnxruntime", onnxruntime.__version__)
print(f"int8 alone against float: {apart(coarse[0], exact[0]):.1e}")
for name, answer, other in list(zip(batches, coarse, exact))[1:]:
    print(f"int8 {name} against int8 alone: {apart(answer, coarse[0]):.1e}")
    assert apart(other, exact[0]) < 1e-9, "the float model differs by batch"
assert 0 < apart(coarse[1], coarse[0]) < 1e-3
assert apart(coarse[2], coarse[0]) > 10 * apart(coarse[0], exact[0])
PY
