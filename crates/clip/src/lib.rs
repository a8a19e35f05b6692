//! CLIP models: from model files, texts and images to embeddings.
//!
//! A [`manifest::Manifest`] describes the files of one model, as [`inspect`] finds them; an [`encoder::Encoder`] turns texts
//! and preprocessed images into unit vectors. Nothing here knows about PostgreSQL.
//!
//! Each module uses only those above its own:
//!
//! | module | what it does |
//! |---|---|
//! | [`error`] | what can go wrong |
//! | [`cancel`] | how a call is stopped |
//! | [`template`] | what is made of a text before it is embedded |
//! | [`tokenize`] | texts to token ids: the only file that names `tokenizers` |
//! | [`session`] | ONNX Runtime: the only file that names `ort` |
//! | `files` | reading and checking files of a model |
//! | [`manifest`] | the description of a model |
//! | [`encoder`] | texts and images to unit vectors |
//! | [`inspect`] | a model directory to its description |

pub mod cancel;
pub mod encoder;
pub mod error;
mod files;
pub mod inspect;
pub mod manifest;
pub mod session;
pub mod template;
pub mod tokenize;

#[cfg(test)]
mod testing;

pub use error::{Error, Result};
