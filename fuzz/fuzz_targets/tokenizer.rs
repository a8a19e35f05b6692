//! Tokenizer files: what is accepted encodes any text within the context.
#![no_main]

use clip::tokenize::{Clean, Padding, Side, Tokenizer, TokenizerSpec};
use libfuzzer_sys::fuzz_target;

const CONTEXT: usize = 16;

fuzz_target!(|input: &[u8]| {
    let spec = TokenizerSpec {
        file: "tokenizer.json".into(),
        context_length: CONTEXT,
        padding: Padding::Full,
        pad_id: 0,
        end_id: None,
        clean: Clean::None,
        prefix: String::new(),
        special: true,
        zeroed_id: None,
        padding_side: Side::Right,
        truncation_side: Side::Right,
    };
    if let Ok(tokenizer) = Tokenizer::new(input, spec) {
        for text in ["", "a photo of a cat", "\u{1F408} é\u{301}\0 ſ"] {
            if let Ok(ids) = tokenizer.encode(text) {
                assert!(ids.len() <= CONTEXT);
            }
        }
    }
});
