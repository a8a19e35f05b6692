#!/usr/bin/env bash
# Guess: the second page of a nearest-neighbour search is LIMIT 5 OFFSET 5, and
# costs what LIMIT 10 does.
#
# Seen: with an OFFSET the LIMIT no longer reaches sqlite-vec, which refuses the
# query for want of one. The same with a condition that is more than a comparison
# of a column, such as year + 0 = 3, where year = 3 is served. A second page can be had
# by distance > that of the last row seen, and lacks rows that are as far as that one.
#   sqlite-vec 0.1.9, SQLite 3.54.1 by apsw 3.54.1.0
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check sqlite-vec==0.1.9 apsw==3.54.1.0

"$dir/venv/bin/python" - <<'PY'
import struct
import apsw, sqlite_vec

db = apsw.Connection(":memory:")
db.enable_load_extension(True)
db.load_extension(sqlite_vec.loadable_path())
db.execute("CREATE VIRTUAL TABLE v USING vec0(e float[1], year integer)")
for row in range(1, 21):  # in pairs at one distance
    db.execute("INSERT INTO v(rowid, e, year) VALUES (?, ?, ?)", (row, struct.pack("f", (row + 1) // 2), row % 5))

def found(rest):
    try:
        return [row for row, in db.execute(f"SELECT rowid FROM v WHERE e MATCH ? {rest}", (struct.pack("f", 0),))]
    except apsw.SQLError as error:
        assert "A LIMIT or 'k = ?' constraint is required" in str(error), error
        return "refused: " + str(error)

pages = {rest: found(rest) for rest in (
    "ORDER BY distance LIMIT 5",
    "ORDER BY distance LIMIT 5 OFFSET 5",
    "AND year = 3 ORDER BY distance LIMIT 3",
    "AND year + 0 = 3 ORDER BY distance LIMIT 3",
    "AND distance > 3 ORDER BY distance LIMIT 5")}
for rest, rows in pages.items():
    print(rest, "->", rows)
one, two, plain, computed, keyset = pages.values()
assert len(one) == 5 and len({5, 6} & set(one)) == 1 and plain == [3, 8, 13]
assert isinstance(two, str) and isinstance(computed, str)
assert {7, 8} < set(keyset)  # 5 and 6 are both at 3: one was shown, the other is on no page
PY
