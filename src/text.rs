//! The type `text` in UTF-8, whatever the database's encoding, and what converts between the two.

use crate::datum::{is_argument, is_element, is_result};
use pgrx::{
    pg_sys::{
        self,
        pg_enc::{PG_SQL_ASCII, PG_UTF8},
    },
    prelude::*,
    varlena::varlena_to_byte_slice,
};
use std::{
    borrow::Cow,
    ffi::{CStr, c_char, c_int},
    ptr,
};

/// A value of the type `text`, converted from and to the database's encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(String);

impl Text {
    /// # Safety
    /// The datum is of the type text.
    unsafe fn read(datum: pg_sys::Datum) -> Option<Self> {
        // SAFETY: a text is a varlena, plain again after this, which is read before anybody can free it.
        let bytes =
            unsafe { varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr())) };
        Some(Self(to_utf8(bytes)))
    }

    /// The value in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl_sql_translatable!(Text, "text");
is_argument!(<'fcx> Text);
is_element!(Text, <'src> Text);
is_result!(Text);

impl IntoDatum for Text {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        from_utf8(&self.0).as_ref().into_datum()
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::TEXTOID
    }
}

/// Converts from the database's encoding; raises an error where a character has no counterpart in UTF-8.
pub fn to_utf8(bytes: &[u8]) -> String {
    let converted = convert(bytes, |bytes, length| {
        // SAFETY: the two are a string of the server's.
        unsafe { pg_sys::pg_server_to_any(bytes, length, PG_UTF8 as i32) }
    });
    // Loses nothing: what the server converts is valid.
    String::from_utf8_lossy(&converted).into_owned()
}

/// Converts to the database's encoding; raises an error where a character has no counterpart there.
pub fn from_utf8(text: &str) -> Cow<'_, [u8]> {
    convert(text.as_bytes(), |bytes, length| {
        // SAFETY: the two are a string in UTF-8.
        unsafe { pg_sys::pg_any_to_server(bytes, length, PG_UTF8 as i32) }
    })
}

/// Whether [`from_utf8`] can convert a text: whether all of its characters have a counterpart.
pub fn has_counterpart(text: &str) -> bool {
    // SAFETY: reads a variable of this process.
    let encoding = unsafe { pg_sys::GetDatabaseEncoding() };
    if text.is_ascii() || matches!(encoding as u32, PG_UTF8 | PG_SQL_ASCII) {
        return true;
    }
    // What no conversion exceeds, and the 0 at the end.
    let mut converted = vec![0_u8; text.len() * pg_sys::MAX_CONVERSION_GROWTH as usize + 1];
    let length = text.len() as c_int;
    // SAFETY: the function reads as many bytes of the text as it has, and writes no more than there is room for.
    unsafe {
        let conversion = pg_sys::FindDefaultConversionProc(PG_UTF8 as i32, encoding);
        conversion != pg_sys::InvalidOid
            && pg_sys::pg_do_encoding_conversion_buf(
                conversion,
                PG_UTF8 as c_int,
                encoding,
                text.as_ptr().cast_mut(),
                length,
                converted.as_mut_ptr(),
                converted.len() as c_int,
                true,
            ) == length
    }
}

/// A text that [`from_utf8`] can convert: question marks stand for characters without a counterpart.
pub fn with_counterparts(text: String) -> String {
    if has_counterpart(&text) {
        return text;
    }
    let has = |character: char| has_counterpart(character.encode_utf8(&mut [0; 4]));
    text.replace(|character| !has(character), "?")
}

/// Converts by one of the server's functions, which return their argument where there is nothing to convert.
fn convert(bytes: &[u8], by: impl FnOnce(*const c_char, c_int) -> *mut c_char) -> Cow<'_, [u8]> {
    let given = bytes.as_ptr().cast();
    // A value of the type text is shorter than 1 GB.
    let converted = by(given, bytes.len() as c_int);
    if ptr::eq(converted, given) {
        Cow::Borrowed(bytes)
    } else {
        // SAFETY: a converted string is new and ends with 0.
        Cow::Owned(unsafe { CStr::from_ptr(converted) }.to_bytes().to_vec())
    }
}
