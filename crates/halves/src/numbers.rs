//! Vectors out of numbers, and parts of vectors. Each number is rounded once.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::{Error, MAX_DIMENSIONS, Result, decimal};

/// The halves nearest to `numbers`.
///
/// # Errors
/// No number, more than [`MAX_DIMENSIONS`], or one that is not finite or rounds to no finite half.
pub fn round<N>(numbers: N) -> Result<Vec<f16>>
where
    N: IntoIterator<Item = f64, IntoIter: Clone>,
{
    let numbers = numbers.into_iter();
    let singles = numbers.clone().take(MAX_DIMENSIONS + 1);
    let singles: Vec<f32> = singles.map(decimal::round_to_odd).collect();
    check_count(singles.len())?;
    let mut halves = vec![f16::ZERO; singles.len()];
    halves.convert_from_f32_slice(&singles);
    for ((index, half), number) in halves.iter().enumerate().zip(numbers) {
        if !half.is_finite() {
            return Err(no_half(index, number));
        }
    }
    Ok(halves)
}

/// A vector of elements that are finite, or the first error among them.
///
/// # Errors
/// That of an element; no element, or more than [`MAX_DIMENSIONS`].
pub fn collect<E: From<Error>>(
    elements: impl IntoIterator<Item = std::result::Result<f16, E>>,
) -> std::result::Result<Vec<f16>, E> {
    let elements = elements.into_iter();
    let mut halves = Vec::with_capacity(elements.size_hint().0.min(MAX_DIMENSIONS));
    for element in elements {
        halves.push(element?);
        if halves.len() > MAX_DIMENSIONS {
            break;
        }
    }
    check_count(halves.len())?;
    Ok(halves)
}

/// `count` elements from the `start`-th on, of those that there are: as SQL's `substring` does.
///
/// # Errors
/// None of them is there.
pub fn part(vector: &[f16], start: i32, count: i32) -> Result<&[f16]> {
    let first = i64::from(start).max(1) - 1;
    let end = (i64::from(start) - 1 + i64::from(count)).min(vector.len() as i64);
    if count < 1 || first >= end {
        return Err(Error::NoDimensions);
    }
    Ok(&vector[first as usize..end as usize])
}

/// The elements, with 0 for -0: the same for vectors that are equal.
pub fn canonical(vector: &[f16]) -> impl Iterator<Item = f16> {
    vector
        .iter()
        .map(|&half| if half == f16::ZERO { f16::ZERO } else { half })
}

/// Checks that a number of elements is one that a vector can have.
///
/// # Errors
/// It is not between 1 and [`MAX_DIMENSIONS`].
pub fn check_count(dims: usize) -> Result<()> {
    match dims {
        0 => Err(Error::NoDimensions),
        1..=MAX_DIMENSIONS => Ok(()),
        _ => Err(Error::TooManyDimensions),
    }
}

/// Checks a dimension against a type modifier; -1 allows any.
///
/// # Errors
/// The modifier is another dimension.
pub fn check_modifier(vector: &[f16], modifier: i32) -> Result<()> {
    let actual = vector.len();
    if modifier != -1 && usize::try_from(modifier) != Ok(actual) {
        let expected = modifier;
        return Err(Error::UnexpectedDimensions { expected, actual });
    }
    Ok(())
}

/// Checks that two vectors are of one dimension.
///
/// # Errors
/// They are not.
#[inline]
pub fn check_dimensions(a: &[f16], b: &[f16]) -> Result<()> {
    if a.len() == b.len() {
        return Ok(());
    }
    Err(Error::DifferentDimensions(a.len(), b.len()))
}

/// Why the number at `index`, counted from 0, is no element.
pub fn no_half(index: usize, number: f64) -> Error {
    let element = index + 1;
    if number.is_nan() {
        Error::NotANumber { element }
    } else if number.is_infinite() {
        Error::Infinite { element }
    } else {
        let value = if number.abs() < 1e15 {
            number.to_string()
        } else {
            format!("{number:e}")
        };
        Error::OutOfRange { element, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves(numbers: &[f64]) -> Vec<f16> {
        round(numbers.iter().copied()).unwrap()
    }

    #[test]
    fn numbers_are_rounded_once() {
        // The middle between two halves, and a little more than a single can tell from it.
        let middle = 1.0 + 2f64.powi(-11);
        let above = middle + 2f64.powi(-40);
        assert_eq!(halves(&[middle, above]), [f16::ONE, f16::from_bits(0x3c01)]);
    }

    #[test]
    fn what_is_no_half_is_refused() {
        assert_eq!(round([]), Err(Error::NoDimensions));
        assert_eq!(
            round([1.0, f64::NAN]),
            Err(Error::NotANumber { element: 2 })
        );
        assert_eq!(round([f64::INFINITY]), Err(Error::Infinite { element: 1 }));
        let value = |value: &str| Error::OutOfRange {
            element: 1,
            value: value.to_owned(),
        };
        assert_eq!(round([65520.0]), Err(value("65520")));
        assert_eq!(round([-1e300]), Err(value("-1e300")));
        assert!(round([65519.0, -65519.0]).is_ok());
        let many = std::iter::repeat_n(1.0, MAX_DIMENSIONS);
        assert!(round(many.clone()).is_ok());
        assert_eq!(round(many.chain([1.0])), Err(Error::TooManyDimensions));
    }

    #[test]
    fn endless_elements_end() {
        let endless = std::iter::repeat(Ok::<_, Error>(f16::ONE));
        assert_eq!(collect(endless), Err(Error::TooManyDimensions));
    }

    #[test]
    fn parts_are_as_substring_has_them() {
        let vector = halves(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(part(&vector, 2, 2).unwrap(), &vector[1..3]);
        assert_eq!(part(&vector, -1, 4).unwrap(), &vector[..2]);
        assert_eq!(part(&vector, 3, i32::MAX).unwrap(), &vector[2..]);
        for (start, count) in [
            (1, 0),
            (1, -1),
            (5, 1),
            (-3, 4),
            (i32::MIN, 1),
            (i32::MAX, 1),
        ] {
            assert_eq!(part(&vector, start, count), Err(Error::NoDimensions));
        }
    }

    #[test]
    fn modifiers_are_dimensions() {
        let vector = halves(&[1.0, 2.0]);
        assert_eq!(check_modifier(&vector, -1), Ok(()));
        assert_eq!(check_modifier(&vector, 2), Ok(()));
        let (expected, actual) = (3, 2);
        assert_eq!(
            check_modifier(&vector, 3),
            Err(Error::UnexpectedDimensions { expected, actual })
        );
    }

    #[test]
    fn zeros_are_one() {
        let zeros = halves(&[0.0, -0.0, 1.0]);
        let bits: Vec<u16> = canonical(&zeros).map(f16::to_bits).collect();
        assert_eq!(bits, [0, 0, 0x3c00]);
    }
}
