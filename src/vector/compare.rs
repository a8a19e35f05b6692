//! Order and hashes: by elements from the first on, then by dimension. -0 equals 0, here and in hashes.

use std::cmp::Ordering;

use half::f16;
use halves::numbers::canonical;
use pgrx::prelude::*;
use pgrx::{direct_function_call, pg_sys};

use super::datum::Stored;

fn compare(a: &[f16], b: &[f16]) -> Ordering {
    // Elements are finite, hence ordered.
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

#[pg_extern(sql = false)]
fn clip_vector_cmp(a: Stored<'_>, b: Stored<'_>) -> i32 {
    compare(&a, &b) as i32
}

#[pg_extern(sql = false)]
fn clip_vector_eq(a: Stored<'_>, b: Stored<'_>) -> bool {
    *a == *b
}

#[pg_extern(sql = false)]
fn clip_vector_ne(a: Stored<'_>, b: Stored<'_>) -> bool {
    *a != *b
}

#[pg_extern(sql = false)]
fn clip_vector_lt(a: Stored<'_>, b: Stored<'_>) -> bool {
    compare(&a, &b).is_lt()
}

#[pg_extern(sql = false)]
fn clip_vector_le(a: Stored<'_>, b: Stored<'_>) -> bool {
    compare(&a, &b).is_le()
}

#[pg_extern(sql = false)]
fn clip_vector_gt(a: Stored<'_>, b: Stored<'_>) -> bool {
    compare(&a, &b).is_gt()
}

#[pg_extern(sql = false)]
fn clip_vector_ge(a: Stored<'_>, b: Stored<'_>) -> bool {
    compare(&a, &b).is_ge()
}

#[pg_extern(sql = false)]
fn clip_vector_hash(vector: Stored<'_>) -> Option<i32> {
    // SAFETY: the argument is a bytea, as it expects.
    unsafe { direct_function_call(pg_sys::hashvarlena, &[canonical_bytes(&vector)]) }
}

#[pg_extern(sql = false)]
fn clip_vector_hash_extended(vector: Stored<'_>, seed: i64) -> Option<i64> {
    let arguments = [canonical_bytes(&vector), seed.into_datum()];
    // SAFETY: the arguments are a bytea and an int8, as it expects.
    unsafe { direct_function_call(pg_sys::hashvarlenaextended, &arguments) }
}

/// The same `bytea` for equal vectors, on every machine.
fn canonical_bytes(vector: &[f16]) -> Option<pg_sys::Datum> {
    let bytes: Vec<u8> = canonical(vector).flat_map(f16::to_le_bytes).collect();
    bytes.into_datum()
}
