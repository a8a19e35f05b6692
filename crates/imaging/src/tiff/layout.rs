//! What a directory says of its picture: size, strips or tiles, samples and what they mean.
//!
//! Nothing is decoded here. What there is no decoder for is told by name, so that it is not taken for damage.

use super::directory::{Directory, Entry};
use super::jpeg_head;
use crate::source::corrupt;
use crate::{Format, Result};
use std::borrow::Cow;

/// More samples of a pixel than any picture has.
const MOST_SAMPLES: usize = 64;

/// Tags that say what pixels are; without all of their values pixels would be others.
const MEANING: [u16; 11] = [258, 281, 320, 338, 339, 340, 341, 347, 529, 530, 532];

pub(super) mod compression {
    //! Values of the tag `Compression`.

    pub(crate) const NONE: u64 = 1;
    pub(crate) const RLE: u64 = 2;
    pub(crate) const GROUP_3: u64 = 3;
    pub(crate) const GROUP_4: u64 = 4;
    pub(crate) const LZW: u64 = 5;
    pub(crate) const OLD_JPEG: u64 = 6;
    pub(crate) const JPEG: u64 = 7;
    pub(crate) const DEFLATE: u64 = 8;
    pub(crate) const RLE_WORDS: u64 = 32_771;
    pub(crate) const PACK_BITS: u64 = 32_773;
    pub(crate) const OLD_DEFLATE: u64 = 32_946;
    pub(crate) const LERC: u64 = 34_887;
    pub(crate) const LZMA: u64 = 34_925;
    pub(crate) const ZSTD: u64 = 50_000;
    pub(crate) const WEBP: u64 = 50_001;
    pub(crate) const OLD_WEBP: u64 = 34_927;
    pub(crate) const LOG_LUV: u64 = 34_676;
    /// Values that stand for a format of its own, each of which `whole` has a decoder for.
    pub(crate) const FORMATS: [(u64, crate::Format); 7] = [
        (33_003, crate::Format::Jpeg2000),
        (33_004, crate::Format::Jpeg2000),
        (33_005, crate::Format::Jpeg2000),
        (34_712, crate::Format::Jpeg2000),
        (34_933, crate::Format::Png),
        (50_002, crate::Format::JpegXl),
        (52_546, crate::Format::JpegXl),
    ];
}

/// What the samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    /// 0 is white.
    WhiteIsZero,
    /// 0 is black.
    Grey,
    Rgb,
    Palette,
    /// Inks: cyan, magenta, yellow, and black where there are four.
    Cmyk,
    YCbCr,
    /// L*, a* and b*, the latter with sign.
    CieLab,
    /// The same, where the middle of a* and b* is 128.
    IccLab,
    /// The same in the coding of ITU-T T.42.
    ItuLab,
}

/// What kind of number a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// How the colour of a pixel relates to its opacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opacity {
    /// The colour was multiplied by it.
    Associated,
    Unassociated,
}

/// A picture, as its directory describes it.
#[derive(Clone)]
pub(crate) struct Layout<'a> {
    pub(super) directory: Directory<'a>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) compression: u64,
    pub(super) photometric: Option<u64>,
    /// Bits of each sample of a pixel.
    pub(super) bits: Vec<u8>,
    formats: Vec<u64>,
    /// Which samples come on top of the colour, and what they are.
    extra: Vec<u64>,
    extra_told: bool,
    /// Whether the lowest bit of a byte comes first.
    pub(super) reversed: bool,
    /// Whether every sample has strips or tiles of its own.
    pub(super) planar: bool,
    pub(super) predictor: u64,
    /// Width and height of a strip or tile.
    pub(super) chunk: (usize, usize),
    tiled: bool,
    /// The JPEG stream that holds the whole picture, where there is one, and whether the file is cut off within it.
    stream: Option<&'a [u8]>,
    cut: bool,
    offsets: Option<Entry>,
    lengths: Option<Entry>,
    /// How many pixels share a sample of colour, across and down, in YCbCr.
    pub(super) subsampling: (usize, usize),
}

impl<'a> Layout<'a> {
    /// Reads a directory; `None` where it does not tell the size, or the file ends before it does.
    pub(super) fn read(directory: Directory<'a>) -> Option<Self> {
        if !MEANING.into_iter().all(|tag| directory.is_whole(tag)) {
            return None;
        }
        let first = |tag| directory.first(tag);
        let side = |tag| first(tag).and_then(|side| u32::try_from(side).ok());
        let compression = first(259).unwrap_or(compression::NONE);
        let stream = match compression {
            compression::OLD_JPEG => jpeg_head::whole(&directory),
            _ => None,
        };
        let size = stream.as_ref().map(|stream| stream.size);
        let (width, height) = match (side(256), side(257)) {
            (Some(width), Some(height)) => (width as usize, height as usize),
            // Cameras leave the size of a preview to its stream.
            _ => size?,
        };
        let photometric = first(262);
        let jpeg = matches!(compression, compression::JPEG | compression::OLD_JPEG);
        let mut bits: Vec<u8> = directory
            .all(258, MOST_SAMPLES)
            .into_iter()
            .map(|bits| u8::try_from(bits).unwrap_or(u8::MAX))
            .collect();
        if bits.is_empty() {
            bits.push(if jpeg { 8 } else { 1 });
        }
        let samples = first(277).unwrap_or(match (jpeg, photometric) {
            (true, Some(2 | 6) | None) => 3,
            _ => bits.len() as u64,
        });
        let samples = usize::try_from(samples).unwrap_or(usize::MAX);
        bits.resize(samples.clamp(1, MOST_SAMPLES), bits.last().copied()?);
        let tile = side(322).zip(side(323));
        let tiled = tile.is_some();
        let rows = first(278).filter(|&rows| rows > 0);
        let rows = rows.map_or(height, |rows| {
            usize::try_from(rows).map_or(height, |rows| rows.min(height))
        });
        let (offsets, lengths) = match tile {
            Some(_) => (324, 325),
            None => (273, 279),
        };
        // Some writers name tiles by the tags of strips.
        let offsets = directory.entry(offsets).or_else(|| directory.entry(273));
        let lengths = directory.entry(lengths).or_else(|| directory.entry(279));
        let subsampling = directory.all(530, 2);
        // A single strip is all of the picture, whatever is said of its rows.
        let single = tile.is_none() && offsets.is_some_and(|entry| entry.count == 1);
        let rows = if single { height } else { rows };
        let mut layout = Self {
            width,
            height,
            compression,
            photometric,
            formats: directory.all(339, MOST_SAMPLES),
            extra: directory.all(338, MOST_SAMPLES),
            extra_told: directory.entry(338).is_some(),
            reversed: first(266) == Some(2),
            planar: first(284) == Some(2) && bits.len() > 1,
            predictor: match compression {
                compression::LZW
                | compression::DEFLATE
                | compression::OLD_DEFLATE
                | compression::LZMA
                | compression::ZSTD => first(317).unwrap_or(1),
                _ => 1,
            },
            chunk: match tile {
                Some((width, height)) => (width as usize, height as usize),
                None => (width, rows),
            },
            tiled,
            stream: None,
            cut: false,
            offsets,
            lengths,
            subsampling: match subsampling[..] {
                [x @ (1 | 2 | 4), y @ (1 | 2 | 4)] => (x as usize, y as usize),
                _ => (2, 2),
            },
            bits,
            directory,
        };
        if compression == compression::LOG_LUV {
            // What is said of samples is what the writer was given.
            layout.bits = vec![8; if photometric == Some(32_844) { 1 } else { 3 }];
            (layout.formats, layout.extra) = (Vec::new(), Vec::new());
            layout.planar = false;
        }
        if let Some(stream) = stream.filter(|stream| stream.size == (layout.width, layout.height)) {
            layout.bits = vec![8; stream.components];
            layout.planar = false;
            layout.chunk = stream.size;
            layout.tiled = false;
            layout.cut = stream.cut;
            layout.stream = Some(stream.bytes);
        }
        Some(layout)
    }

    /// What the colours of the picture are; `Err` names those that are not read.
    pub(super) fn color(&self) -> std::result::Result<Color, Cow<'static, str>> {
        let samples = self.bits.len();
        Ok(match self.photometric {
            Some(0) => Color::WhiteIsZero,
            Some(1) => Color::Grey,
            Some(2) if samples >= 3 => Color::Rgb,
            Some(3) => Color::Palette,
            // Where the mask is set, the picture is.
            Some(4) => Color::Grey,
            Some(5) => match samples - self.extra.len().min(samples) {
                // Where all samples are said to be extra ones, the first is an ink all the same.
                0 | 1 => Color::WhiteIsZero,
                2 => return Err("two inks".into()),
                _ => Color::Cmyk,
            },
            Some(6) if samples >= 3 => Color::YCbCr,
            Some(8) if samples >= 3 => Color::CieLab,
            Some(9) if samples >= 3 => Color::IccLab,
            Some(10) if samples >= 3 => Color::ItuLab,
            // A channel of its own is as grey as any.
            Some(2 | 6 | 8 | 9 | 10) => Color::Grey,
            Some(32_803) => return Err("a colour filter array".into()),
            Some(34_892) => return Err("linear camera data".into()),
            // The decoder makes levels of light of these.
            Some(32_844) if self.compression == compression::LOG_LUV => Color::Grey,
            Some(32_845) if self.compression == compression::LOG_LUV => Color::Rgb,
            Some(32_844 | 32_845) => return Err("LogLuv samples".into()),
            Some(other) => return Err(format!("photometric interpretation {other}").into()),
            None if self.is_sliced() => return Err("a colour filter array".into()),
            None if self.compression == compression::OLD_JPEG && samples >= 3 => Color::YCbCr,
            None if samples >= 3 => Color::Rgb,
            // As libtiff has it for fax, and Pillow for all of one bit.
            None if self.is_fax() || self.bits == [1] => Color::WhiteIsZero,
            None => Color::Grey,
        })
    }

    /// Samples of a pixel that make its colour.
    pub(super) fn colors(&self, color: Color) -> usize {
        match color {
            Color::WhiteIsZero | Color::Grey | Color::Palette => 1,
            Color::Cmyk => (self.bits.len() - self.extra.len().min(self.bits.len())).min(4),
            _ => 3,
        }
    }

    /// Which sample is opacity, and of what kind.
    pub(super) fn opacity(&self, color: Color) -> Option<(usize, Opacity)> {
        let colors = self.colors(color);
        let extras = self
            .bits
            .len()
            .checked_sub(colors)
            .filter(|&extras| extras > 0)?;
        if !self.extra_told {
            // Four samples of RGB are RGBA, as Pillow has it.
            let whole =
                extras == 1 && matches!(color, Color::Rgb | Color::Grey | Color::WhiteIsZero);
            return whole.then_some((colors, Opacity::Unassociated));
        }
        // A list that is too short describes the last samples.
        let missing = extras.saturating_sub(self.extra.len());
        self.extra
            .iter()
            .take(extras)
            .enumerate()
            .find_map(|(n, kind)| {
                let opacity = match kind {
                    // An index cannot be multiplied by anything.
                    1 if color == Color::Palette => Opacity::Unassociated,
                    1 => Opacity::Associated,
                    // Corel Draw 10 wrote 999.
                    2 | 999 => Opacity::Unassociated,
                    _ => return None,
                };
                Some((colors + missing + n, opacity))
            })
    }

    /// What kind of numbers the samples are.
    pub(super) fn kind(&self) -> std::result::Result<Kind, &'static str> {
        match self.formats.first() {
            // Undefined data is taken for numbers.
            None | Some(0 | 1 | 4) => Ok(Kind::Unsigned),
            Some(2) => Ok(Kind::Signed),
            Some(3) => Ok(Kind::Float),
            Some(5 | 6) => Err("complex samples"),
            Some(_) => Err("samples of an unknown format"),
        }
    }

    /// Whether this is a whole picture, not a smaller version of one, nor its mask.
    pub(super) fn is_full(&self) -> bool {
        match self.directory.first(254) {
            Some(kind) => kind & 0b101 == 0,
            // What the tag was before version 5.0: full, reduced, page.
            None => self.directory.first(255) != Some(2),
        }
    }

    /// Whether this says which pixels of another picture count.
    pub(super) fn is_mask(&self) -> bool {
        self.photometric == Some(4)
            || self
                .directory
                .first(254)
                .is_some_and(|kind| kind & 0b100 != 0)
    }

    /// Whether this is what a camera's sensor saw, which only its maker can develop: what is shown of it is a preview.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self.photometric, Some(32_803 | 34_892)) || self.is_sliced()
    }

    /// Whether this is the sensor's data in Canon's CR2, lossless JPEG that is cut into slices.
    fn is_sliced(&self) -> bool {
        self.photometric.is_none() && self.directory.entry(50_752).is_some()
    }

    /// Names what there is no decoder for.
    pub(super) fn refused(&self) -> Option<Cow<'static, str>> {
        self.compression_refused()
            .or_else(|| self.color().err())
            .or_else(|| self.kind().err().map(Cow::Borrowed))
            .or_else(|| self.depth_refused())
    }

    fn compression_refused(&self) -> Option<Cow<'static, str>> {
        use compression::*;
        Some(match self.compression {
            NONE | RLE | GROUP_3 | GROUP_4 | LZW | OLD_JPEG | JPEG | DEFLATE | RLE_WORDS
            | PACK_BITS | OLD_DEFLATE | LZMA | ZSTD | WEBP | OLD_WEBP | LERC | LOG_LUV => {
                return None;
            }
            9 | 10 => "JBIG compression".into(),
            34_661 => "JBIG compression".into(),
            32_766 => "NeXT compression".into(),
            32_809 => "ThunderScan compression".into(),
            34_677 => "LogLuv compression of 24 bits".into(),
            34_713 => "Nikon NEF compression".into(),
            34_892 => "lossy DNG compression".into(),
            34_934 | 22_610 => "JPEG XR compression".into(),
            _ if self.format().is_some() => return None,
            other => format!("compression {other}").into(),
        })
    }

    fn depth_refused(&self) -> Option<Cow<'static, str>> {
        let bits = self.bits.first().copied()?;
        let even = self.bits.iter().all(|&other| other == bits);
        let float = self.kind() == Ok(Kind::Float);
        let name: Cow<'static, str> =
            if self.is_fax() && (bits != 1 || self.bits.len() > 1 && !self.planar) {
                "CCITT compression of more than one bit".into()
            } else if !even && (self.predictor != 1 || self.planar || float) {
                "samples of different depths".into()
            } else if let Some(bits) = self.bits.iter().find(|&&bits| bits == 0 || bits > 64) {
                format!("samples of {bits} bits").into()
            } else if float && !matches!(bits, 16 | 24 | 32 | 64) {
                format!("floating-point samples of {bits} bits").into()
            } else if self.predictor == 2 && !matches!(bits, 8 | 16 | 32 | 64) {
                format!("a predictor over samples of {bits} bits").into()
            } else if self.predictor == 3 && !float {
                "a floating-point predictor over whole numbers".into()
            } else if self.predictor > 3 {
                format!("predictor {}", self.predictor).into()
            } else if self.format().is_some() && float {
                "compressed pictures of floating-point samples".into()
            } else if self.format().is_some()
                && (!matches!(bits, 8 | 16) || !matches!(self.bits.len(), 1 | 3) && !self.planar)
            {
                format!(
                    "compressed pictures of {} samples of {bits} bits",
                    self.bits.len()
                )
                .into()
            } else if self.color() == Ok(Color::Palette) && bits > 16 {
                format!("a palette of {bits} bits").into()
            } else if self.color() == Ok(Color::Palette) && float {
                "floating-point indices into a palette".into()
            } else if self.color() == Ok(Color::Palette) && self.directory.entry(320).is_none() {
                "a palette that is not in the file".into()
            } else if self.planar
                && bits != 8
                && (1..self.bits.len()).any(|plane| self.step(plane) != (1, 1))
            {
                format!("YCbCr of {bits} bits whose planes have fewer samples of colour").into()
            } else if self.compression == compression::JPEG
                && let Some(refused) = self
                    .first()
                    .and_then(|bytes| jpeg_head::refused(bytes, bits))
            {
                refused.into()
            } else {
                return None;
            };
        Some(name)
    }

    fn is_fax(&self) -> bool {
        use compression::*;
        matches!(self.compression, RLE | GROUP_3 | GROUP_4 | RLE_WORDS)
    }

    /// Whether the decoder of the strips and tiles makes RGB of them, or what else it finds.
    pub(super) fn is_jpeg(&self) -> bool {
        matches!(self.compression, compression::JPEG | compression::OLD_JPEG)
    }

    /// The format that strips and tiles are pictures of, if it is one that has a decoder of its own.
    pub(super) fn format(&self) -> Option<Format> {
        let mut formats = compression::FORMATS.into_iter();
        formats.find_map(|(value, format)| (value == self.compression).then_some(format))
    }

    /// Whether strips and tiles are WebP pictures.
    pub(super) fn is_webp(&self) -> bool {
        matches!(self.compression, compression::WEBP | compression::OLD_WEBP)
    }

    /// Whether samples of colour are shared between pixels in the file.
    pub(super) fn shared(&self) -> Option<(usize, usize)> {
        let shared = self.color() == Ok(Color::YCbCr)
            && !self.planar
            && !self.is_jpeg()
            && !self.is_webp()
            && self.subsampling != (1, 1);
        shared.then_some(self.subsampling)
    }

    /// How many pixels, across and down, share a sample of a plane that has strips or tiles of its own.
    ///
    /// Planes of colour have fewer samples where the file says so. Some writers mean pixels that lie together by it, and
    /// keep all samples of planes, as the lengths of what is not compressed tell.
    pub(super) fn step(&self, plane: usize) -> (usize, usize) {
        let fewer = self.planar
            && matches!(plane, 1 | 2)
            && self.color() == Ok(Color::YCbCr)
            && self.directory.entry(530).is_some();
        let (width, height) = self.chunk;
        let chunks = self.width.div_ceil(width.max(1)) * self.height.div_ceil(height.max(1));
        let length = |index| {
            let length = self.directory.at(self.lengths?, index)?;
            (self.compression == compression::NONE).then_some(length)
        };
        let whole = length(0).is_some_and(|luma| luma > 0 && length(chunks) == Some(luma));
        match fewer && !whole {
            true => self.subsampling,
            false => (1, 1),
        }
    }

    /// The first strip or tile, behind its first marker.
    fn first(&self) -> Option<&'a [u8]> {
        let (bytes, _) = self.data(0, None).ok()??;
        bytes.get(2..)
    }

    /// Whether the picture is cut into tiles.
    pub(super) fn is_tiled(&self) -> bool {
        self.tiled
    }

    /// Whether the file leaves out every strip and tile, as writers do that lack the compression they announced.
    pub(super) fn is_void(&self) -> bool {
        let (width, height) = (self.chunk.0.max(1), self.chunk.1.max(1));
        let planes = if self.planar { self.bits.len() } else { 1 };
        let chunks = planes * self.width.div_ceil(width) * self.height.div_ceil(height);
        (0..chunks).all(|index| matches!(self.data(index, None), Ok(None)))
    }

    /// What there is of the bytes of a strip or tile, and whether the file is cut off within it; `None` where the file
    /// leaves it out.
    ///
    /// Where the number of bytes is missing, zero or wrong, the rest of the file is given: decoders read what they need.
    ///
    /// # Errors
    /// [`crate::Error::CorruptImage`] where it is to be outside the file.
    pub(super) fn data(
        &self,
        index: usize,
        needed: Option<usize>,
    ) -> Result<Option<(&'a [u8], bool)>> {
        let bytes = self.directory.file.bytes;
        if let Some(stream) = self.stream {
            return Ok(Some((stream, self.cut)));
        }
        let Some(entry) = self.offsets else {
            return Err(corrupt(Format::Tiff, "its strips or tiles are not told"));
        };
        let told = self
            .lengths
            .and_then(|entry| self.directory.at(entry, index))
            .and_then(|length| usize::try_from(length).ok())
            .filter(|&length| length > 0);
        let offset = match self.directory.at(entry, index) {
            // Left out by GDAL, or by a fax whose last rows are white.
            Some(0) if told.is_none() => return Ok(None),
            None if self.is_fax() && index > 0 && index >= entry.count => return Ok(None),
            offset => offset.and_then(|offset| usize::try_from(offset).ok()),
        };
        let Some(rest) = offset.and_then(|offset| bytes.get(offset..)) else {
            return Err(corrupt(Format::Tiff, "the data ends early"));
        };
        let length = match (told, needed) {
            // What is not compressed has a length that is known better.
            (Some(told), Some(needed)) if entry.count == 1 || told >= needed => {
                Some(told.max(needed))
            }
            (Some(told), _) => Some(told),
            (None, needed) => needed,
        };
        Ok(Some(match length.map(|length| rest.get(..length)) {
            Some(Some(data)) => (data, false),
            Some(None) => (rest, true),
            // Nobody knows whether this is all of it.
            None => (rest, true),
        }))
    }
}
