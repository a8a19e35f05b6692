//! Vectors of single precision, as pgvector's `vector` has them, as halves for an index, and what that loses.
//!
//! An index holds halves. What they lose widens the bounds that it gives of distances, so that the order of rows is exact all
//! the same. By cosine distance it keeps directions, of norm 1, so that elements may be of any size.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::numbers;

/// The least and the greatest norm of vectors whose cosine distances single precision tells. Beyond these, sums of squares
/// lose what underflows, or are infinite; there is room for sums of 16 000 elements, and for machines that take what is below
/// `1e-38` for 0.
pub const LEAST_NORM: f64 = 1e-12;
/// See [`LEAST_NORM`].
pub const GREATEST_NORM: f64 = 1e18;
/// The norm from which on a sum of products with halves may be infinite in single precision.
const INFINITE_FROM: f64 = 1e30;

/// What an index keeps of vectors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// Their elements.
    Elements,
    /// Their directions.
    Direction,
}

/// A vector to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct Sought {
    /// It, or its direction, as halves; elements beyond the greatest half are that.
    pub halves: Vec<f16>,
    /// The norm of what it has lost. Infinite where distances in single precision are not what they should be.
    pub lost: f64,
    /// Whether it has lost so much that what is near to the halves is not near to it.
    pub is_another: bool,
}

/// Why an index cannot hold a vector.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// An element beyond the greatest half, or no number.
    #[error(transparent)]
    Element(#[from] crate::Error),
    /// A norm which is not between [`LEAST_NORM`] and [`GREATEST_NORM`], nor 0.
    #[error("norm {0:e} of a vector is out of range")]
    Norm(f64),
}

impl Kept {
    /// What is kept of `vector`.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn of(self, vector: &[f32]) -> Result<Vec<f16>, Refused> {
        if self == Self::Elements {
            return Ok(numbers::round(vector.iter().copied().map(f64::from))?);
        }
        let norm = norm(vector.iter().copied().map(f64::from));
        if norm > 0.0 && !(LEAST_NORM..=GREATEST_NORM).contains(&norm) {
            return Err(Refused::Norm(norm));
        }
        Ok(numbers::round(direction(vector, norm))?)
    }

    /// What is looked for where a query asks for `vector`, whatever that is.
    pub fn sought(self, vector: &[f32]) -> Sought {
        let norm_of_all = norm(vector.iter().copied().map(f64::from));
        let told = match self {
            Self::Elements => norm_of_all < INFINITE_FROM,
            Self::Direction => (LEAST_NORM..=GREATEST_NORM).contains(&norm_of_all),
        };
        let numbers: Vec<f64> = match self {
            Self::Elements => vector.iter().copied().map(f64::from).collect(),
            Self::Direction => direction(vector, norm_of_all).collect(),
        };
        let most = f16::MAX.to_f32();
        let clamped: Vec<f32> = numbers
            .iter()
            .map(|&x| (x as f32).clamp(-most, most))
            .collect();
        let mut halves = vec![f16::ZERO; clamped.len()];
        halves.convert_from_f32_slice(&clamped);
        let lost = norm(
            numbers
                .iter()
                .zip(&halves)
                .map(|(x, half)| x - f64::from(*half)),
        );
        Sought {
            halves,
            lost: if told { lost } else { f64::INFINITY },
            is_another: !told || lost > norm(numbers.iter().copied()) / 64.0,
        }
    }
}

/// The elements of a vector of norm 1 that points where this one does, 0 where it has no direction.
fn direction(vector: &[f32], norm: f64) -> impl Iterator<Item = f64> + Clone {
    let length = if norm > 0.0 { norm } else { 1.0 };
    vector.iter().map(move |&x| f64::from(x) / length)
}

fn norm(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(halves: &[f16]) -> Vec<f32> {
        halves.to_f32_vec()
    }

    #[test]
    fn elements_are_rounded() {
        let kept = Kept::Elements.of(&[1.0, 0.1, -65_504.0]).unwrap();
        assert_eq!(wide(&kept), [1.0, 0.099_975_586, -65_504.0]);
        let refused = Kept::Elements.of(&[1.0, 7e4]).unwrap_err();
        let value = "70000".to_owned();
        assert_eq!(
            refused,
            crate::Error::OutOfRange { element: 2, value }.into()
        );
    }

    #[test]
    fn directions_are_of_norm_1_whatever_the_size() {
        for scale in [1e-12, 1e-7, 1.0, 7e4, 2e17] {
            let kept = Kept::Direction.of(&[3.0 * scale, 4.0 * scale]).unwrap();
            assert_eq!(wide(&kept), [0.600_097_66, 0.799_804_7], "{scale}");
        }
        assert_eq!(wide(&Kept::Direction.of(&[0.0, 0.0]).unwrap()), [0.0, 0.0]);
    }

    #[test]
    fn norms_that_single_precision_does_not_tell_are_refused() {
        for scale in [1e-30, 1e-13, 1e18, f32::MAX] {
            let refused = Kept::Direction.of(&[0.0, scale, scale]).unwrap_err();
            assert!(
                matches!(refused, Refused::Norm(norm) if norm > 0.0),
                "{scale}"
            );
        }
    }

    #[test]
    fn whatever_is_sought_has_halves() {
        let sought = Kept::Elements.sought(&[1.0, 0.5]);
        assert_eq!((sought.lost, sought.is_another), (0.0, false));
        let sought = Kept::Elements.sought(&[1e5, 1.0]);
        assert_eq!(wide(&sought.halves), [65_504.0, 1.0]);
        assert_eq!((sought.lost, sought.is_another), (1e5 - 65_504.0, true));
        // All that it is, is lost.
        let sought = Kept::Elements.sought(&[1e-9, 0.0]);
        assert_eq!((sought.lost, sought.is_another), (f64::from(1e-9f32), true));
        let sought = Kept::Elements.sought(&[f32::MAX, f32::MIN]);
        assert_eq!((sought.lost, sought.is_another), (f64::INFINITY, true));

        let sought = Kept::Direction.sought(&[3e5, 4e5]);
        assert!(sought.lost < 3e-4 && !sought.is_another, "{sought:?}");
        for scale in [1e-30, f32::MAX / 2.0] {
            let sought = Kept::Direction.sought(&[scale, scale]);
            assert_eq!(wide(&sought.halves), [0.707_031_25; 2]);
            assert_eq!((sought.lost, sought.is_another), (f64::INFINITY, true));
        }
    }
}
