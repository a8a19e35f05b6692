//! Distances and norms, by the kernels.
//!
//! Operands are read where they lie. A cosine distance from or to a vector of norm 0 is NaN, as in pgvector, and NaN
//! sorts after every number.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use half::f16;
use pgrx::prelude::*;

use super::datum::Stored;
use super::{Error, Result, check_dimensions};
use crate::error::Returned;
use crate::text::Text;

/// Checks that the operands go together, and has the next row's on its way while this row's are worked on.
#[inline]
fn prepare(a: &[f16], b: &[f16]) -> Result<()> {
    static LAST_A: AtomicPtr<f16> = AtomicPtr::new(ptr::null_mut());
    static LAST_B: AtomicPtr<f16> = AtomicPtr::new(ptr::null_mut());
    check_dimensions(a, b)?;
    for (operand, last) in [(a, &LAST_A), (b, &LAST_B)] {
        // One that stays where it is belongs to the query, not to a row. These addresses are only compared.
        let address = operand.as_ptr().cast_mut();
        if last.load(Ordering::Relaxed) != address {
            last.store(address, Ordering::Relaxed);
            prefetch(operand);
        }
    }
    Ok(())
}

/// Has the next row's vector on its way, as rows lie, while this row's is worked on.
///
/// A row is a kilobyte or more that no processor fetches ahead of time by itself: of an exact search over cached rows,
/// this saves two thirds of the time spent here (benches/sql/exact_search.py).
#[inline]
pub fn prefetch(vector: &[f16]) {
    kernels::prefetch::before(vector);
}

#[pg_extern(sql = false)]
fn clip_vector_cosine_distance(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    prepare(&a, &b)?;
    Ok(kernels::cosine_distance::<f16>(&a, &b))
}

#[pg_extern(sql = false)]
fn clip_vector_similarity(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    prepare(&a, &b)?;
    Ok(1.0 - kernels::cosine_distance::<f16>(&a, &b))
}

#[pg_extern(sql = false)]
fn clip_vector_inner_product(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    prepare(&a, &b)?;
    Ok(kernels::dot::<f16>(&a, &b).into())
}

#[pg_extern(sql = false)]
fn clip_vector_negative_inner_product(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    prepare(&a, &b)?;
    // Not -0 for 0.
    Ok(0.0 - f64::from(kernels::dot::<f16>(&a, &b)))
}

#[pg_extern(sql = false)]
fn clip_vector_l2_distance(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    prepare(&a, &b)?;
    Ok(f64::from(kernels::l2_squared::<f16>(&a, &b)).sqrt())
}

#[pg_extern(sql = false)]
fn clip_vector_l1_distance(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    prepare(&a, &b)?;
    Ok(kernels::l1::<f16>(&a, &b).into())
}

#[pg_extern(sql = false)]
fn clip_vector_dims(vector: Stored<'_>) -> i32 {
    vector.len() as i32
}

#[pg_extern(sql = false)]
fn clip_vector_norm(vector: Stored<'_>) -> f64 {
    kernels::norm::<f16>(&vector)
}

/// The norm of a vector that is given as text, in single precision as pgvector's `vector` has it.
#[pg_extern(sql = false)]
fn clip_vector_norm_of_text(text: Text) -> Returned<f64> {
    Ok(halves::text::norm(text.as_str()).map_err(Error::from)?)
}
