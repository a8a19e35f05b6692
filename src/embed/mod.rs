//! Embeddings of texts and images in SQL.
