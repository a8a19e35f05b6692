//! What can be wrong with a vector. Elements are counted from 1, as in `subvector`.

use crate::MAX_DIMENSIONS;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a vector; the messages are those that pgvector has for its types. The extension maps each variant to
/// an SQLSTATE.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Two vectors that must be of one dimension are not.
    #[error("different clip_vector dimensions {0} and {1}")]
    DifferentDimensions(usize, usize),
    /// A vector does not have the dimension of its column or of its type modifier.
    #[error("expected {expected} dimensions, not {actual}")]
    UnexpectedDimensions {
        /// What the type modifier says.
        expected: i32,
        /// What the vector has.
        actual: usize,
    },
    /// A vector without elements.
    #[error("clip_vector must have at least 1 dimension")]
    NoDimensions,
    /// A vector with too many elements.
    #[error("clip_vector cannot have more than {MAX_DIMENSIONS} dimensions")]
    TooManyDimensions,
    /// An element that is not a number.
    #[error("NaN not allowed in clip_vector")]
    NotANumber {
        /// Its position.
        element: usize,
    },
    /// An element that is given as infinite.
    #[error("infinite value not allowed in clip_vector")]
    Infinite {
        /// Its position.
        element: usize,
    },
    /// An element that is a number beyond the greatest half.
    #[error("\"{value}\" is out of range for type clip_vector")]
    OutOfRange {
        /// Its position.
        element: usize,
        /// The number.
        value: String,
    },
    /// An element that is NULL.
    #[error("NULL not allowed in clip_vector")]
    Null {
        /// Its position.
        element: usize,
    },
    /// Text that is no vector.
    #[error("invalid input syntax for type clip_vector: \"{input}\"")]
    Syntax {
        /// The text, or its beginning.
        input: String,
        /// What is wrong with it, a sentence.
        detail: String,
    },
    /// The reserved field of the binary format is in use.
    #[error("expected unused to be 0, not {0}")]
    UnusedField(u16),
    /// A binary value that ends before its elements; the message is PostgreSQL's own.
    #[error("insufficient data left in message")]
    Truncated,
    /// A binary value that is not as long as it says.
    #[error("invalid binary value for type clip_vector")]
    BinaryLength {
        /// How long it is.
        bytes: usize,
        /// The dimension that it gives.
        dims: u16,
    },
}
