//! Casts from and to arrays, and to a type modifier. Numbers are rounded once, `numeric` by its digits.

use half::f16;
use half::slice::HalfFloatSliceExt;
use pgrx::array::RawArray;
use pgrx::datum::UnboxDatum;
use pgrx::prelude::*;

use super::datum::Stored;
use super::value::{check_modifier, read, round};
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
    from_array(array, modifier, |index, number| round(index, number.into()))
}

#[pg_extern(sql = false)]
fn clip_vector_from_float4(
    array: Array<'_, f32>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_array(array, modifier, |index, number| round(index, number.into()))
}

#[pg_extern(sql = false)]
fn clip_vector_from_float8(
    array: Array<'_, f64>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_array(array, modifier, round)
}

#[pg_extern(sql = false)]
fn clip_vector_from_numeric(
    array: Array<'_, AnyNumeric>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    from_array(array, modifier, |index, number: AnyNumeric| {
        // The text of a numeric is a number.
        read(index, &number.to_string()).unwrap_or(Err(Error::NotANumber { element: index + 1 }))
    })
}

fn from_array<T>(
    array: Array<'_, T>,
    modifier: i32,
    convert: impl Fn(usize, T) -> Result<f16>,
) -> Returned<Vector>
where
    for<'a> T: UnboxDatum<As<'a> = T> + 'a,
{
    let vector = Vector::collect(array.iter().enumerate().map(|(index, number)| {
        let element = index + 1;
        convert(index, number.ok_or(Error::Null { element })?)
    }));
    // SAFETY: made by pgrx from an argument of an array type. Only its header is looked at.
    if let Some(raw) = unsafe { RawArray::from_array(array) }
        && raw.dims().len() > 1
    {
        return Err(Error::Multidimensional(raw.dims().len()).into());
    }
    Ok(vector?.with_modifier(modifier)?)
}

#[pg_extern(sql = false)]
fn clip_vector_to_float4(vector: Stored<'_>) -> Vec<f32> {
    vector.to_f32_vec()
}

#[pg_extern(sql = false)]
fn clip_vector_to_float8(vector: Stored<'_>) -> Vec<f64> {
    vector.iter().map(|&half| half.into()).collect()
}
