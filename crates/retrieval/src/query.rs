//! A query made of several terms: the direction of their weighted sum.

use crate::error::{Error, Result};
use half::f16;

/// What each term is multiplied by: its sign, and its weight where weights are given, one for each.
///
/// # Errors
/// No terms; weights that are not as many, or not finite.
pub fn factors(signs: Vec<f64>, weights: Option<&[f64]>) -> Result<Vec<f64>> {
    if signs.is_empty() {
        return Err(Error::NoTerms);
    }
    let Some(weights) = weights else {
        return Ok(signs);
    };
    if weights.len() != signs.len() {
        return Err(Error::WeightCount {
            weights: weights.len(),
            terms: signs.len(),
        });
    }
    if let Some(index) = weights.iter().position(|weight| !weight.is_finite()) {
        return Err(Error::Weight(index + 1));
    }
    let weighted = signs.iter().zip(weights);
    Ok(weighted.map(|(sign, weight)| sign * weight).collect())
}

/// The unit vector in the direction of the sum of the normalised terms, each times its factor, which is finite. A term of norm
/// zero has no direction to add.
///
/// # Errors
/// Terms that differ in dimensions, or that add up to nothing but rounding errors.
pub fn direction<T: AsRef<[f16]>>(terms: &[T], factors: &[f64]) -> Result<Vec<f64>> {
    let dimensions = terms.first().map_or(0, |term| term.as_ref().len());
    // Of the factors only their relation counts, and squares of large ones would overflow.
    let largest = factors
        .iter()
        .fold(0.0, |largest: f64, factor| largest.max(factor.abs()));
    if largest == 0.0 {
        return Err(Error::ZeroQuery);
    }
    let factors: Vec<f64> = factors.iter().map(|factor| factor / largest).collect();
    let mut sum = vec![0.0; dimensions];
    for (term, factor) in terms.iter().zip(&factors) {
        let term = term.as_ref();
        if term.len() != dimensions {
            return Err(halves::Error::DifferentDimensions(dimensions, term.len()).into());
        }
        let norm = kernels::norm(term);
        if norm > 0.0 {
            for (sum, value) in sum.iter_mut().zip(term) {
                *sum += factor * value.to_f64() / norm;
            }
        }
    }
    let norm = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    let scale = factors.iter().map(|factor| factor.abs()).sum::<f64>();
    if norm <= scale * f64::from(f32::EPSILON) {
        return Err(Error::ZeroQuery);
    }
    Ok(sum.iter().map(|value| value / norm).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn halves(values: &[f32]) -> Vec<f16> {
        values.iter().copied().map(f16::from_f32).collect()
    }

    #[test]
    fn weights_go_with_terms() {
        assert_eq!(factors(vec![], None), Err(Error::NoTerms));
        assert_eq!(factors(vec![], Some(&[])), Err(Error::NoTerms));
        assert_eq!(factors(vec![1.0, -1.0], None), Ok(vec![1.0, -1.0]));
        let weighted = factors(vec![1.0, -1.0], Some(&[2.0, 3.0]));
        assert_eq!(weighted, Ok(vec![2.0, -3.0]));
        let (weights, terms) = (1, 2);
        let counts = factors(vec![1.0; 2], Some(&[2.0]));
        assert_eq!(counts, Err(Error::WeightCount { weights, terms }));
        for wrong in [f64::NAN, f64::INFINITY] {
            let refused = factors(vec![1.0; 2], Some(&[0.0, wrong]));
            assert_eq!(refused, Err(Error::Weight(2)));
        }
    }

    #[test]
    fn terms_are_normalised_first() {
        let terms = [halves(&[10.0, 0.0]), halves(&[0.0, 0.5])];
        let unit = direction(&terms, &[3.0, -4.0]).unwrap();
        assert!((unit[0] - 0.6).abs() < 1e-12 && (unit[1] + 0.8).abs() < 1e-12);
        // One of norm zero counts for nothing.
        let terms = [halves(&[0.0, 0.0]), halves(&[0.0, 7.0])];
        assert_eq!(direction(&terms, &[1.0, 1.0]).unwrap(), [0.0, 1.0]);
        let huge = direction(&terms[1..], &[f64::MAX]).unwrap();
        assert_eq!(huge, [0.0, 1.0]);
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        let (a, b) = (halves(&[1.0, 2.0]), halves(&[1.0]));
        let refused = |terms: &[&[f16]], factors: &[f64]| direction(terms, factors).unwrap_err();
        assert_eq!(refused(&[&a, &a], &[1.0, -1.0]), Error::ZeroQuery);
        assert_eq!(refused(&[&a], &[0.0]), Error::ZeroQuery);
        assert_eq!(refused(&[], &[]), Error::ZeroQuery);
        let different = halves::Error::DifferentDimensions(2, 1);
        assert_eq!(refused(&[&a, &b], &[1.0; 2]), different.into());
    }

    proptest! {
        #[test]
        fn directions_are_unit_and_scale_alike(
            terms in vec(vec(-100.0..100.0_f32, 5), 1..6),
            factors in vec(0.1..10.0_f64, 6),
            scale in 1e-3..1e3_f64,
        ) {
            let terms: Vec<Vec<f16>> = terms.iter().map(|term| halves(term)).collect();
            let factors = &factors[..terms.len()];
            let Ok(unit) = direction(&terms, factors) else { return Ok(()) };
            let norm = unit.iter().map(|value| value * value).sum::<f64>();
            prop_assert!((norm - 1.0).abs() < 1e-9);
            let scaled: Vec<f64> = factors.iter().map(|factor| factor * scale).collect();
            for (a, b) in unit.iter().zip(direction(&terms, &scaled).unwrap()) {
                prop_assert!((a - b).abs() < 1e-6);
            }
            let turned: Vec<f64> = factors.iter().map(|factor| -factor).collect();
            for (a, b) in unit.iter().zip(direction(&terms, &turned).unwrap()) {
                prop_assert_eq!(*a, -b);
            }
        }
    }
}
