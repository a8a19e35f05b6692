//! Distances and norms, by the kernels.
//!
//! Operands are read where they lie. A cosine distance from or to a vector of norm 0 is NaN, as in pgvector, and NaN
//! sorts after every number.

use half::f16;
use pgrx::prelude::*;

use super::datum::Stored;
use super::value::check_dimensions;
use crate::error::Returned;

#[pg_extern(sql = false)]
fn clip_vector_cosine_distance(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    check_dimensions(&a, &b)?;
    Ok(kernels::cosine_distance::<f16>(&a, &b))
}

#[pg_extern(sql = false)]
fn clip_vector_similarity(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    check_dimensions(&a, &b)?;
    Ok(1.0 - kernels::cosine_distance::<f16>(&a, &b))
}

#[pg_extern(sql = false)]
fn clip_vector_inner_product(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    check_dimensions(&a, &b)?;
    Ok(kernels::dot::<f16>(&a, &b).into())
}

#[pg_extern(sql = false)]
fn clip_vector_negative_inner_product(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    check_dimensions(&a, &b)?;
    // Not -0 for 0.
    Ok(0.0 - f64::from(kernels::dot::<f16>(&a, &b)))
}

#[pg_extern(sql = false)]
fn clip_vector_l2_distance(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    check_dimensions(&a, &b)?;
    Ok(f64::from(kernels::l2_squared::<f16>(&a, &b)).sqrt())
}

#[pg_extern(sql = false)]
fn clip_vector_l1_distance(a: Stored<'_>, b: Stored<'_>) -> Returned<f64> {
    check_dimensions(&a, &b)?;
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
