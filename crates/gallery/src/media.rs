//! Kinds of image files that browsers show, by their first bytes.

use imaging::Format;

/// The media type of an image file; `None` for what browsers do not show.
///
/// SVG is not among them: it is no picture but a document, and nothing here makes one.
pub(crate) fn kind(bytes: &[u8]) -> Option<&'static str> {
    match Format::of(bytes).ok()? {
        format @ (Format::Jpeg
        | Format::Png
        | Format::Gif
        | Format::WebP
        | Format::Avif
        | Format::Bmp) => Some(format.mime()),
        _ => None,
    }
}
