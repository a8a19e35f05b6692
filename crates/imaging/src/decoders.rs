//! The one table of those who read images. A file's name or declared type is never looked at.

use super::Format;
use super::decoder::{Decoder, Reader};
use super::{
    avif, bmp, foreign, gif, heic, jpeg, jpeg2000, jpegxl, netpbm, png, psd, raw, tiff, webp,
};
use crate::{Error, Result};

/// Who reads which format, in the order in which a file is offered to them. A format is added here, as a variant of
/// [`Format`] and as a module with its [`Decoder`].
const DECODERS: [&dyn Decoder; 13] = [
    &jpeg::Jpeg,
    &png::Png,
    &gif::Gif,
    &webp::WebP,
    &tiff::Tiff,
    &bmp::Bmp,
    &jpeg2000::Jpeg2000,
    &jpegxl::JpegXl,
    &avif::Avif,
    &heic::Heic,
    &psd::Psd,
    &raw::Raw,
    &netpbm::Netpbm,
];

impl Format {
    /// Recognizes a format by magic bytes; whether there is a decoder for it is another question.
    ///
    /// # Errors
    /// [`Error::UnsupportedImageFormat`] for a kind that nobody reads, else [`Error::UnknownImageFormat`].
    pub fn of(bytes: &[u8]) -> Result<Self> {
        decoder(bytes).map(Decoder::format)
    }
}

/// Who reads a file that begins like `bytes`.
///
/// # Errors
/// As [`Format::of`].
pub(crate) fn decoder(bytes: &[u8]) -> Result<&'static dyn Decoder> {
    DECODERS
        .into_iter()
        .find(|decoder| decoder.recognizes(bytes))
        .ok_or_else(|| match foreign::kind(bytes) {
            Some(kind) => Error::UnsupportedImageFormat {
                format: kind.to_owned(),
            },
            None => Error::UnknownImageFormat,
        })
}

/// Everything that is recognized, with who reads it: a row a format and way of reading it.
pub fn formats() -> impl Iterator<Item = (Format, Reader)> {
    DECODERS.into_iter().flat_map(|decoder| {
        let readers = decoder.readers().into_iter();
        readers.map(|reader| (decoder.format(), reader))
    })
}

/// What is to be done to have `format` read, as [`Error::UnsupportedImageFormat`] names it; `None` where nothing helps.
pub fn advice(format: &str) -> Option<String> {
    formats()
        .filter(|(known, _)| format.starts_with(known.title()))
        .find_map(|(_, reader)| reader.missing)
        .map(|missing| missing.into_owned())
}
