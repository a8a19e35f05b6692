//! Image formats: what they are called, and the one table of those who read them. A file's name or declared type is never
//! looked at.

use super::decoder::{Decoder, Reader};
use super::{bmp, gif, jpeg, jpeg2000, jpegxl, png, tiff, unread, webp};
use crate::{Error, Result};
use std::fmt;

/// A format that is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline and progressive, Huffman-coded, 8 bits.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// GIF; the first frame is the picture.
    Gif,
    /// WebP, lossy, lossless or animated; the first frame is the picture.
    WebP,
    /// TIFF and BigTIFF.
    Tiff,
    /// Windows and OS/2 bitmaps.
    Bmp,
    /// JPEG 2000: JP2 and JPX files, and bare codestreams.
    Jpeg2000,
    /// JPEG XL, in its container or bare.
    JpegXl,
    /// AVIF.
    Avif,
    /// HEIC and other HEIF.
    Heic,
}

/// Who reads which format, in the order in which a file is offered to them. A format is added here, as a variant of
/// [`Format`] and as a module with its [`Decoder`].
const DECODERS: [&dyn Decoder; 10] = [
    &jpeg::Jpeg,
    &png::Png,
    &gif::Gif,
    &webp::WebP,
    &tiff::Tiff,
    &bmp::Bmp,
    &jpeg2000::Jpeg2000,
    &jpegxl::JpegXl,
    &unread::AVIF,
    &unread::HEIC,
];

impl Format {
    /// Recognizes a format by magic bytes; whether there is a decoder for it is another question.
    ///
    /// # Errors
    /// [`Error::UnknownImageFormat`].
    pub fn of(bytes: &[u8]) -> Result<Self> {
        decoder(bytes).map(Decoder::format)
    }

    /// A short name: the MIME subtype of `image/` where that is a word.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// The name people write.
    pub fn title(self) -> &'static str {
        self.names().1
    }

    /// The media type.
    pub fn mime(self) -> &'static str {
        self.names().2
    }

    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Jpeg => ("jpeg", "JPEG", "image/jpeg"),
            Self::Png => ("png", "PNG", "image/png"),
            Self::Gif => ("gif", "GIF", "image/gif"),
            Self::WebP => ("webp", "WebP", "image/webp"),
            Self::Tiff => ("tiff", "TIFF", "image/tiff"),
            Self::Bmp => ("bmp", "BMP", "image/bmp"),
            Self::Jpeg2000 => ("jp2", "JPEG 2000", "image/jp2"),
            Self::JpegXl => ("jxl", "JPEG XL", "image/jxl"),
            Self::Avif => ("avif", "AVIF", "image/avif"),
            Self::Heic => ("heic", "HEIC", "image/heic"),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who reads a file that begins like `bytes`.
///
/// # Errors
/// [`Error::UnknownImageFormat`].
pub(crate) fn decoder(bytes: &[u8]) -> Result<&'static dyn Decoder> {
    DECODERS
        .into_iter()
        .find(|decoder| decoder.recognizes(bytes))
        .ok_or(Error::UnknownImageFormat)
}

/// Everything that is recognized, with who reads it: a row a format and way of reading it.
pub fn formats() -> impl Iterator<Item = (Format, Reader)> {
    DECODERS.into_iter().flat_map(|decoder| {
        let readers = decoder.readers().into_iter();
        readers.map(|reader| (decoder.format(), reader))
    })
}

/// The formats that can be read, as in a sentence: "JPEG, PNG and GIF".
pub fn readable() -> String {
    let mut titles: Vec<_> = formats()
        .filter(|(_, reader)| reader.missing.is_none())
        .map(|(format, _)| format.title())
        .collect();
    titles.dedup();
    match titles.split_last() {
        Some((last, others @ [_, ..])) => format!("{} and {last}", others.join(", ")),
        _ => titles.concat(),
    }
}
