//! The model registry: files, not a table.
