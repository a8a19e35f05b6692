//! What a confusion matrix may have at most.

/// How many labels a matrix may have: a million counts.
pub const MAX_LABELS: usize = 1000;
/// The longest label, in bytes of UTF-8: with [`MAX_LABELS`] it bounds the memory that counting takes.
pub const MAX_LABEL_BYTES: usize = 1 << 16;
/// How many rows a matrix may count: as many as `f64` and JSON's readers have exactly.
pub const MAX_COUNT: u64 = 1 << 53;
