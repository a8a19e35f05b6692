//! What can go wrong with what is to be evaluated.

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A confusion matrix.
    #[error(transparent)]
    Matrix(#[from] ::evaluate::Error),
    /// A score that has no place in an order.
    #[error("score must be a number, not NaN")]
    NotANumber,
    /// A depth without a row.
    #[error("argument \"k\" must be at least 1, not {0}")]
    Depth(i32),
    /// Several depths at once.
    #[error("argument \"k\" must be the same for all rows of a group, not {0} and {1}")]
    Depths(u64, u64),
}
