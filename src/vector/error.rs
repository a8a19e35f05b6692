//! What can be wrong with a vector, and with what a vector is made of.

use crate::error::{Fields, Report};
use halves::MAX_DIMENSIONS;
use pgrx::{PgSqlErrorCode::*, pg_sys::panic::ErrorReport};

/// Result of what only handles vectors.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the type `clip_vector`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A vector.
    #[error(transparent)]
    Value(#[from] halves::Error),
    /// An array of arrays.
    #[error("array must have one dimension, not {0}")]
    Multidimensional(usize),
    /// A type modifier other than one number.
    #[error("invalid type modifier for type clip_vector")]
    TypeModifier,
    /// A type modifier that is no dimension.
    #[error("dimensions for type clip_vector must be between 1 and {MAX_DIMENSIONS}, not {0}")]
    DimensionsModifier(i32),
    /// A relation that is gone.
    #[error("relation with OID {0} does not exist")]
    NoTable(u32),
    /// A column that there is not.
    #[error("column \"{column}\" of table {table} does not exist")]
    NoColumn {
        /// The column.
        column: String,
        /// Its table.
        table: String,
    },
    /// A column of another type.
    #[error("column \"{column}\" of table {table} is of type {kind}")]
    NotVectors {
        /// The column.
        column: String,
        /// Its table.
        table: String,
        /// Its type.
        kind: String,
    },
    /// A statement without an error of the server's own.
    #[error("could not run a statement: {0}")]
    Statement(#[from] pgrx::spi::Error),
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
            Value(error) => error.fields(),
            Multidimensional(_) => Fields::of(ERRCODE_ARRAY_ELEMENT_ERROR),
            TypeModifier => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Write the number of dimensions, as in clip_vector(512).",
            ),
            DimensionsModifier(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            NoTable(_) => Fields::of(ERRCODE_UNDEFINED_TABLE),
            NoColumn { .. } => Fields::of(ERRCODE_UNDEFINED_COLUMN),
            NotVectors { .. } => Fields::hinted(
                ERRCODE_DATATYPE_MISMATCH,
                "An embedding is kept in a column of type clip_vector.",
            ),
            Statement(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }
}

impl Report for halves::Error {
    fn fields(&self) -> Fields {
        use halves::Error::*;
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
            Syntax { detail: text, .. } => {
                Fields::of(ERRCODE_INVALID_TEXT_REPRESENTATION).detail(text.as_str())
            }
            UnusedField(_) => Fields::of(ERRCODE_INVALID_BINARY_REPRESENTATION),
            Truncated => Fields::of(ERRCODE_PROTOCOL_VIOLATION),
            BinaryLength { bytes, dims } => Fields::explained(
                ERRCODE_INVALID_BINARY_REPRESENTATION,
                format!(
                    "It has {bytes} bytes; the dimension that it gives, {dims}, takes {}.",
                    halves::binary::length(usize::from(*dims))
                ),
                "The binary format is the number of dimensions and 0, as int16, then the elements in half precision. Send anything else as text or as an array of numbers.",
            ),
        }
    }
}
