#!/usr/bin/env bash
# Guess: where a model's folder has both files, the image settings come from
# preprocessor_config.json, the file that every image processor has had, and
# processor_config.json only names the processor.
#
# Seen, transformers 5.24.0: an "image_processor" inside processor_config.json
# wins, all of it and without a word; preprocessor_config.json is read only
# where that key is missing. A model whose older file alone was edited (a larger
# crop, another mean) still runs as before, and a reader that knows only the
# older file prepares other pixels than transformers does.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  transformers==5.24.0 pillow==13.0.0 numpy==2.4.6

HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$dir/venv/bin/python" - "$dir" <<'PY'
import json, pathlib, sys
import transformers
from transformers import AutoImageProcessor

print("transformers", transformers.__version__)
folder = pathlib.Path(sys.argv[1], "model")
folder.mkdir()

def settings(size, **more):
    return {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": size},
            "crop_size": {"height": size, "width": size}, **more}

def loaded(nested):
    (folder / "preprocessor_config.json").write_text(
        json.dumps(settings(336, image_mean=[0.5, 0.5, 0.5])))
    (folder / "processor_config.json").write_text(json.dumps(
        {"processor_class": "CLIPProcessor", **nested}))
    processor = AutoImageProcessor.from_pretrained(folder)
    return processor.size["shortest_edge"], processor.crop_size["height"], processor.image_mean[0]

both = loaded({"image_processor": settings(224)})
alone = loaded({})
print("edge, crop, mean with image settings in both files:", both)
print("edge, crop, mean with them in preprocessor_config.json only:", alone)
assert both[:2] == (224, 224) and both[2] != 0.5  # not even the mean is taken over
assert alone == (336, 336, 0.5)
PY
