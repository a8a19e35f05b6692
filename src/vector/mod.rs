//! The type `clip_vector`.
