//! WebP and BMP: decoded whole by the `image` crate, handed out as rows of RGB; and what all pictures that are not JPEG
//! have in common.
//!
//! Alpha is dropped or composed as the caller says.

use super::resample::Rows;
use super::source::{Pulse, Source, corrupt};
use super::{Format, Limits, aside, webp};
use crate::preprocess::Alpha;
use crate::{Error, Result};
use ::image::codecs::{bmp::BmpDecoder, webp::WebPDecoder};
use ::image::error::UnsupportedErrorKind;
use ::image::{ColorType, ImageDecoder, ImageError, ImageResult};

/// Memory a decoder may take besides its pixels: palettes, windows.
const OVERHEAD: u64 = 64 << 20;

/// Pixels of a WebP that its decoder may go through without calling `progress`: some 60 ms.
const UNASKED: u64 = 1 << 20;

/// Width and height from the header.
pub(super) fn size(format: Format, bytes: &[u8], pulse: &Pulse<'_>) -> Result<(u32, u32)> {
    match format {
        // The decoder has a limit of its own, which would not be told from damage.
        Format::Bmp => bmp_size(bytes).ok_or_else(|| corrupt(format, "the header ends early")),
        _ => Ok(open(format, bytes, pulse)?.dimensions()),
    }
}

/// Refuses what has a size, but no decoder.
///
/// # Errors
/// As for decoding, as far as the header tells.
pub(super) fn supported(format: Format, bytes: &[u8], pulse: &Pulse<'_>) -> Result<()> {
    open(format, bytes, pulse).map(drop)
}

fn open<'a>(
    format: Format,
    bytes: &'a [u8],
    pulse: &'a Pulse<'a>,
) -> Result<Box<dyn ImageDecoder + 'a>> {
    pulse.confine(format, || {
        decoder(format, bytes, OVERHEAD, pulse).map_err(|error| translate(format, error))
    })
}

/// From the old header, of 12 bytes, or one of its successors, in which a negative height means top to bottom.
fn bmp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    match *bytes.get(14..26)? {
        [12, 0, 0, 0, w0, w1, h0, h1, ..] => Some((
            u16::from_le_bytes([w0, w1]).into(),
            u16::from_le_bytes([h0, h1]).into(),
        )),
        [_, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3] => Some((
            u32::from_le_bytes([w0, w1, w2, w3]),
            i32::from_le_bytes([h0, h1, h2, h3]).unsigned_abs(),
        )),
        _ => None,
    }
}

fn decoder<'a>(
    format: Format,
    bytes: &'a [u8],
    memory: u64,
    pulse: &'a Pulse<'a>,
) -> ImageResult<Box<dyn ImageDecoder + 'a>> {
    let source = Source::new(bytes, pulse);
    let mut limits = ::image::Limits::no_limits();
    limits.max_alloc = Some(memory);
    let mut decoder: Box<dyn ImageDecoder + 'a> = match format {
        Format::WebP => Box::new(WebPDecoder::new(source)?),
        _ => Box::new(BmpDecoder::new(source)?),
    };
    decoder.set_limits(limits)?;
    Ok(decoder)
}

fn translate(format: Format, error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => {
            let variant = match error.kind() {
                UnsupportedErrorKind::GenericFeature(feature) => feature.clone(),
                _ => error.to_string(),
            };
            Error::UnsupportedImageFormat {
                format: format!("{} ({variant})", format.title()),
            }
        }
        ImageError::Limits(_) => corrupt(format, "it needs more memory than its size accounts for"),
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            corrupt(format, "the data ends early")
        }
        error => corrupt(format, error.to_string()),
    }
}

/// A decoded picture, read row by row.
pub(super) struct Raster {
    samples: Vec<u8>,
    channels: usize,
    alpha: Alpha,
    width: usize,
    height: usize,
    next: usize,
}

impl Raster {
    /// Checks the header against `limits` and decodes.
    pub(super) fn decode(
        format: Format,
        bytes: &[u8],
        alpha: Alpha,
        limits: &Limits,
        pulse: &Pulse<'_>,
    ) -> Result<Self> {
        let (width, height) = size(format, bytes, pulse)?;
        if width == 0 || height == 0 {
            return Err(corrupt(format, "the picture has no pixels"));
        }
        limits.check(width, height)?;
        let pixels = u64::from(width) * u64::from(height);
        let decode = move |bytes: &[u8], pulse: &Pulse<'_>| {
            pulse.confine(format, || samples(format, bytes, (width, height), pulse))
        };
        let (samples, color) = match format {
            Format::WebP => {
                webp::check(bytes, (width, height), pulse)?;
                if pixels > UNASKED {
                    aside::run(bytes, pulse, decode)?
                } else {
                    decode(bytes, pulse)?
                }
            }
            _ => decode(bytes, pulse)?,
        };
        Ok(Self {
            samples,
            // Neither format has samples of more than 8 bits.
            channels: color.channel_count().into(),
            alpha,
            width: width as usize,
            height: height as usize,
            next: 0,
        })
    }
}

/// All samples of the picture, and what they are.
fn samples(
    format: Format,
    bytes: &[u8],
    (width, height): (u32, u32),
    pulse: &Pulse<'_>,
) -> Result<(Vec<u8>, ColorType)> {
    let pixels = u64::from(width) * u64::from(height);
    let memory = OVERHEAD.saturating_add(16 * pixels);
    let decoder =
        decoder(format, bytes, memory, pulse).map_err(|error| translate(format, error))?;
    if decoder.dimensions() != (width, height) || decoder.total_bytes() > memory {
        return Err(corrupt(format, "contradictory headers"));
    }
    let mut samples = zeroed(decoder.total_bytes() as usize, pulse)?;
    if format == Format::WebP {
        webp::expect_memory(pixels as usize, bytes.len())?;
    }
    let color = decoder.color_type();
    decoder
        .read_image_boxed(&mut samples)
        .map_err(|error| translate(format, error))?;
    Ok((samples, color))
}

impl Rows for Raster {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let stride = self.width * self.channels;
        let samples = self
            .samples
            .get(self.next * stride..(self.next + 1) * stride);
        self.next += 1;
        paint(row, samples.unwrap_or_default(), self.channels, self.alpha);
        Ok(())
    }
}

/// Turns samples of 8 bits into RGB: grey, grey with alpha, RGB or RGB with alpha, by the number of channels.
pub(super) fn paint(row: &mut [u8], samples: &[u8], channels: usize, alpha: Alpha) {
    let out = row.as_chunks_mut::<3>().0;
    match channels {
        1 => fill(out, samples, |[l]: [u8; 1]| [l; 3]),
        2 => fill(out, samples, |[l, a]| compose([l; 3], a, alpha)),
        3 => fill(out, samples, |rgb| rgb),
        _ => fill(out, samples, |[r, g, b, a]| compose([r, g, b], a, alpha)),
    }
}

fn fill<const N: usize>(out: &mut [[u8; 3]], samples: &[u8], rgb: impl Fn([u8; N]) -> [u8; 3]) {
    for (out, pixel) in out.iter_mut().zip(samples.as_chunks::<N>().0) {
        *out = rgb(*pixel);
    }
}

/// Drops `opacity` or composes the pixel over white or black, with Pillow's rounding (`Image.paste`).
pub(super) fn compose(rgb: [u8; 3], opacity: u8, alpha: Alpha) -> [u8; 3] {
    let background = match alpha {
        Alpha::Drop => return rgb,
        Alpha::White => 255,
        Alpha::Black => 0,
    };
    let opacity = u32::from(opacity);
    rgb.map(|sample| {
        let sum = background * (255 - opacity) + u32::from(sample) * opacity + 128;
        ((sum + (sum >> 8)) >> 8) as u8
    })
}

/// Zeroed bytes, or an error where the system has no memory for them. `progress` is called on the way: the system takes
/// a second for some gigabytes.
pub(super) fn zeroed(length: usize, pulse: &Pulse<'_>) -> Result<Vec<u8>> {
    const BLOCK: usize = 1 << 24;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length)
        .map_err(|_| Error::OutOfMemory { bytes: length })?;
    while bytes.len() < length {
        pulse.beat();
        bytes.resize(length.min(bytes.len() + BLOCK), 0);
    }
    Ok(bytes)
}
