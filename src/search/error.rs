//! Errors about a query and about the results of a search, of the crate `retrieval`.

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

impl Report for retrieval::Error {
    fn fields(&self) -> Fields {
        use retrieval::Error::*;
        match self {
            Among(_) | Margin | Share(_) | Background(_) | Bounds { .. } | Dots(_) => {
                Fields::of(ERRCODE_INVALID_PARAMETER_VALUE)
            }
            Weight(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            NoTerms => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Name what is given, as in clip_query(texts => '{a red car}').",
            ),
            WeightCount { .. } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Give one weight for each text, image, minus_text, minus_image, vector and minus_vector, in that order.",
            ),
            Terms(error) => error.fields(),
            ZeroQuery => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "A query needs a direction: what is added must differ from what is subtracted.",
            ),
            ImageDimensions { .. } => Fields::of(ERRCODE_DATA_EXCEPTION),
            BackgroundDimensions { .. } => Fields::hinted(
                ERRCODE_DATA_EXCEPTION,
                "Name the model that the query is by as argument \"model\", or give a background by it.",
            ),
        }
    }
}
