//! What can go wrong with an argument.

/// An error of an argument.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
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
    /// Terms that cannot be added up.
    #[error(transparent)]
    Terms(#[from] halves::Error),
    /// Terms that cancel each other out.
    #[error("the terms of the query add up to zero")]
    ZeroQuery,
    /// A number of images that is none.
    #[error("among must be a finite number of images, not {}", .0.map_or("NULL".to_owned(), |among| among.to_string()))]
    Among(Option<f64>),
    /// A margin that nothing can be compared with.
    #[error("margin must be a number, not NaN")]
    Margin,
    /// A share that is none.
    #[error("share must be between 0 and 1, not {0}")]
    Share(f64),
    /// Texts that have no spread.
    #[error("the background needs at least two texts, not {0}")]
    Background(usize),
    /// An image that cannot be compared with the query.
    #[error("an image has {image} dimensions, the query {query}")]
    ImageDimensions {
        /// Dimensions of the image.
        image: usize,
        /// Those of the query.
        query: usize,
    },
    /// Texts that cannot be compared with the query.
    #[error("the background has {background} dimensions, the query {query}")]
    BackgroundDimensions {
        /// Dimensions of a text.
        background: usize,
        /// Those of the query.
        query: usize,
    },
    /// Bounds that no similarity is between.
    #[error("low must be less than high, and both finite, not {low} and {high}")]
    Bounds {
        /// The similarity of no dot.
        low: f64,
        /// The similarity of all dots.
        high: f64,
    },
    /// No dots at all.
    #[error("dots must be positive, not {0}")]
    Dots(i32),
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
