#!/usr/bin/env bash
# Guess: text_to_edtf makes an EDTF date of what a catalogue says, or None where it does
# not understand it.
#
# Seen, edtf 5.0.2: "not before 1900" gives "/1900", as "before 1900" does, and "not after"
# what "after" gives. "18--", by cataloguing rules a century, is the 18th day of an unknown
# month, "189-", a decade, the year 189; a number of prints before a year is its month, and
# of "500 BC" and "500 B.C." only the first is before Christ. "ca. 1890" is understood, in
# brackets it is not.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check edtf==5.0.2

"$dir/venv/bin/python" - <<'PY'
from edtf import text_to_edtf

expected = {
    "before 1900": "/1900", "not before 1900": "/1900",
    "after 1900": "1900/", "not after 1900": "1900/",
    "1890s": "189X", "189-": "0189",
    "19th century": "18XX", "18--": "XXXX-XX-18",
    "1890": "1890", "12 views, 1890": "1890-12",
    "500 BC": "-0500", "500 B.C.": "0500",
    "ca. 1890": "1890~", "[ca. 1890]": None,
}
for text, date in expected.items():
    print(f"{text!r}: {text_to_edtf(text)}")
assert {text: text_to_edtf(text) for text in expected} == expected
PY
