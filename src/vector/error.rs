//! What can be wrong with a vector. Elements are counted from 1, as in `subvector`.

use super::value::MAX_DIMENSIONS;

/// Result of what only handles vectors.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a vector; the messages are those pgvector has for its types.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two vectors that must be of one dimension are not.
    #[error("different clip_vector dimensions {0} and {1}")]
    DifferentDimensions(usize, usize),
    /// A vector does not have the dimension of its column or of its type modifier.
    #[error("expected {expected} dimensions, not {actual}")]
    UnexpectedDimensions { expected: i32, actual: usize },
    /// A vector without elements.
    #[error("clip_vector must have at least 1 dimension")]
    NoDimensions,
    /// A vector with too many elements.
    #[error("clip_vector cannot have more than {MAX_DIMENSIONS} dimensions")]
    TooManyDimensions,
    /// An element that is not a number.
    #[error("NaN not allowed in clip_vector")]
    NotANumber { element: usize },
    /// An element that is given as infinite.
    #[error("infinite value not allowed in clip_vector")]
    Infinite { element: usize },
    /// An element that is a number beyond the greatest half.
    #[error("\"{value}\" is out of range for type clip_vector")]
    OutOfRange { element: usize, value: String },
    /// An element that is NULL.
    #[error("NULL not allowed in clip_vector")]
    Null { element: usize },
    /// An array of arrays.
    #[error("array must have one dimension, not {0}")]
    Multidimensional(usize),
    /// Text that is no vector.
    #[error("invalid input syntax for type clip_vector: \"{input}\"")]
    Syntax { input: String, detail: String },
    /// The reserved field of the binary format is in use.
    #[error("expected unused to be 0, not {0}")]
    UnusedField(u16),
    /// A binary value that ends before its elements; the message is the server's own.
    #[error("insufficient data left in message")]
    Truncated,
    /// A binary value that is not as long as it says.
    #[error("invalid binary value for type clip_vector")]
    BinaryLength { bytes: usize, dims: u16 },
    /// A type modifier other than one number.
    #[error("invalid type modifier for type clip_vector")]
    TypeModifier,
    /// A type modifier that is no dimension.
    #[error("dimensions for type clip_vector must be between 1 and {MAX_DIMENSIONS}, not {0}")]
    DimensionsModifier(i32),
    /// An aggregate's support function, called as a function of its own: which SQL cannot do, as no value is internal.
    #[error("aggregate function called in non-aggregate context")]
    NotInAggregate,
}
