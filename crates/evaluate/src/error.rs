//! What can be wrong with a confusion matrix. The extension maps each variant to an SQLSTATE.

use crate::{MAX_COUNT, MAX_LABEL_BYTES, MAX_LABELS};

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More labels than a matrix may have.
    #[error("a confusion matrix cannot have more than {MAX_LABELS} labels")]
    TooManyLabels,
    /// A label that is longer than labels are.
    #[error("a label of a confusion matrix cannot have more than {MAX_LABEL_BYTES} bytes, not {0}")]
    LongLabel(usize),
    /// More rows than are counted exactly.
    #[error("the counts of a confusion matrix cannot add up to more than {MAX_COUNT}")]
    TooManyRows,
    /// JSON that is none, or of another structure.
    #[error("invalid confusion matrix")]
    Json(#[from] serde_json::Error),
    /// The same label twice.
    #[error("label \"{0}\" of a confusion matrix is there twice")]
    DuplicateLabel(String),
    /// Not as many rows, columns or counts without a prediction as there are labels.
    #[error("\"{part}\" of a confusion matrix has {found} elements for {labels} labels")]
    Shape {
        /// Where: `counts`, `counts[2]` or `none`.
        part: String,
        /// How many elements there are.
        found: usize,
        /// How many there should be.
        labels: usize,
    },
}
