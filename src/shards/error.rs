//! What can go wrong with the arguments of `clip_shard_search`.

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument that is NULL.
    #[error("argument \"{0}\" must not be null")]
    Missing(&'static str),
    /// A number of rows that is none.
    #[error("k must be at least 1, not {0}")]
    K(i32),
    /// A metric that there is not.
    #[error("unknown metric \"{0}\"")]
    Metric(String),
    /// The column, or its table.
    #[error(transparent)]
    Column(#[from] crate::vector::Error),
    /// A statement without an error of the server's own.
    #[error("could not run a statement: {0}")]
    Statement(#[from] pgrx::spi::Error),
}

/// Result with this module's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            Missing(_) => Fields::of(ERRCODE_NULL_VALUE_NOT_ALLOWED),
            K(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Metric(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Metrics are cosine, ip and l2, as in the names of operator classes.",
            ),
            Column(error) => error.fields(),
            Statement(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }
}
