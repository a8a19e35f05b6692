//! Image formats: what they are called.

use std::fmt;

/// A format that is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG, of blocks or lossless.
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
    /// Photoshop documents; the merged picture.
    Psd,
    /// Camera raw files that are no TIFF: Canon's CR3, Fujifilm's RAF, Olympus' ORF, Panasonic's RW2; the preview.
    Raw,
    /// PBM, PGM, PPM and PAM.
    Netpbm,
}

impl Format {
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
            Self::Psd => ("psd", "PSD", "image/vnd.adobe.photoshop"),
            Self::Raw => ("raw", "camera raw", "image/x-dcraw"),
            Self::Netpbm => ("pnm", "Netpbm", "image/x-portable-anymap"),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
