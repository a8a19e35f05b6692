//! What can be wrong with a vector. Elements are counted from 1, as in `subvector`.

use crate::error::{Fields, Report};
use pgrx::{PgSqlErrorCode::*, pg_sys::panic::ErrorReport};

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

impl From<Error> for ErrorReport {
    fn from(error: Error) -> Self {
        crate::error::Error::from(error).into()
    }
}

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            DifferentDimensions(..) | UnexpectedDimensions { .. } | NoDimensions => {
                Fields::of(ERRCODE_DATA_EXCEPTION)
            }
            TooManyDimensions => Fields::of(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            NotANumber { element } => {
                Fields::of(ERRCODE_DATA_EXCEPTION).detail(format!("Element {element} is NaN."))
            }
            Infinite { element } => {
                Fields::of(ERRCODE_DATA_EXCEPTION).detail(format!("Element {element} is infinite."))
            }
            OutOfRange { element, .. } => {
                let detail = format!(
                    "Element {element} is not between -65504 and 65504, the range of half precision."
                );
                Fields::of(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE).detail(detail)
            }
            Null { element } => Fields::of(ERRCODE_NULL_VALUE_NOT_ALLOWED)
                .detail(format!("Element {element} is NULL.")),
            Multidimensional(_) => Fields::of(ERRCODE_ARRAY_ELEMENT_ERROR),
            Syntax { detail: text, .. } => {
                Fields::of(ERRCODE_INVALID_TEXT_REPRESENTATION).detail(text.as_str())
            }
            UnusedField(_) => Fields::of(ERRCODE_INVALID_BINARY_REPRESENTATION),
            Truncated => Fields::of(ERRCODE_PROTOCOL_VIOLATION),
            BinaryLength { bytes, dims } => Fields::explained(
                ERRCODE_INVALID_BINARY_REPRESENTATION,
                format!(
                    "It has {bytes} bytes; the dimension that it gives, {dims}, takes {}.",
                    4 + 2 * usize::from(*dims)
                ),
                "The binary format is the number of dimensions and 0, as int16, then the elements in half precision. Send anything else as text or as an array of numbers.",
            ),
            TypeModifier => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Write the number of dimensions, as in clip_vector(512).",
            ),
            DimensionsModifier(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            NotInAggregate => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }
}
