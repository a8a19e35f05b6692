//! What can go wrong with the arguments of an embedding function.

use crate::error::{self, Fields, Report, reason};
use pgrx::PgSqlErrorCode::*;
use std::io;

/// An error of an argument. What is wrong with a text or an image itself is a [`clip::Error`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text or an image in an array is at fault.
    #[error("{error}")]
    Element {
        /// Its position, from 1.
        position: usize,
        /// What is wrong with it.
        error: error::Error,
    },
    /// The thread that models run on.
    #[error("could not run a thread: {}", reason(.0))]
    Thread(io::Error),
    /// The model is not where this process has put it.
    #[error("model \"{0}\" is not among those that this process has loaded")]
    NoEncoder(String),
    /// An array that is to be combined holds a NULL.
    #[error("array \"{0}\" must not contain nulls")]
    NullElement(&'static str),
    /// A thumbnail without pixels.
    #[error("maximum side of a thumbnail must be positive, not {0}")]
    ThumbnailSide(i32),
    /// A query without terms.
    #[error("clip_query needs at least one text, image or vector")]
    NoTerms,
    /// Weights that do not go with the terms.
    #[error("number of weights ({weights}) differs from number of terms ({terms})")]
    WeightCount {
        /// Weights given.
        weights: usize,
        /// Terms given.
        terms: usize,
    },
    /// A weight that is NaN or infinite, by its position from 1.
    #[error("weight {0} is not a finite number")]
    Weight(usize),
    /// A template without a place for the text.
    #[error("query template \"{0}\" has no place for the text")]
    Template(String),
    /// Terms that cancel each other out.
    #[error("the terms of the query add up to zero")]
    ZeroQuery,
}

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            Element { position, error } => error
                .fields()
                .detail(format!("Element {position} of the array is at fault.")),
            Thread(_) => Fields::hinted(
                ERRCODE_INSUFFICIENT_RESOURCES,
                "The operating system limits how many processes and threads the server's user may have; sessions need no thread where a background worker runs the models.",
            ),
            NoEncoder(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
            NullElement(_) => Fields::hinted(
                ERRCODE_NULL_VALUE_NOT_ALLOWED,
                "Leave nulls out with array_remove or a WHERE clause.",
            ),
            ThumbnailSide(_) | Weight(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            NoTerms => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Name what is given, as in clip_query(texts => '{a red car}').",
            ),
            WeightCount { .. } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Give one weight for each text, image, minus_text, minus_image, vector and minus_vector, in that order.",
            ),
            Template(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Write {} where the text belongs. An empty template leaves texts as they are.",
            ),
            ZeroQuery => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "A query needs a direction: what is added must differ from what is subtracted.",
            ),
        }
    }

    fn without_paths(&self) -> Option<String> {
        match self {
            Error::Element { error, .. } => error.without_paths(),
            _ => None,
        }
    }

    fn is_of_input(&self) -> bool {
        matches!(self, Error::Element { .. }) && self.fields().may_be_of_input()
    }
}
