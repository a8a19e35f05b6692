#!/usr/bin/env bash
# Guess: an index that stores 8-bit floats (E4M3: 4 bits of exponent, 3 of mantissa) rounds
# each number to the nearest there is, so the larger of two stays the larger; below 1/64,
# where all steps are 1/512, the error is at most half a step.
#
# Seen, voyager 2.2.3: .0075 is stored as .0156, twice as much, and the larger .008 as
# .0068. All between 1/128 and 1/64 goes to one of these two. A quarter of the components
# of a unit vector of 512 are below 1/64; such vectors are stored with more than twice the
# error that ml_dtypes 0.6.0 makes with the same format.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  voyager==2.2.3 ml_dtypes==0.6.0 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import ml_dtypes, numpy as np, voyager

def stored(vectors):
    index = voyager.Index(voyager.Space.InnerProduct, vectors.shape[1],
                          storage_data_type=voyager.StorageDataType.E4M3)
    index.add_items(vectors, num_threads=1)
    return index.get_vectors(np.arange(len(vectors)))

def nearest(vectors):
    return vectors.astype(ml_dtypes.float8_e4m3fn).astype("f4")

few = np.array([[.005, .0075, .008, .0097, .013, .0157, .02]], "f4")
for name, row in ("given", few), ("voyager", stored(few)), ("ml_dtypes", nearest(few)):
    print(f"{name:9}", *(f"{number:.4f}" for number in row[0]))
assert stored(few)[0, 1] == 1 / 64 and stored(few)[0, 2] == 3.5 / 512
middle = np.linspace(1 / 128, 1 / 64, 1000, dtype="f4")[None]
assert set((stored(middle)[0] * 512).tolist()) == {3.5, 8}
assert (np.abs(nearest(few) - few)[few < 1 / 64] <= 1 / 1024).all()

unit = np.random.default_rng(0).standard_normal((200, 512), dtype="f4")
unit /= np.linalg.norm(unit, axis=1, keepdims=True)

def error(kept):
    return float(np.mean(1 - np.sum(kept * unit, axis=1) / np.linalg.norm(kept, axis=1)))

print(f"mean cosine distance of unit vectors from what is kept: voyager {error(stored(unit)):.5f}, "
      f"ml_dtypes {error(nearest(unit)):.5f}")
assert error(stored(unit)) > 2 * error(nearest(unit))
larger = stored(np.linspace(1 / 64, 1, 2000, dtype="f4")[None])
assert (np.diff(larger) >= 0).all()  # from 1/64 on all is in order
PY
