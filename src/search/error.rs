//! Errors about the results of a search, of the crate `retrieval`.

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

impl Report for retrieval::Error {
    fn fields(&self) -> Fields {
        use retrieval::Error::*;
        match self {
            Among(_) | Margin | Share(_) | Background(_) | Bounds { .. } | Dots(_) => {
                Fields::of(ERRCODE_INVALID_PARAMETER_VALUE)
            }
            ImageDimensions { .. } => Fields::of(ERRCODE_DATA_EXCEPTION),
            BackgroundDimensions { .. } => Fields::hinted(
                ERRCODE_DATA_EXCEPTION,
                "Name the model that the query is by as argument \"model\", or give a background by it.",
            ),
        }
    }
}
