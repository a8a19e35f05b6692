//! What can go wrong with the arguments of `clip_duplicates`.

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument that is NULL.
    #[error("argument \"{0}\" must not be null")]
    Missing(&'static str),
    /// A number that is no cosine distance.
    #[error("{argument} must be between 0 and 2, not {value}")]
    Distance {
        /// Which one.
        argument: &'static str,
        /// What was given.
        value: f64,
    },
    /// A group that could not hold a pair.
    #[error("max_diameter {diameter} is less than max_distance {distance}")]
    Diameter {
        /// `max_diameter`.
        diameter: f64,
        /// `max_distance`.
        distance: f64,
    },
    /// The column, or its table.
    #[error(transparent)]
    Column(#[from] crate::vector::Error),
    /// Vectors that are not looked up by an index.
    #[error("no index finds the nearest of column {column} of table {table}")]
    NotIndexed {
        /// The column, quoted where it has to be.
        column: String,
        /// Its table.
        table: String,
    },
    /// The vectors.
    #[error(transparent)]
    Vectors(#[from] duplicates::Error),
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
            Distance { .. } | Diameter { .. } => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Column(error) => error.fields(),
            NotIndexed { column, table } => Fields::explained(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "Without one, every vector would be compared with every other.",
                format!(
                    "Create one by CREATE INDEX ON {table} USING clip_hnsw ({column}); of a view, on the table that it shows, and of a partitioned table, on all partitions."
                ),
            ),
            Vectors(::duplicates::Error::Full) => Fields::of(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            Vectors(_) => Fields::of(ERRCODE_DATA_EXCEPTION),
            Statement(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }
}
