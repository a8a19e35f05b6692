//! Casts from and to arrays and JSON, and to a type modifier. Numbers are rounded once, `numeric` and JSON by their digits.

use std::ffi::CStr;

use half::slice::HalfFloatSliceExt;
use halves::numbers::check_modifier;
use halves::text;
use pgrx::array::{RawArray, Scalar};
use pgrx::datum::{ArraySliceError, UnboxDatum};
use pgrx::prelude::*;
use pgrx::{AnyElement, JsonB, direct_function_call, pg_sys};

use super::datum::Stored;
use super::{Error, Result, Vector};
use crate::error::Returned;

#[pg_extern(sql = false)]
fn clip_vector_typmod(vector: Stored<'_>, modifier: i32, _explicit: bool) -> Returned<Stored<'_>> {
    check_modifier(&vector, modifier).map_err(Error::from)?;
    Ok(vector)
}

#[pg_extern(sql = false)]
fn clip_vector_from_int2(
    array: Array<'_, i16>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_numbers(array, modifier, f64::from)
}

#[pg_extern(sql = false)]
fn clip_vector_from_int4(
    array: Array<'_, i32>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_numbers(array, modifier, f64::from)
}

#[pg_extern(sql = false)]
fn clip_vector_from_int8(
    array: Array<'_, i64>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    // Exact wherever there is a half for it.
    from_numbers(array, modifier, |number| number as f64)
}

#[pg_extern(sql = false)]
fn clip_vector_from_float4(
    array: Array<'_, f32>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_numbers(array, modifier, f64::from)
}

#[pg_extern(sql = false)]
fn clip_vector_from_float8(
    array: Array<'_, f64>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_numbers(array, modifier, |number| number)
}

fn from_numbers<T: Scalar + UnboxDatum>(
    array: Array<'_, T>,
    modifier: i32,
    number: impl Fn(T) -> f64 + Clone,
) -> Returned<Vector> {
    let vector = match array.as_slice() {
        Ok(elements) => Vector::from_numbers(elements.iter().map(|&element| number(element))),
        Err(ArraySliceError::ContainsNulls) => {
            let element = 1 + array.iter().take_while(Option::is_some).count();
            Err(halves::Error::Null { element }.into())
        }
    };
    check_shape(array)?;
    Ok(vector?.with_modifier(modifier)?)
}

#[pg_extern(sql = false)]
fn clip_vector_from_numeric(
    array: Array<'_, AnyNumeric>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    let vector = Vector::collect(array.iter().enumerate().map(|(index, number)| {
        let element = index + 1;
        let number = number.ok_or(halves::Error::Null { element })?;
        // The text of a numeric is a number.
        let read = text::element(index, &number.to_string());
        Ok(read.unwrap_or(Err(halves::Error::NotANumber { element }))?)
    }));
    check_shape(array)?;
    Ok(vector?.with_modifier(modifier)?)
}

/// Checks that an array is no array of arrays.
fn check_shape<T>(array: Array<'_, T>) -> Result<()> {
    // SAFETY: made by pgrx from an argument of an array type. Only its header is looked at.
    match unsafe { RawArray::from_array(array) } {
        Some(raw) if raw.dims().len() > 1 => Err(Error::Multidimensional(raw.dims().len())),
        _ => Ok(()),
    }
}

#[pg_extern(sql = false)]
fn clip_vector_to_float4(vector: Stored<'_>) -> Vec<f32> {
    vector.to_f32_vec()
}

#[pg_extern(sql = false)]
fn clip_vector_to_float8(vector: Stored<'_>) -> Vec<f64> {
    vector.iter().map(|&half| half.into()).collect()
}

/// The text of a vector is a JSON array. A `json` is stored as a `text`, and a `bytea`, is: as it stands.
#[pg_extern(sql = false)]
fn clip_vector_to_json(vector: Stored<'_>) -> String {
    text::write(&vector)
}

#[pg_extern(sql = false)]
fn clip_vector_to_jsonb(vector: Stored<'_>) -> JsonB {
    // Never null: every element is a finite number.
    JsonB(serde_json::from_str(&text::write(&vector)).unwrap_or_default())
}

/// An array of numbers is the text of a vector; of anything else, the error says what it is.
#[pg_extern(sql = false)]
fn clip_vector_from_json(json: &[u8], modifier: i32, _explicit: bool) -> Returned<Vector> {
    Ok(Vector::parse(&String::from_utf8_lossy(json))?.with_modifier(modifier)?)
}

#[pg_extern(sql = false)]
fn clip_vector_from_jsonb(json: AnyElement, modifier: i32, _explicit: bool) -> Returned<Vector> {
    // SAFETY: the function is declared with an argument of the type jsonb. The result, a string of the server's, lives as
    // long as the call.
    let text: Option<&CStr> =
        unsafe { direct_function_call(pg_sys::jsonb_out, &[Some(json.datum())]) };
    let text = text.map(CStr::to_string_lossy).unwrap_or_default();
    Ok(Vector::parse(&text)?.with_modifier(modifier)?)
}
