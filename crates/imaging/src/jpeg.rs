//! JPEG: which kind it is, and who decodes that. Blocks of samples of 8 bits, with Huffman or arithmetic codes, go
//! through libjpeg (`turbo`), those of 12 bits through `blocks`, predictions through `lossless`.

mod blocks;
mod colours;
mod dct;
mod deep;
mod exact;
mod faults;
mod feed;
mod huffman;
mod libjpeg;
mod lossless;
#[cfg(test)]
mod tests;
mod turbo;

use super::decoder::{self, Decoder, Opening, Reader, only_page};
use super::markers::{Markers, next_segment};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use super::{Format, metadata};
use crate::{Error, Result};
pub(crate) use colours::Colours;
use deep::DeepRows;
pub(crate) use deep::{BITS as DEEP_BITS, Deep};
use exact::Exact;
pub(crate) use feed::Feed;
pub(crate) use libjpeg::Stream;
pub(crate) use lossless::Lossless;
use mozjpeg::{ColorSpace, Compress};
use std::io;
use turbo::Scanlines;

/// The decoder of JPEG.
pub(super) struct Jpeg;

impl Decoder for Jpeg {
    fn format(&self) -> Format {
        Format::Jpeg
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(&[0xff, 0xd8, 0xff])
    }

    fn readers(&self) -> Vec<Reader> {
        vec![
            Reader::built_in("", "mozjpeg", "4.1.1"),
            Reader::built_in("12 bits", "clip_pg", env!("CARGO_PKG_VERSION")),
            Reader::built_in("lossless", "clip_pg", env!("CARGO_PKG_VERSION")),
        ]
    }

    fn header(
        &self,
        bytes: &[u8],
        page: Option<i32>,
        pulse: &Pulse<'_>,
    ) -> Result<decoder::Header> {
        only_page(page)?;
        let header = Header::parse(bytes, pulse)?;
        Ok(decoder::Header {
            reducible: match header.kind() {
                Kind::Blocks => 8,
                Kind::Deep | Kind::Lossless => 1,
            },
            orientation: metadata::read(Format::Jpeg, bytes, pulse).orientation,
            refused: header.refused(),
            ..decoder::Header::new((header.width, header.height))
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let header = Header::parse(file.bytes, file.pulse)?;
        Ok(match header.kind() {
            Kind::Lossless => Box::new(Exact::open(file.bytes, &header, file.pulse)?),
            Kind::Deep => Box::new(DeepRows::open(file.bytes, &header, file.pulse)?),
            Kind::Blocks => Box::new(Scanlines::open(file, &header)?),
        })
    }
}

/// Start of a frame of JPEG-LS (ITU-T T.87).
const LS: u8 = 0xf7;

/// Whether there is an end mark in what follows the header of a scan: at the end of the file, as a rule.
fn ended(data: &[u8], pulse: &Pulse<'_>) -> bool {
    const BLOCK: usize = 1 << 20;
    let mut end = data.len();
    while end > 1 {
        pulse.beat();
        let start = end.saturating_sub(BLOCK);
        let block = data.get(start..end).unwrap_or_default();
        if block.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
            return true;
        }
        // The mark may lie across the blocks.
        end = if start == 0 { 0 } else { start + 1 };
    }
    false
}

/// Who decodes a JPEG.
enum Kind {
    /// libjpeg: blocks of samples of 8 bits.
    Blocks,
    /// Blocks of samples of 12 bits.
    Deep,
    /// Predictions.
    Lossless,
}

/// What precedes the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// Pixels per row.
    width: u32,
    /// Rows.
    height: u32,
    /// Marker of the frame header and bits of a sample, which tell whether there is a decoder.
    frame: (u8, u8),
    components: u8,
    /// Whether the components are called `R`, `G` and `B`.
    rgb: bool,
    /// The colours that an Adobe segment tells, and whether there is a JFIF segment.
    adobe: Option<u8>,
    jfif: bool,
    /// Whether the first scan holds less than the whole picture: libjpeg then reads all scans at once.
    multi_scan: bool,
    /// Whether the number of rows follows the first scan.
    late: bool,
    /// Whether there is an end mark.
    ended: bool,
}

impl Header {
    /// Walks the segments up to the first scan.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where there is no frame or scan header.
    fn parse(bytes: &[u8], pulse: &Pulse<'_>) -> Result<Self> {
        let mut header = Self {
            width: 0,
            height: 0,
            frame: (0, 0),
            components: 0,
            rgb: false,
            adobe: None,
            jfif: false,
            multi_scan: false,
            late: false,
            ended: true,
        };
        let mut rest = bytes.get(2..).unwrap_or_default();
        loop {
            pulse.beat();
            let Some((marker, segment)) = next_segment(&mut rest) else {
                return Err(corrupt(Format::Jpeg, "the header ends early"));
            };
            match (marker, segment) {
                (0xe0, data) => header.jfif |= data.starts_with(b"JFIF\0"),
                (0xee, data) if data.starts_with(b"Adobe") => header.adobe = data.get(11).copied(),
                (0xc4 | 0xc8 | 0xcc, _) => {}
                (0xc0..=0xcf | LS, &[precision, h1, h0, w1, w0, components, ref rest @ ..]) => {
                    header.frame = (marker, precision);
                    header.width = u16::from_be_bytes([w1, w0]).into();
                    header.height = u16::from_be_bytes([h1, h0]).into();
                    header.components = components;
                    header.rgb = matches!(rest, [b'R', _, _, b'G', _, _, b'B', ..]);
                    header.multi_scan = matches!(marker, 0xc2 | 0xca);
                }
                (0xda, &[components, ..]) if header.components > 0 => {
                    header.multi_scan |= components < header.components;
                    break;
                }
                (0xc0..=0xcf | 0xd9 | 0xda, _) => {
                    return Err(corrupt(Format::Jpeg, "no frame header"));
                }
                _ => {}
            }
        }
        if header.height == 0 {
            let mut lines = Markers::from(rest).filter(|(marker, ..)| *marker == 0xdc);
            if let Some((_, &[h1, h0], _)) = lines.next() {
                header.height = u16::from_be_bytes([h1, h0]).into();
                header.late = true;
            }
        }
        header.ended = ended(rest, pulse);
        if header.width == 0 || header.height == 0 {
            return Err(corrupt(Format::Jpeg, "the picture has no pixels"));
        }
        Ok(header)
    }

    fn kind(&self) -> Kind {
        match self.frame {
            (0xc3, _) => Kind::Lossless,
            (_, 12) => Kind::Deep,
            _ => Kind::Blocks,
        }
    }

    /// What the samples of a pixel are, as libjpeg-turbo guesses where no segment says so.
    fn colours(&self) -> Colours {
        let predicted = matches!(self.kind(), Kind::Lossless);
        match (self.components, self.adobe, self.jfif) {
            (1 | 2, ..) => Colours::Grey,
            (3, None, true) => Colours::YCbCr,
            (3, Some(0), _) => Colours::Rgb,
            (3, None, _) if predicted || self.rgb => Colours::Rgb,
            (3, ..) => Colours::YCbCr,
            (_, Some(2), _) => Colours::Ycck,
            _ => Colours::Cmyk,
        }
    }

    /// Whether a frame that a decoder has found is this one: there may be several.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where it is not.
    fn check(&self, (width, height): (usize, usize), components: usize) -> Result<()> {
        let told = (self.width as usize, self.height as usize);
        match (width, height) == told && components == usize::from(self.components) {
            true => Ok(()),
            false => Err(contradictory()),
        }
    }

    /// The variant where there is no decoder for it: hierarchical files, and rare codes.
    fn refused(&self) -> Option<String> {
        let ((marker, precision), components) = (self.frame, self.components);
        if self.late {
            return Some("JPEG whose height follows its first scan".to_owned());
        }
        let format = match (marker, precision, components) {
            (LS, ..) => "JPEG-LS".to_owned(),
            (0xc3, 2..=16, 1..=4) => return None,
            (0xcb, ..) => "arithmetic-coded lossless JPEG".to_owned(),
            (0xc5..=0xc7 | 0xcd..=0xcf, ..) => "hierarchical JPEG".to_owned(),
            (0xc0..=0xc2, 12, 1 | 3 | 4) => return None,
            (0xc9 | 0xca, 12, _) => "arithmetic-coded 12-bit JPEG".to_owned(),
            (_, 8, 1 | 3 | 4) => return None,
            (_, 8 | 12, _) => format!("JPEG of {components} components"),
            _ => format!("{precision}-bit JPEG"),
        };
        Some(format)
    }
}

/// Pillow's CMYK to RGB. JPEG holds CMYK inverted, as Adobe's programs write it, which Pillow assumes of all.
pub(super) fn rgb_of_inverted([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let k = u32::from(k);
    [c, m, y].map(|ink| {
        let product = (255 - u32::from(ink)) * k + 128;
        k.saturating_sub((product + (product >> 8)) >> 8) as u8
    })
}

/// libjpeg's YCbCr to RGB.
pub(super) fn rgb_of_ycc([y, blue, red]: [u8; 3]) -> [u8; 3] {
    let [y, blue, red] = [i32::from(y), i32::from(blue) - 128, i32::from(red) - 128];
    // ITU-R BT.601, in fixed point of 16 bits, rounded.
    let sample = |product: i32| (y + ((product + (1 << 15)) >> 16)).clamp(0, 255) as u8;
    [
        sample(91_881 * red),
        sample(-22_554 * blue - 46_802 * red),
        sample(116_130 * blue),
    ]
}

/// Writes a row of samples, those of a pixel side by side, as RGB.
fn rgb_row(samples: &[u16], components: usize, colours: Colours, bits: u32, row: &mut [u8]) {
    let pixels = samples.chunks_exact(components);
    for (rgb, pixel) in row.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
        *rgb = colours.bytes(pixel, bits);
    }
}

/// The error for segments that cannot all be true.
fn contradictory() -> Error {
    corrupt(Format::Jpeg, "contradictory headers")
}

/// The error for a code that no table has.
fn unreadable_data() -> Error {
    corrupt(Format::Jpeg, "the data cannot be decoded")
}

/// The error for an encoder that cannot go on.
fn unwritable(error: io::Error) -> Error {
    corrupt(Format::Jpeg, error.to_string())
}

/// Rows that are encoded together, as the format has them.
const ROWS: usize = 16;

/// Pixels of a picture that is compressed as well as possible; a larger one is, in time.
const SMALL: usize = 1 << 20;

/// The quality from which on chroma is not halved, as in ImageMagick.
const FULL_CHROMA: f32 = 90.0;

/// Encodes RGB pixels as a JPEG of `quality` (0 to 100).
pub(super) fn encode(
    pixels: &[u8],
    (width, height): (usize, usize),
    quality: f32,
    pulse: &Pulse<'_>,
) -> Result<Vec<u8>> {
    pulse.confine(Format::Jpeg, || {
        let mut encoder = Compress::new(ColorSpace::JCS_RGB);
        encoder.set_size(width, height);
        if width * height > SMALL {
            // In one pass over rows as they come, where the best compression takes several over the whole at the end.
            encoder.set_fastest_defaults();
        }
        encoder.set_quality(quality);
        if quality >= FULL_CHROMA {
            encoder.set_chroma_sampling_pixel_sizes((1, 1), (1, 1));
        }
        let mut encoder = encoder.start_compress(Vec::new()).map_err(unwritable)?;
        for rows in pixels.chunks(3 * width * ROWS) {
            pulse.beat();
            encoder.write_scanlines(rows).map_err(unwritable)?;
        }
        encoder.finish().map_err(unwritable)
    })
}
