//! What can go wrong with what is to be evaluated, and in the crate [`evaluate`].

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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

impl Report for Error {
    fn fields(&self) -> Fields {
        match self {
            Error::NotANumber => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Leave such rows out by a FILTER or WHERE clause; the similarity of a zero vector is NaN.",
            ),
            Error::Depth(_) | Error::Depths(..) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
        }
    }
}

/// How a confusion matrix is written.
const CONFUSION: &str = r#"Write {"labels": ["a", "b"], "counts": [[5, 1], [0, 7]], "none": [0, 2]}: whole numbers, a row of counts for each true label, a column for each predicted one; "none" may be left out."#;

impl Report for evaluate::Error {
    fn fields(&self) -> Fields {
        use evaluate::Error::*;
        match self {
            TooManyLabels | LongLabel(_) => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "What is counted are labels, of which many rows have the same.",
            ),
            TooManyRows => Fields::of(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            Json(error) => Fields::explained(ERRCODE_CHECK_VIOLATION, error.to_string(), CONFUSION),
            DuplicateLabel(_) | Shape { .. } => Fields::hinted(ERRCODE_CHECK_VIOLATION, CONFUSION),
        }
    }
}
