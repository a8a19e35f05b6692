//! What can go wrong with the arguments of an embedding function.

/// An error of an argument. What is wrong with a text or an image itself is a [`clip::Error`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text or an image in an array is at fault.
    #[error("{error}")]
    Element {
        /// Its position, from 1.
        position: usize,
        /// What is wrong with it.
        error: Box<crate::error::Error>,
    },
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
