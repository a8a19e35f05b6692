//! Text and binary input and output, and the type modifier.
//!
//! The text is `[0.1,-2]`: each element the shortest decimal that is read back as the same half. The binary format is
//! pgvector's for `halfvec`: dimension and 0 as int16, then the halves, all in network byte order.

use std::ffi::{CStr, CString};
use std::slice;

use half::f16;
use kernels::decimal;
use pgrx::prelude::*;
use pgrx::{Internal, pg_sys};

use super::datum::Stored;
use super::value::{MAX_DIMENSIONS, read};
use super::{Error, Result, Vector};
use crate::error::{self, Returned};

/// What PostgreSQL's own types take for white space.
const SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];

#[pg_extern(sql = false)]
fn clip_vector_in(
    input: &CStr,
    _element_type: pg_sys::Oid,
    modifier: i32,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Option<Vector>> {
    let vector = parse(&input.to_string_lossy()).and_then(|vector| vector.with_modifier(modifier));
    match vector {
        Ok(vector) => Ok(Some(vector)),
        // SAFETY: the server's own call information.
        Err(error) => unsafe { error::save(error.into(), fcinfo) }.map(|()| None),
    }
}

/// The vector that `input` is the text of.
pub fn parse(input: &str) -> Result<Vector> {
    Vector::collect(elements(input, read)?)
}

/// What `read` makes of each element in the text of a vector, with its index; None where it is no number.
pub fn elements<T>(
    input: &str,
    read: impl Fn(usize, &str) -> Option<Result<T>>,
) -> Result<impl Iterator<Item = Result<T>>> {
    let syntax = move |detail: String| Error::Syntax {
        input: clipped(input),
        detail,
    };
    let contents = input
        .trim_matches(SPACE)
        .strip_prefix('[')
        .ok_or_else(|| syntax("Vector contents must start with \"[\".".into()))?;
    let (elements, rest) = contents
        .split_once(']')
        .ok_or_else(|| syntax("Vector contents must end with \"]\".".into()))?;
    if !rest.is_empty() {
        return Err(syntax("Junk after closing bracket.".into()));
    }
    if elements.trim_matches(SPACE).is_empty() {
        return Err(Error::NoDimensions);
    }
    Ok(elements.split(',').enumerate().map(move |(index, text)| {
        let text = text.trim_matches(SPACE);
        read(index, text).unwrap_or_else(|| {
            let what = if text.is_empty() {
                "empty".into()
            } else {
                format!("\"{}\"", clipped(text))
            };
            Err(syntax(format!("Element {} is {what}.", index + 1)))
        })
    }))
}

/// Text short enough for a message.
fn clipped(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[pg_extern(sql = false)]
fn clip_vector_out(vector: Stored<'_>) -> CString {
    CString::new(text(&vector)).unwrap_or_default()
}

/// The text of a vector.
pub fn text(vector: &[f16]) -> String {
    let mut text = String::with_capacity(12 * vector.len() + 2);
    let mut separator = '[';
    for &half in vector {
        text.push(separator);
        decimal::write(half, &mut text);
        separator = ',';
    }
    text.push(']');
    text
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
        let message: &mut pg_sys::StringInfoData = message.get_mut().ok_or(Error::Truncated)?;
        let bytes = slice::from_raw_parts(message.data.cast::<u8>(), message.len as usize);
        (message, bytes)
    };
    let unread = bytes.get(message.cursor as usize..).unwrap_or_default();
    let vector = receive(unread)?;
    message.cursor += 4 + 2 * vector.dims() as i32;
    Ok(vector.with_modifier(modifier)?)
}

fn receive(bytes: &[u8]) -> Result<Vector> {
    let (words, _) = bytes.as_chunks::<2>();
    let [dims, unused, halves @ ..] = words else {
        return Err(Error::Truncated);
    };
    let (dims, unused) = (u16::from_be_bytes(*dims), u16::from_be_bytes(*unused));
    // Before anything is made of the numbers: they are of another format.
    if bytes.len() != 4 + 2 * usize::from(dims) {
        return Err(Error::BinaryLength {
            bytes: bytes.len(),
            dims,
        });
    }
    if usize::from(dims) > MAX_DIMENSIONS {
        return Err(Error::TooManyDimensions);
    }
    if unused != 0 {
        return Err(Error::UnusedField(unused));
    }
    let halves = halves.iter().map(|&half| f16::from_be_bytes(half).into());
    Vector::from_numbers(halves)
}

#[pg_extern(sql = false)]
fn clip_vector_send(vector: Stored<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + 2 * vector.len());
    bytes.extend((vector.len() as u16).to_be_bytes());
    bytes.extend(0u16.to_be_bytes());
    bytes.extend(vector.iter().flat_map(|half| half.to_be_bytes()));
    bytes
}
