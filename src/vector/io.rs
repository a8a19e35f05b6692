//! Text and binary input and output, as the crate [`halves`] has them, and the type modifier.

use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::slice;

use halves::{MAX_DIMENSIONS, binary, text};
use pgrx::prelude::*;
use pgrx::{Internal, pg_sys};

use super::datum::Stored;
use super::{Error, Vector};
use crate::error::{self, Returned};

#[pg_extern(sql = false)]
fn clip_vector_in(
    input: &CStr,
    _element_type: pg_sys::Oid,
    modifier: i32,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Option<Vector>> {
    // Only what is no UTF-8 has to be gone through letter by letter.
    let text = input
        .to_str()
        .map_or_else(|_| input.to_string_lossy(), Cow::Borrowed);
    let vector = Vector::parse(&text).and_then(|vector| vector.with_modifier(modifier));
    match vector {
        Ok(vector) => Ok(Some(vector)),
        // SAFETY: the server's own call information.
        Err(error) => unsafe { error::save(error.into(), fcinfo) }.map(|()| None),
    }
}

#[pg_extern(sql = false)]
fn clip_vector_out(vector: Stored<'_>) -> CString {
    CString::new(text::write(&vector)).unwrap_or_default()
}

#[pg_extern(sql = false)]
fn clip_vector_typmod_in(modifiers: Array<'_, &CStr>) -> Returned<i32> {
    let mut modifiers = modifiers.iter();
    let (Some(Some(modifier)), None) = (modifiers.next(), modifiers.next()) else {
        return Err(Error::TypeModifier.into());
    };
    let modifier = modifier.to_str().ok().and_then(|text| text.parse().ok());
    let dims: i32 = modifier.ok_or(Error::TypeModifier)?;
    if !(1..=MAX_DIMENSIONS as i32).contains(&dims) {
        return Err(Error::DimensionsModifier(dims).into());
    }
    Ok(dims)
}

#[pg_extern(sql = false)]
fn clip_vector_recv(
    mut message: Internal,
    _element_type: pg_sys::Oid,
    modifier: i32,
) -> Returned<Vector> {
    // SAFETY: the server hands its message buffer, `len` bytes of which it has filled, to a receive function.
    let (message, bytes) = unsafe {
        let message: &mut pg_sys::StringInfoData = message
            .get_mut()
            .ok_or(Error::from(halves::Error::Truncated))?;
        let bytes = slice::from_raw_parts(message.data.cast::<u8>(), message.len as usize);
        (message, bytes)
    };
    let unread = bytes.get(message.cursor as usize..).unwrap_or_default();
    let vector = Vector::decode(unread)?;
    message.cursor += binary::length(vector.dims()) as i32;
    Ok(vector.with_modifier(modifier)?)
}

#[pg_extern(sql = false)]
fn clip_vector_send(vector: Stored<'_>) -> Vec<u8> {
    binary::encode(&vector)
}
