#!/usr/bin/env bash
# Guess: an array saved by safetensors.numpy comes back with its values, however it lies in
# memory, or is refused, as safetensors.torch refuses what is not contiguous.
#
# Seen, safetensors 0.8.0: a transposed array is saved in the order of its memory with the
# shape of the transposed one. A square matrix, such as the projection that CLIP's own code
# multiplies from the right and a linear layer from the left, comes back not transposed,
# and nothing is said. The docstring asks for contiguous arrays; numpy.save takes any.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import io
import numpy as np
from safetensors.numpy import load, save

def by_safetensors(array):
    return load(save({"a": array}))["a"]

def by_numpy(array):
    file = io.BytesIO()
    np.save(file, array)
    file.seek(0)
    return np.load(file)

square = np.arange(9, dtype="f4").reshape(3, 3)
wide = np.arange(6, dtype="f4").reshape(2, 3)
print("saved", square.T.tolist(), "loaded", by_safetensors(square.T).tolist())
print("saved", wide.T.tolist(), "loaded", by_safetensors(wide.T).tolist())
assert (by_safetensors(square.T) == square).all()
assert (by_safetensors(wide.T) == wide.reshape(3, 2)).all()
for array in square.T, wide.T:
    assert (by_numpy(array) == array).all()
    assert (by_safetensors(np.ascontiguousarray(array)) == array).all()
PY
