//! What can go wrong with the arguments of an embedding function.

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error of an argument. What is wrong with a text or an image itself is a [`clip::Error`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A thumbnail without pixels.
    #[error("maximum side of a thumbnail must be positive, not {0}")]
    ThumbnailSide(i32),
    /// A thumbnail of no quality that there is.
    #[error("quality of a thumbnail must be between 1 and 100, not {0}")]
    ThumbnailQuality(i32),
    /// An array that belongs to another one of images.
    #[error("array of {name} has {length} elements, that of images has {images}")]
    Lengths {
        /// Which array.
        name: &'static str,
        /// Its elements.
        length: usize,
        /// Images.
        images: usize,
    },
    /// A template without a place for the text.
    #[error("query template \"{0}\" has no place for the text")]
    Template(String),
}

impl Report for Error {
    fn fields(&self) -> Fields {
        match self {
            Self::ThumbnailSide(_) | Self::ThumbnailQuality(_) => {
                Fields::of(ERRCODE_INVALID_PARAMETER_VALUE)
            }
            Self::Lengths { .. } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Each image has an element of its own; null stands for the whole picture.",
            ),
            Self::Template(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Write {} where the text belongs. An empty template leaves texts as they are.",
            ),
        }
    }
}
