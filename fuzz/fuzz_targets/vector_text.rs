//! Vectors as text: what is read is written so that it is read again.
#![no_main]

use halves::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: clip_pg_fuzz::keep_fences(), |input: &str| {
    let _ = text::norm(input);
    if let Ok(vector) = text::parse(input) {
        let again = text::parse(&text::write(&vector)).expect("what was written is read");
        assert!(again == vector, "{input:?} came back as something else");
    }
});
