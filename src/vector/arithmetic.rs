//! Vectors out of vectors. Sums and products are exact before their one rounding; an element beyond the greatest half is
//! an error.

use half::f16;
use half::slice::HalfFloatSliceExt;
use pgrx::prelude::*;

use super::datum::Stored;
use super::{Error, Vector, check_dimensions};
use crate::error::Returned;

#[pg_extern(sql = false)]
fn clip_vector_add(a: Stored<'_>, b: Stored<'_>) -> Returned<Vector> {
    elementwise(&a, &b, |a, b| a + b)
}

#[pg_extern(sql = false)]
fn clip_vector_sub(a: Stored<'_>, b: Stored<'_>) -> Returned<Vector> {
    elementwise(&a, &b, |a, b| a - b)
}

#[pg_extern(sql = false)]
fn clip_vector_mul(a: Stored<'_>, b: Stored<'_>) -> Returned<Vector> {
    elementwise(&a, &b, |a, b| a * b)
}

/// Sums and products of two halves are exact in `f64`.
fn elementwise(a: &[f16], b: &[f16], operation: impl Fn(f64, f64) -> f64) -> Returned<Vector> {
    check_dimensions(a, b)?;
    let (a, b) = (a.to_f32_vec(), b.to_f32_vec());
    let pairs = a.iter().zip(&b);
    let numbers = pairs.map(|(&a, &b)| operation(a.into(), b.into()));
    Ok(Vector::from_numbers(numbers)?)
}

#[pg_extern(sql = false)]
fn clip_vector_mul_float8(vector: Stored<'_>, factor: f64) -> Returned<Vector> {
    let singles = vector.to_f32_vec();
    let numbers = singles.iter().map(|&single| f64::from(single) * factor);
    Ok(Vector::from_numbers(numbers)?)
}

#[pg_extern(sql = false)]
fn float8_mul_clip_vector(factor: f64, vector: Stored<'_>) -> Returned<Vector> {
    clip_vector_mul_float8(vector, factor)
}

#[pg_extern(sql = false)]
fn clip_vector_concat(a: Stored<'_>, b: Stored<'_>) -> Returned<Vector> {
    Ok(Vector::collect(
        a.iter().chain(b.iter()).map(|&half| Ok(half)),
    )?)
}

/// `count` elements from the `start`-th on, of those that there are: as `substring` does.
#[pg_extern(sql = false)]
fn clip_vector_subvector(vector: Stored<'_>, start: i32, count: i32) -> Returned<Vector> {
    let part = halves::numbers::part(&vector, start, count);
    Ok(Vector::from_stored(part.map_err(Error::from)?))
}

/// The vector of norm 1 in the same direction; the vector itself where its norm is 0.
#[pg_extern(sql = false)]
fn clip_vector_l2_normalize(vector: Stored<'_>) -> Returned<Vector> {
    let norm = kernels::norm::<f16>(&vector);
    if norm == 0.0 {
        return Ok(Vector::from_stored(&vector));
    }
    let singles = vector.to_f32_vec();
    let numbers = singles.iter().map(|&single| f64::from(single) / norm);
    Ok(Vector::from_numbers(numbers)?)
}
