//! Vectors in binary: what is read is written as it was.
#![no_main]

use halves::binary;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: clip_pg_fuzz::keep_fences(), |input: &[u8]| {
    if let Ok(vector) = binary::decode(input) {
        assert_eq!(binary::encode(&vector), input);
    }
});
