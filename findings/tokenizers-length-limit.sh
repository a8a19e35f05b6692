#!/usr/bin/env bash
# Guess: a limit set with enable_truncation is kept whatever else is set: a
# limit with no room for text gives an error, an empty answer or special tokens
# only, and padding ends at the limit.
#
# Seen, tokenizers 0.22.2 (with CLIP's template of two special tokens): a limit
# of 2 gives the two special tokens, but a limit of 1 is dropped without a word
# and all of the text comes out; and a limit of 77 with pad_to_multiple_of=8
# gives 80, also where the padding was fixed at 77: three positions more than
# CLIP's text encoder has.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.22.2

"$dir/venv/bin/python" - <<'PY'
import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

START, END = "<|startoftext|>", "<|endoftext|>"
words = {START: 0, END: 1, "[PAD]": 2, "a": 3, "cat": 4}

def count(text, limit, **padding):
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 0), (END, 1)])
    tokenizer.enable_truncation(limit)
    if padding:
        tokenizer.enable_padding(pad_id=2, **padding)
    return len(tokenizer.encode(text).ids)

long = "a cat " * 100
print("tokenizers", tokenizers.__version__)
seen = {limit: count(long, limit) for limit in (77, 3, 2, 1)}
print("tokens of a text of 200 words by limit:", seen)
assert seen == {77: 77, 3: 3, 2: 2, 1: 202}, seen

padded = {"longest": count(long, 77, pad_to_multiple_of=8),
          "fixed at 77": count("a cat", 77, length=77, pad_to_multiple_of=8)}
print("limit 77, padded to a multiple of 8:", padded)
assert set(padded.values()) == {80}, padded
PY
