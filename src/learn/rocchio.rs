//! Relevance feedback.

use half::f16;
use pgrx::{Array, prelude::*};
use retrieval::query::direction;

use super::Error;
use crate::error::{Result, Returned};
use crate::vector::Vector;

/// A query moved towards what was liked and away from what was not: the direction of `query_weight` · query + `liked_weight` · mean
/// of the liked − `disliked_weight` · mean of the disliked, all normalised first.
///
/// After Rocchio (Relevance feedback in information retrieval, 1971), with the weights of Manning, Raghavan, Schütze
/// (Introduction to Information Retrieval, 2008, §9.1.1): 1, 0.75 and 0.15. A vector that is NULL or of norm 0 is left out, an
/// array that is NULL or empty, too. NULL where nothing is left of all three.
#[pg_extern(immutable, parallel_safe, cost = 1000)]
fn clip_rocchio(
    query: Option<Vector>,
    liked: default!(Option<Array<Vector>>, "NULL"),
    disliked: default!(Option<Array<Vector>>, "NULL"),
    query_weight: default!(Option<f64>, "1"),
    liked_weight: default!(Option<f64>, "0.75"),
    disliked_weight: default!(Option<f64>, "0.15"),
) -> Returned<Option<Vector>> {
    let all = |vectors: Option<Array<Vector>>| -> Vec<Vector> {
        vectors.iter().flat_map(Array::iter).flatten().collect()
    };
    let parts = [
        (
            "query_weight",
            query_weight,
            1.0,
            query.into_iter().collect(),
        ),
        ("liked_weight", liked_weight, 1.0, all(liked)),
        ("disliked_weight", disliked_weight, -1.0, all(disliked)),
    ];
    Ok(moved(parts)?)
}

fn moved(parts: [(&'static str, Option<f64>, f64, Vec<Vector>); 3]) -> Result<Option<Vector>> {
    let (mut terms, mut factors) = (Vec::new(), Vec::new());
    for (name, weight, sign, mut vectors) in parts {
        let weight = weight.ok_or(Error::Null(name))?;
        if !(weight >= 0.0 && weight.is_finite()) {
            let value = weight;
            return Err(Error::Weight { name, value }.into());
        }
        vectors.retain(|vector| kernels::norm(vector.halves()) > 0.0);
        let count = vectors.len();
        factors.extend(std::iter::repeat_n(sign * weight / count as f64, count));
        terms.extend(vectors);
    }
    if terms.is_empty() {
        return Ok(None);
    }
    let terms: Vec<&[f16]> = terms.iter().map(Vector::halves).collect();
    Ok(Some(Vector::from_numbers(direction(&terms, &factors)?)?))
}
