//! What a classifier may have at most, and the version of its format.

/// The greatest dimension; that of a `clip_vector`.
pub const MAX_DIMENSIONS: usize = 16_000;
/// The greatest magnitude of a weight, a scale and a bias: logits are then finite.
pub const LARGEST: f64 = 1e9;
/// Numbers in all vectors together, at most: 256 MB.
pub const MAX_WEIGHTS: usize = 1 << 26;
/// Classes at most whose biases are fitted: time and memory grow with the square of their number.
pub const MOST_BIASES: usize = 1000;
/// Version of the bytes, and of the JSON.
pub(crate) const VERSION: u8 = 1;
