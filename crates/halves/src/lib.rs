//! Vectors of half-precision numbers: what they may hold, how they are written, and what a sample tells of them.
//!
//! A vector is a slice of 1 to [`MAX_DIMENSIONS`] halves, all finite. What is made here holds to that; what is read here is
//! trusted to.
//!
//! | module | what it does |
//! |---|---|
//! | [`decimal`] | one half as decimal text, and the rounding of wider numbers to halves |
//! | [`numbers`] | vectors out of numbers, and parts of vectors |
//! | [`text`] | vectors as text, `[0.1,-2]` |
//! | [`binary`] | vectors in the binary format of pgvector's `halfvec` |
//! | [`singles`] | vectors of single precision as halves for an index, and what that loses |
//! | [`sample`] | how many distinct vectors there are, told from a few |

pub mod binary;
pub mod decimal;
mod error;
pub mod numbers;
pub mod sample;
pub mod singles;
pub mod text;

pub use error::{Error, Result};

/// The greatest dimension; that of pgvector's `halfvec`.
pub const MAX_DIMENSIONS: usize = 16_000;
