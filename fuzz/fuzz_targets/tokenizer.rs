//! Tokenizer files: what is accepted encodes any text within the context.
#![no_main]

use clip::tokenize::{Tokenizer, TokenizerSpec};
use libfuzzer_sys::fuzz_target;

const CONTEXT: usize = 16;

fuzz_target!(init: clip_pg_fuzz::keep_fences(), |input: &[u8]| {
    let spec = TokenizerSpec::plain("tokenizer.json", CONTEXT);
    if let Ok(tokenizer) = Tokenizer::new(input, spec) {
        for text in ["", "a photo of a cat", "\u{1F408} é\u{301}\0 ſ"] {
            if let Ok(ids) = tokenizer.encode(text) {
                assert!(ids.len() <= CONTEXT);
            }
        }
    }
});
