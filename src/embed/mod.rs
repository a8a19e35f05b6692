//! Embeddings of texts and images in SQL.

pub mod thread;
