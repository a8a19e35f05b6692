//! What can go wrong with the arguments of what learns.

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Rows and parameters.
    #[error(transparent)]
    Learn(#[from] learn::Error),
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

impl From<learn::Error> for crate::error::Error {
    fn from(error: learn::Error) -> Self {
        Error::from(error).into()
    }
}
