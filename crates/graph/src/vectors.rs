//! Vectors in memory, one after the other.

use half::f16;

use crate::error::Result;
use crate::layout::Shape;

/// Vectors of one index, with their squared norms.
#[derive(Default)]
pub(crate) struct Vectors {
    halves: Vec<f16>,
    norms: Vec<f32>,
}

impl Vectors {
    /// None yet, with room for so many.
    pub(crate) fn with_capacity(shape: &Shape, count: usize) -> Result<Self> {
        let mut vectors = Self::default();
        vectors.halves.try_reserve_exact(count * shape.dims)?;
        vectors.norms.try_reserve_exact(count)?;
        Ok(vectors)
    }

    pub(crate) fn len(&self) -> usize {
        self.norms.len()
    }

    pub(crate) fn push(&mut self, vector: &[f16], norm_squared: f32) -> Result<()> {
        if self.halves.len() + vector.len() > self.halves.capacity() {
            // Doubling would take twice what a build counts: an eighth more at a time is near enough.
            let more = (self.halves.len() / 8).max(1024 * vector.len());
            self.halves.try_reserve_exact(more)?;
        }
        self.norms.try_reserve(1)?;
        self.halves.extend_from_slice(vector);
        self.norms.push(norm_squared);
        Ok(())
    }

    pub(crate) fn replace(&mut self, at: usize, vector: &[f16], norm_squared: f32) {
        self.halves[at * vector.len()..][..vector.len()].copy_from_slice(vector);
        self.norms[at] = norm_squared;
    }

    pub(crate) fn swap(&mut self, a: usize, b: usize) {
        let dims = self.halves.len() / self.norms.len();
        swap(&mut self.halves, dims, a, b);
        self.norms.swap(a, b);
    }

    pub(crate) fn get(&self, shape: &Shape, node: usize) -> (&[f16], f32) {
        let vector = &self.halves[node * shape.dims..][..shape.dims];
        (vector, self.norms[node])
    }
}

/// Swaps two of the records of `len` elements that `records` is made of.
pub(crate) fn swap<T>(records: &mut [T], len: usize, a: usize, b: usize) {
    let (before, after) = records.split_at_mut(a.max(b) * len);
    before[a.min(b) * len..][..len].swap_with_slice(&mut after[..len]);
}
