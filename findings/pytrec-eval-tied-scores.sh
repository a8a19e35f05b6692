#!/usr/bin/env bash
# Guess: retrieval measures rank results by their scores, as doubles, and of
# equal scores keep the order in which a run lists them.
#
# Seen: pytrec_eval, and ir_measures over it, rank by scores in single precision,
# and equal ones by name, last name first. A result that is found first of three
# with 1.00000001 against 1.0 counts as the third because it is called "a".
# Cosine similarities of equal or nearly equal pictures are such scores.
#   pytrec-eval-terrier 0.5.11, ir-measures 0.4.3
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  pytrec-eval-terrier==0.5.11 ir-measures==0.4.3 numpy==2.4.6

"$dir/venv/bin/python" - <<'PY'
import ir_measures, pytrec_eval

def first(scores, right):
    """Share of queries whose first result is right, by both libraries."""
    truth = {"query": {name: int(name == right) for name in scores}}
    run = {"query": scores}
    one = pytrec_eval.RelevanceEvaluator(truth, {"P_1"}).evaluate(run)["query"]["P_1"]
    two = ir_measures.calc_aggregate([ir_measures.P @ 1], truth, run)[ir_measures.P @ 1]
    assert one == two
    return one

near = {"a": 1.00000001, "b": 1.0, "c": 1.0}
far = {"a": 1.0000002, "b": 1.0, "c": 1.0}
equal = {"a": 1.0, "b": 1.0, "c": 1.0}
seen = {"a above by 1e-8": first(near, "a"), "a above by 2e-7": first(far, "a"),
        "equal, a listed first": first(equal, "a"), "equal, c listed last": first(equal, "c")}
for case, share in seen.items():
    print(f"{case}: P@1 of it is {share:.0f}")
assert list(seen.values()) == [0, 1, 0, 1]
PY
