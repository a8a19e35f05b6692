#!/usr/bin/env bash
# Guess: Resize with antialias=1 in an ONNX graph shrinks a picture as Pillow's
# resize does, up to rounding: the attribute came into opset 18 to match it.
#
# Seen, onnxruntime 1.32.0 against Pillow 13.0.0: inside they agree to 0.01 of
# a level, but the outermost rows and columns differ by 7 levels and more of 255,
# bicubic as bilinear. exclude_outside=1, which reads like a matter of cubic
# filters only, makes them agree everywhere: Pillow leaves the taps beyond the
# border out, Resize by itself repeats the border pixel for them.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  onnxruntime==1.32.0 onnx==1.23.2 pillow==13.0.0 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import numpy as np, onnx, onnxruntime, PIL
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

def resize(picture, mode, exclude):
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode=mode, antialias=1,
                            cubic_coeff_a=-0.5, exclude_outside=exclude)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array([1, 1, 224, 224]), "size")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": picture[None, None]})[0][0, 0]

print("onnxruntime", onnxruntime.__version__, "Pillow", PIL.__version__)
picture = np.random.default_rng(0).integers(0, 256, (301, 451)).astype("f4")
for mode, filter in ("cubic", Image.Resampling.BICUBIC), ("linear", Image.Resampling.BILINEAR):
    pillow = np.asarray(Image.fromarray(picture).resize((224, 224), filter))
    apart = {}
    for exclude in 0, 1:
        error = np.abs(resize(picture, mode, exclude) - pillow)
        apart[exclude] = float(error.max()), float(error[2:-2, 2:-2].max())
        print(f"{mode}, exclude_outside={exclude}: levels apart {apart[exclude][0]:.3f}, "
              f"inside {apart[exclude][1]:.3f}")
    assert apart[0][0] > 7 and apart[0][1] < 0.01 and apart[1][0] < 0.01
PY
