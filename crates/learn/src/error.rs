//! What can be wrong with rows and parameters.

use crate::MOST_CLUSTERS;

/// Why nothing was learned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Vectors of different lengths.
    #[error("different dimensions {0} and {1}")]
    Dimensions(usize, usize),
    /// A vector of norm 0.
    #[error("a zero vector has no direction")]
    Zero,
    /// There is nothing to tell apart.
    #[error("a classifier takes embeddings of at least two labels, not {0}")]
    Classes(usize),
    /// A penalty, the weight of the squares, that is none.
    #[error("l2 must be at least 0 and finite, not {0}")]
    Penalty(f64),
    /// A number of clusters that is none.
    #[error("k must be between 1 and {MOST_CLUSTERS}, not {0}")]
    Clusters(i64),
    /// There is not enough memory.
    #[error("out of memory")]
    Memory(#[from] std::collections::TryReserveError),
    /// The caller asked for an end.
    #[error("interrupted")]
    Interrupted,
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// `count` zeros, where there may be no memory for them.
pub(crate) fn zeros<T: Copy + Default>(count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count)?;
    values.resize(count, T::default());
    Ok(values)
}
