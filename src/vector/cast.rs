//! Casts from and to arrays, and to a type modifier. Numbers are rounded once, `numeric` by its digits.

use half::slice::HalfFloatSliceExt;
use pgrx::array::{RawArray, Scalar};
use pgrx::datum::{ArraySliceError, UnboxDatum};
use pgrx::prelude::*;

use super::datum::Stored;
use super::value::{check_modifier, read};
use super::{Error, Result, Vector};
use crate::error::Returned;

#[pg_extern(sql = false)]
fn clip_vector_typmod(vector: Stored<'_>, modifier: i32, _explicit: bool) -> Returned<Stored<'_>> {
    check_modifier(&vector, modifier)?;
    Ok(vector)
}

#[pg_extern(sql = false)]
fn clip_vector_from_int4(
    array: Array<'_, i32>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_numbers(array, modifier)
}

#[pg_extern(sql = false)]
fn clip_vector_from_float4(
    array: Array<'_, f32>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_numbers(array, modifier)
}

#[pg_extern(sql = false)]
fn clip_vector_from_float8(
    array: Array<'_, f64>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_numbers(array, modifier)
}

fn from_numbers<T>(array: Array<'_, T>, modifier: i32) -> Returned<Vector>
where
    T: Scalar + UnboxDatum + Into<f64>,
{
    let vector = match array.as_slice() {
        Ok(numbers) => Vector::from_numbers(numbers.iter().map(|&number| number.into())),
        Err(ArraySliceError::ContainsNulls) => {
            let element = 1 + array.iter().take_while(Option::is_some).count();
            Err(Error::Null { element })
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
        let number = number.ok_or(Error::Null { element })?;
        // The text of a numeric is a number.
        read(index, &number.to_string()).unwrap_or(Err(Error::NotANumber { element }))
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
