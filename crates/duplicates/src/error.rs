//! What can go wrong with vectors that are to be grouped.

/// An error of a vector.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Vectors of several dimensions.
    #[error("vector has {found} dimensions, others have {expected}")]
    Dimensions {
        /// Dimensions of the first vector.
        expected: usize,
        /// Dimensions of this one.
        found: usize,
    },
    /// A vector that has no cosine distance from any other.
    #[error("vector has no direction")]
    NoDirection,
    /// More vectors than can be numbered.
    #[error("more than {} vectors have neighbours", u32::MAX)]
    Full,
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
