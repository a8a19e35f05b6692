//! Linear classifiers of embeddings.
//!
//! A [`Classifier`] has a vector `wᵢ` and a bias `bᵢ` for each class `i`. Of an embedding `x`, whose length does not count,
//! `x̂ = x / |x|`, it makes similarities `wᵢ·x̂`, logits `scale · wᵢ·x̂ + bᵢ`, and by its [`Activation`] probabilities. So
//! it is the same thing whether its vectors are embeddings of prompts, centroids of labelled embeddings or the weights of a
//! logistic regression.
//!
//! [`prompts`] makes one of words, [`Direction`] one vector of several, [`calibration`] sets scale and biases right by embeddings that are there.

mod bytes;
pub mod calibration;
mod decision;
mod direction;
mod error;
mod json;
mod limits;
mod model;
pub mod prompts;
mod selection;

pub use bytes::{FINGERPRINT_BYTES, fingerprint};
pub use decision::Scores;
pub use direction::Direction;
pub use error::Error;
pub use limits::MAX_DIMENSIONS;
pub use model::{Activation, Class, Classifier, Origin, check_size};
pub use selection::Selection;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
