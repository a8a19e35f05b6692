//! Image formats by their magic bytes. A file's name or declared type is never looked at.

use crate::{Error, Result};
use std::fmt;

/// A format that can be decoded.
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
    /// TIFF and BigTIFF; the first page is the picture.
    Tiff,
    /// Windows bitmap.
    Bmp,
}

impl Format {
    /// Recognizes a format.
    ///
    /// # Errors
    /// [`Error::UnsupportedImageFormat`] where the format is known but has no decoder here,
    /// [`Error::UnknownImageFormat`] otherwise.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let unsupported = |format: &str| {
            Err(Error::UnsupportedImageFormat {
                format: format.to_owned(),
            })
        };
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Ok(Self::WebP),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Self::Tiff),
            [b'B', b'M', ..] => Ok(Self::Bmp),
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand {
                [b'a', b'v', b'i', b'f' | b's', ..] => unsupported("AVIF"),
                [b'h', b'e', ..] | [b'm', b'i' | b's', b'f', b'1', ..] => unsupported("HEIC"),
                _ => Err(Error::UnknownImageFormat),
            },
            [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => unsupported("JPEG XL"),
            [0xff, 0x4f, 0xff, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => {
                unsupported("JPEG 2000")
            }
            _ => Err(Error::UnknownImageFormat),
        }
    }

    /// The MIME subtype of `image/`: `jpeg`, `png`, `gif`, `webp`, `tiff` or `bmp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
        }
    }

    /// The name people write.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
