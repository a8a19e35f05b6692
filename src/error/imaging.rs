//! Errors about images, of the crate `imaging`.

use super::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

const FORMATS: &str = "clip_pg_formats() tells what formats can be read.";

impl Report for imaging::Error {
    fn fields(&self) -> Fields {
        use imaging::Error::*;
        match self {
            UnknownImageFormat => Fields::hinted(ERRCODE_INVALID_BINARY_REPRESENTATION, FORMATS),
            UnsupportedImageFormat { format } => Fields::hinted(
                ERRCODE_FEATURE_NOT_SUPPORTED,
                imaging::advice(format).unwrap_or_else(|| FORMATS.to_owned()),
            ),
            CorruptImage { .. } => Fields::of(ERRCODE_INVALID_BINARY_REPRESENTATION),
            ImageTooLarge { .. } => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "Reduce the image, or have \"clip_pg.max_image_pixels\" raised.",
            ),
            TooMuchMemory { .. } => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "Reduce the image, or have \"clip_pg.max_image_memory\" raised.",
            ),
            NoSuchPage { .. } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Pages are counted from 1; clip_image_pages() lists them.",
            ),
            InvalidRegion { .. } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "As in the IIIF Image API, a region is full, square, 10,20,300,400 (left, top, width and height in pixels) or pct:10,20,30,40 (in percent).",
            ),
            RegionOutside { .. } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Regions are counted from the upper left corner of the image the right way up; clip_image_info() tells its size and orientation.",
            ),
            OutOfMemory { .. } => Fields::of(ERRCODE_OUT_OF_MEMORY),
        }
    }

    fn is_of_input(&self) -> bool {
        self.fields().may_be_of_input()
    }
}
