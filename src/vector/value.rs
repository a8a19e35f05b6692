//! A vector in memory that Rust owns: 1 to 16000 halves, all finite. Both hold from construction on.

use std::ops::Deref;

use half::f16;
use half::slice::HalfFloatSliceExt;
use kernels::decimal;

use super::{Error, Result};

/// The greatest dimension; that of pgvector's `halfvec`.
pub const MAX_DIMENSIONS: usize = 16_000;

/// An owned `clip_vector`.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Vec<f16>);

impl Vector {
    /// A vector of the halves nearest to `values`.
    ///
    /// # Errors
    /// No value, more than 16000, or one that is not finite or rounds to no finite half.
    pub fn from_f32(values: &[f32]) -> Result<Self> {
        Self::from_numbers(values.iter().copied().map(f64::from))
    }

    /// As [`from_f32`](Self::from_f32), with each number rounded once.
    pub fn from_numbers<N>(numbers: N) -> Result<Self>
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
        Ok(Self(halves))
    }

    /// A vector of elements that are finite, or the first error among them.
    pub(super) fn collect(elements: impl IntoIterator<Item = Result<f16>>) -> Result<Self> {
        let elements = elements.into_iter();
        let mut halves = Vec::with_capacity(elements.size_hint().0.min(MAX_DIMENSIONS));
        for element in elements {
            halves.push(element?);
            if halves.len() > MAX_DIMENSIONS {
                break;
            }
        }
        check_count(halves.len())?;
        Ok(Self(halves))
    }

    /// A copy of a stored vector.
    pub fn from_stored(halves: &[f16]) -> Self {
        Self(halves.to_vec())
    }

    /// The number of elements, 1 to 16000.
    pub fn dims(&self) -> usize {
        self.0.len()
    }

    /// The elements.
    pub fn halves(&self) -> &[f16] {
        &self.0
    }

    /// The vector, where its dimension is the one a type modifier allows; -1 allows any.
    pub fn with_modifier(self, modifier: i32) -> Result<Self> {
        check_modifier(&self, modifier)?;
        Ok(self)
    }
}

impl Deref for Vector {
    type Target = [f16];

    fn deref(&self) -> &[f16] {
        &self.0
    }
}

/// Checks a dimension against a type modifier; -1 allows any.
pub fn check_modifier(vector: &[f16], modifier: i32) -> Result<()> {
    let actual = vector.len();
    if modifier != -1 && usize::try_from(modifier) != Ok(actual) {
        let expected = modifier;
        return Err(Error::UnexpectedDimensions { expected, actual });
    }
    Ok(())
}

/// Checks that a number of elements is one that a vector can have.
pub fn check_count(dims: usize) -> Result<()> {
    match dims {
        0 => Err(Error::NoDimensions),
        1..=MAX_DIMENSIONS => Ok(()),
        _ => Err(Error::TooManyDimensions),
    }
}

/// Checks that two vectors are of one dimension.
#[inline]
pub fn check_dimensions(a: &[f16], b: &[f16]) -> Result<()> {
    if a.len() == b.len() {
        return Ok(());
    }
    Err(Error::DifferentDimensions(a.len(), b.len()))
}

/// Why a number is no element.
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

/// The element at `index`, from a number's text; None where the text is no number.
pub fn read(index: usize, text: &str) -> Option<Result<f16>> {
    let half = decimal::parse(text)?;
    let element = index + 1;
    Some(if half.is_finite() {
        Ok(half)
    } else if half.is_nan() {
        Err(Error::NotANumber { element })
    } else if text.bytes().any(|byte| byte.is_ascii_digit()) {
        let value = text.to_owned();
        Err(Error::OutOfRange { element, value })
    } else {
        Err(Error::Infinite { element })
    })
}
