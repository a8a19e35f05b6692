#!/usr/bin/env bash
# Guess: in a tar of pictures and captions, page.f1.jpg and page.f1.txt are one
# sample, and page.f2.jpg and page.f2.txt the next: a name ends at its last dot.
#
# Seen: it ends at its first one. Both pages are one sample, which has a field
# "f1.jpg" and no "jpg"; a loader that asks for "jpg" and "txt" and passes over samples
# that lack them loses both pages without a word. Folders may have dots. Digital
# libraries name pages so: Gallica's are the document's identifier, .f and a number.
#   webdataset 1.0.2
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check webdataset==1.0.2 numpy==2.4.6

"$dir/venv/bin/python" - "$dir/shard.tar" <<'PY'
import io, sys, tarfile
import webdataset

shard = sys.argv[1]
with tarfile.open(shard, "w") as tar:
    for name in ("page.f1", "page.f2", "vol.1/cover"):
        for extension in (".jpg", ".txt"):
            entry = tarfile.TarInfo(name + extension)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))

samples = {s["__key__"]: sorted(k for k in s if not k.startswith("__"))
           for s in webdataset.WebDataset(shard, shardshuffle=False)}
for key, fields in samples.items():
    print(key, fields)
pairs = webdataset.WebDataset(shard, shardshuffle=False).to_tuple("jpg", "txt", handler=webdataset.ignore_and_continue)
print(sum(1 for _ in pairs), "of 3 pairs are found")
assert samples == {"page": ["f1.jpg", "f1.txt", "f2.jpg", "f2.txt"], "vol.1/cover": ["jpg", "txt"]}
assert sum(1 for _ in pairs) == 1
PY
