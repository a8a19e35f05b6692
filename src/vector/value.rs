//! A vector in memory that Rust owns: 1 to 16000 halves, all finite. Both hold from construction on.

use std::ops::Deref;

use half::f16;

use super::Result;

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
        Ok(Self(halves::numbers::round(numbers)?))
    }

    /// A vector of elements that are finite, or the first error among them.
    pub(super) fn collect(elements: impl IntoIterator<Item = Result<f16>>) -> Result<Self> {
        Ok(Self(halves::numbers::collect(elements)?))
    }

    /// The vector that `input` is the text of.
    pub(super) fn parse(input: &str) -> Result<Self> {
        Ok(Self(halves::text::parse(input)?))
    }

    /// The vector that `bytes` are, in the binary format.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        Ok(Self(halves::binary::decode(bytes)?))
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
        halves::numbers::check_modifier(&self, modifier)?;
        Ok(self)
    }
}

impl Deref for Vector {
    type Target = [f16];

    fn deref(&self) -> &[f16] {
        &self.0
    }
}

/// Checks that two vectors are of one dimension.
#[inline]
pub fn check_dimensions(a: &[f16], b: &[f16]) -> Result<()> {
    Ok(halves::numbers::check_dimensions(a, b)?)
}
