//! CLIP's vocabulary as OpenAI published it, read into the tokenizer that later repositories ship as `tokenizer.json`.

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::{collections::HashMap, io::Read};

/// Merges that CLIP uses: its 49 408 ids less the bytes, each with and without end of word, and two special tokens.
const MERGES: usize = 49408 - 2 * 256 - 2;
/// Far above the 3 MB that the list unpacks to.
const MAX_UNPACKED: u64 = 1 << 25;
pub(super) const START: &str = "<|startoftext|>";
pub(super) const END: &str = "<|endoftext|>";

/// Whether a file is such a vocabulary, by its name.
pub(super) fn is_vocabulary(file: &str) -> bool {
    file.ends_with(".txt.gz")
}

/// The equivalent `tokenizer.json` of a `bpe_simple_vocab_16e6.txt.gz`.
pub(super) fn tokenizer_json(contents: &[u8]) -> Result<String, String> {
    let mut text = String::new();
    GzDecoder::new(contents)
        .take(MAX_UNPACKED)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    // The first line is a version.
    let merges: Vec<_> = text
        .lines()
        .skip(1)
        .take(MERGES)
        .filter_map(|line| line.split_once(' '))
        .collect();
    if merges.len() < MERGES {
        return Err(format!("{} merges, expected {MERGES}", merges.len()));
    }
    let symbols = byte_symbols();
    let words = symbols.iter().map(|symbol| format!("{symbol}</w>"));
    let vocabulary: HashMap<String, usize> = symbols
        .iter()
        .map(char::to_string)
        .chain(words)
        .chain(merges.iter().map(|(left, right)| format!("{left}{right}")))
        .chain([START.to_owned(), END.to_owned()])
        .zip(0..)
        .collect();
    let id = |token: &str| vocabulary.get(token).copied().unwrap_or_default();
    Ok(definition(id(START), id(END), &vocabulary, &merges).to_string())
}

fn definition(
    start: usize,
    end: usize,
    vocabulary: &HashMap<String, usize>,
    merges: &[(&str, &str)],
) -> Value {
    let special = |id: usize, content: &str| {
        json!({
            "id": id, "content": content, "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        })
    };
    json!({
        "version": "1.0",
        "added_tokens": [special(start, START), special(end, END)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {
                "type": "Split", "behavior": "Removed", "invert": true,
                "pattern": {"Regex": format!(
                    r"{}|{}|'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+",
                    START.replace('|', r"\|"), END.replace('|', r"\|"),
                )},
            },
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]},
        "post_processor": {
            "type": "RobertaProcessing", "cls": [START, start], "sep": [END, end],
            "trim_offsets": false, "add_prefix_space": false,
        },
        "model": {
            "type": "BPE", "unk_token": END, "continuing_subword_prefix": "", "end_of_word_suffix": "</w>",
            "fuse_unk": false, "vocab": vocabulary, "merges": merges,
        },
    })
}

/// The printable stand-ins of the bytes in the order of their ids: printable Latin-1 first, then the rest moved up
/// behind U+0100 (GPT-2's `bytes_to_unicode`).
fn byte_symbols() -> Vec<char> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let others = (0..=255u8).filter(|byte| !printable(byte)).count() as u32;
    let printed = (0..=255u8).filter(printable).map(char::from);
    printed
        .chain((0x100..0x100 + others).filter_map(char::from_u32))
        .collect()
}
