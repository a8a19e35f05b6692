//! Vectors that an aggregate keeps until it has met all of them.

use half::f16;
use pgrx::{PgMemoryContexts, pg_sys};

use super::interrupt;
use crate::error::Result;
use crate::vector;

/// Halves that memory is asked for at a time: 1 MB.
const CHUNK: usize = 1 << 19;

/// Vectors of one dimension, none of norm 0, in the memory of an aggregate.
pub struct Gathered {
    memory: pg_sys::MemoryContext,
    /// Static as far as Rust can tell. They live as long as the aggregate's memory, and this is dropped when that goes.
    vectors: Vec<&'static [f16]>,
    /// What is left of what was last asked for.
    left: &'static mut [f16],
}

impl Gathered {
    /// No vectors yet.
    pub fn new(memory: pg_sys::MemoryContext) -> Self {
        Self {
            memory,
            vectors: Vec::new(),
            left: &mut [],
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Adds a copy of a vector; whether it has a direction, or is left out.
    pub fn push(&mut self, vector: &[f16]) -> Result<bool> {
        if kernels::norm(vector) == 0.0 {
            return Ok(false);
        }
        if let Some(first) = self.vectors.first() {
            vector::check_dimensions(first, vector)?;
        }
        self.vectors.try_reserve(1).map_err(learn::Error::from)?;
        if self.left.len() < vector.len() {
            // As much again as there is, so that a group of a few vectors takes little.
            let halves = (self.vectors.len() * vector.len()).min(CHUNK);
            // SAFETY: new memory of that size, which is filled before it is read, as any bits are a half.
            self.left = unsafe {
                PgMemoryContexts::For(self.memory).palloc0_slice(halves.max(vector.len()))
            };
        }
        let (copy, left) = std::mem::take(&mut self.left).split_at_mut(vector.len());
        copy.copy_from_slice(vector);
        self.left = left;
        self.vectors.push(copy);
        Ok(true)
    }

    /// The vectors, to learn from.
    pub fn rows(&self) -> Result<learn::rows::Rows<'_>> {
        let mut rows = learn::rows::Rows::default();
        for vector in &self.vectors {
            interrupt()?;
            rows.push(vector)?;
        }
        Ok(rows)
    }
}
