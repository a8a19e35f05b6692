//! The vectors to learn from.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::{Error, Result, zeros};

/// Rows that are widened at a time: as many as fit the second-level cache at usual dimensions.
pub(crate) const BLOCK: usize = 256;

/// Vectors of one dimension, none of them zero.
#[derive(Clone, Debug, Default)]
pub struct Rows<'a> {
    rows: Vec<&'a [f16]>,
    /// What makes unit vectors of them.
    factors: Vec<f32>,
}

impl<'a> Rows<'a> {
    /// Adds a vector.
    ///
    /// # Errors
    /// It is of another dimension than those before, or zero; there is no memory.
    pub fn push(&mut self, row: &'a [f16]) -> Result<()> {
        if let Some(first) = self.rows.first()
            && first.len() != row.len()
        {
            return Err(Error::Dimensions(first.len(), row.len()));
        }
        let norm = kernels::norm(row);
        if norm == 0.0 {
            return Err(Error::Zero);
        }
        self.rows.try_reserve(1)?;
        self.factors.try_reserve(1)?;
        self.rows.push(row);
        self.factors.push((1.0 / norm) as f32);
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Their dimension; 0 where there is none.
    pub fn dims(&self) -> usize {
        self.rows.first().map_or(0, |row| row.len())
    }

    /// A row as it was given.
    pub(crate) fn get(&self, at: usize) -> &'a [f16] {
        self.rows[at]
    }

    /// What makes a unit vector of a row.
    pub(crate) fn factor(&self, at: usize) -> f32 {
        self.factors[at]
    }

    /// The order that learning goes by: that of their elements, whatever order they came in. Equal rows are as good as each
    /// other but for what `tell` tells of them.
    pub(crate) fn order<T: Ord>(&self, tell: impl Fn(usize) -> T) -> Result<Vec<usize>> {
        let bits = |at: usize| self.rows[at].iter().map(|half| half.to_bits());
        let mut order = zeros(self.len())?;
        order
            .iter_mut()
            .enumerate()
            .for_each(|(at, place)| *place = at);
        order.sort_unstable_by(|&a, &b| bits(a).cmp(bits(b)).then_with(|| tell(a).cmp(&tell(b))));
        Ok(order)
    }

    /// Room for a block of rows.
    pub(crate) fn room(&self) -> Result<Vec<f32>> {
        zeros(BLOCK.min(self.len()) * self.dims())
    }

    /// Widens the rows of a block, not made unit vectors yet, and returns them.
    pub(crate) fn widen<'b>(&self, block: &[usize], room: &'b mut [f32]) -> &'b mut [f32] {
        let dims = self.dims();
        for (&at, row) in block.iter().zip(room.chunks_exact_mut(dims)) {
            self.rows[at].convert_to_f32_slice(row);
        }
        &mut room[..block.len() * dims]
    }
}
