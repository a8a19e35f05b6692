//! What can go wrong with the arguments of what learns, and in the crate [`learn`].

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter of an aggregate that is not the same for all rows.
    #[error("{0} must be the same in all rows")]
    Changed(&'static str),
    /// A parameter that must be known is NULL.
    #[error("{0} must not be null")]
    Null(&'static str),
    /// A weight that is none.
    #[error("{name} must be at least 0 and finite, not {value}")]
    Weight {
        /// The argument.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Embeddings by another model than the one that is named.
    #[error("embeddings have {embeddings} dimensions, model \"{model}\" has {dimensions}")]
    Model {
        /// Dimensions of the embeddings.
        embeddings: usize,
        /// The model.
        model: String,
        /// Its dimensions.
        dimensions: usize,
    },
    /// Embeddings of a label that cancel each other out.
    #[error("embeddings of label \"{0}\" have no mean direction")]
    NoDirection(String),
}

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            Changed(_) | Weight { .. } => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Null(_) => Fields::of(ERRCODE_NULL_VALUE_NOT_ALLOWED),
            Model { .. } => Fields::hinted(
                ERRCODE_DATA_EXCEPTION,
                "Name the model that the embeddings are by.",
            ),
            NoDirection(_) => Fields::of(ERRCODE_DATA_EXCEPTION),
        }
    }
}

impl Report for learn::Error {
    fn fields(&self) -> Fields {
        use learn::Error::*;
        match self {
            Memory(_) => Fields::of(ERRCODE_OUT_OF_MEMORY),
            Dimensions(..) | Zero | Interrupted => Fields::of(ERRCODE_INTERNAL_ERROR),
            Classes(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Rows without a label or an embedding do not count.",
            ),
            Penalty(_) | Clusters(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
        }
    }
}
