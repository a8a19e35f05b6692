//! Which of several vectors is nearest.

use pgrx::{Array, prelude::*};

use crate::error::Returned;
use crate::vector::{Stored, check_dimensions, prefetch};

/// The position, counted from 1, of the vector of `centres` with the smallest cosine distance, the first of equal ones. One that is
/// NULL or of norm 0 is none; NULL where there is no other, or the embedding has norm 0.
#[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
fn clip_nearest(embedding: Stored<'_>, centres: Array<'_, Stored<'_>>) -> Returned<Option<i32>> {
    prefetch(&embedding);
    let mut best: Option<(i32, f64)> = None;
    for (position, centre) in (1..).zip(centres.iter()) {
        let Some(centre) = centre else { continue };
        check_dimensions(&embedding, &centre)?;
        let distance = kernels::cosine_distance::<half::f16>(&embedding, &centre);
        if !distance.is_nan() && best.is_none_or(|(_, least)| distance < least) {
            best = Some((position, distance));
        }
    }
    Ok(best.map(|(position, _)| position))
}
