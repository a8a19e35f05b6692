//! What image files say besides their picture.

use crate::{
    error::{Error, Returned},
    inference::interrupts,
    json::JsonText,
};
use pgrx::prelude::*;

/// What an image file says of its picture, in EXIF, IPTC and XMP; as [`imaging::words`] has it.
#[pg_extern(immutable, strict, parallel_safe, cost = 100)]
fn clip_image_metadata(image: &[u8]) -> Returned<JsonText> {
    let words = imaging::words(image, &interrupts).map_err(Error::from)?;
    Ok(JsonText(words.to_string()))
}
