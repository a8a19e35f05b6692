//! The type `jsonb` as text in UTF-8, whatever the database's encoding.
//!
//! It stands in for pgrx's own, which panics in databases of other encodings, and on numbers beyond double precision
//! where `jsonb` has none.

use crate::datum::{is_argument, is_result};
use crate::text::{from_utf8, to_utf8};
use pgrx::{direct_function_call, direct_function_call_as_datum, pg_sys, prelude::*};
use std::ffi::{CStr, CString};

/// A value of the type `jsonb`, written out.
pub struct JsonText(pub String);

impl JsonText {
    /// # Safety
    /// The datum is of the type jsonb.
    unsafe fn read(datum: pg_sys::Datum) -> Option<Self> {
        // SAFETY: jsonb_out takes a jsonb, and returns a string that ends with 0 and lives as long as the call.
        let text = unsafe { direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(datum)]) }?;
        Some(Self(to_utf8(text.to_bytes())))
    }
}

impl_sql_translatable!(JsonText, "jsonb");
is_argument!(<'fcx> JsonText);
is_result!(JsonText);

impl IntoDatum for JsonText {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        // JSON writes the character 0 as an escape.
        let text = CString::new(from_utf8(&self.0)).ok()?;
        // SAFETY: the input function takes a string and copies what it needs.
        unsafe { direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(text.as_ptr().into())]) }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}
