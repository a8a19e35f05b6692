//! Distances between vectors of IEEE half and single precision.
//!
//! Every function takes slices of equal length and accumulates in `f32`. The instruction set is
//! chosen once per process; [`scalar`] is the reference that the others are tested against.

pub mod scalar;

pub use scalar::{cosine_f16 as cosine_distance, dot_f16 as dot, l1_f16 as l1, l2_squared_f16 as l2_squared, norm_f16 as norm};
