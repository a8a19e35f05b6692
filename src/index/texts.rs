//! Texts as values of filter columns: their bytes, and hashes by which those are told apart that a collation does not take for
//! equal.
//!
//! A `character` is hashed without the blanks at its end. The server's own function for that counts them where a collation
//! is not deterministic.

use pgrx::{pg_sys, varlena};

/// The bytes of a text.
///
/// # Safety
/// The value is a text.
pub unsafe fn with_text<T>(value: pg_sys::Datum, read: impl FnOnce(&[u8]) -> T) -> T {
    // SAFETY: the value is a text, as the caller vouches, plain after this; a copy is freed when it has been read.
    unsafe {
        let stored: *mut pg_sys::varlena = value.cast_mut_ptr();
        let plain = pg_sys::pg_detoast_datum_packed(stored);
        let result = read(varlena::varlena_to_byte_slice(plain));
        if plain != stored {
            pg_sys::pfree(plain.cast());
        }
        result
    }
}

/// A `character` without the blanks at its end, which are nothing to its `=`.
pub fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte != b' ');
    &text[..end.map_or(0, |end| end + 1)]
}

/// A hash that is the same for all texts that are equal by a collation.
pub fn hash(text: &[u8], collation: pg_sys::Oid) -> u64 {
    // SAFETY: the server copies as many bytes as there are, fewer than a value may have, and hashes the copy, which is a text.
    unsafe {
        let copy = pg_sys::cstring_to_text_with_len(text.as_ptr().cast(), text.len() as i32);
        let function = pg_sys::F_HASHTEXTEXTENDED.into();
        let seed = pg_sys::Datum::from(0_i64);
        let hash = pg_sys::OidFunctionCall2Coll(function, collation, copy.into(), seed);
        pg_sys::pfree(copy.cast());
        hash.value() as u64
    }
}
