//! Embeddings of texts and images in SQL, and what else is to be done with images.
//!
//! How they come about is the business of [`inference`](crate::inference).

mod error;
mod functions;
mod image;
mod metadata;
mod query;
mod support;

pub use error::Error;
