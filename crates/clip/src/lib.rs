//! CLIP models: from model files, texts and images to embeddings.
//!
//! A [`manifest::Manifest`] describes the files of one model; an [`encoder::Encoder`] turns texts and
//! preprocessed images into unit vectors. Nothing here knows about PostgreSQL.

pub mod encoder;
pub mod error;
pub mod manifest;
pub mod session;
pub mod tokenize;

#[cfg(test)]
mod testing;

pub use error::{Error, Result};
