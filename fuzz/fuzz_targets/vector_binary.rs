//! Vectors in binary: what is read is written as it was.
#![no_main]

use halves::binary;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(vector) = binary::decode(input) {
        assert_eq!(binary::encode(&vector), input);
    }
});
