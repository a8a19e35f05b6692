//! PNG, GIF, WebP, TIFF and BMP: decoded whole by the `image` crate, handed out as rows of RGB.
//!
//! Alpha is dropped or composed as the caller says. Of 16-bit samples the high byte counts, as in Pillow's
//! colour images (its grey ones of 16 bits are clipped to white instead, which nobody wants).

use super::gif::Walk;
use super::resample::Rows;
use super::source::{Pulse, Source, corrupt};
use super::{Format, Limits};
use crate::preprocess::Alpha;
use crate::{Error, Result};
use ::image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder,
};
use ::image::error::UnsupportedErrorKind;
use ::image::{ColorType, ImageDecoder, ImageError, ImageResult};

/// Memory a decoder may take besides its pixels: palettes, windows, colour profiles.
const OVERHEAD: u64 = 64 << 20;

/// Width and height from the header.
pub(super) fn size(format: Format, bytes: &[u8], pulse: &Pulse<'_>) -> Result<(u32, u32)> {
    let (width, height) = match format {
        // The decoder reads on to the pixels and wants to know its limits before.
        Format::Png => match bytes.get(12..24) {
            Some(&[b'I', b'H', b'D', b'R', w3, w2, w1, w0, h3, h2, h1, h0]) => (
                u32::from_be_bytes([w3, w2, w1, w0]),
                u32::from_be_bytes([h3, h2, h1, h0]),
            ),
            _ => return Err(corrupt(format, "no header chunk")),
        },
        // The decoder has a limit of its own, which would not be told from damage.
        Format::Bmp => bmp_size(bytes).ok_or_else(|| corrupt(format, "the header ends early"))?,
        _ => pulse.confine(format, || {
            Ok(decoder(format, bytes, OVERHEAD, pulse)
                .map_err(|error| translate(format, error))?
                .dimensions())
        })?,
    };
    if width == 0 || height == 0 {
        return Err(corrupt(format, "the picture has no pixels"));
    }
    Ok((width, height))
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

/// Whether the container is longer than the file: the decoder needs only the first picture, but EXIF comes last.
fn webp_ends_early(bytes: &[u8]) -> bool {
    bytes
        .get(4..8)
        .and_then(|size| size.try_into().ok())
        .is_none_or(|size| u64::from(u32::from_le_bytes(size)) + 8 > bytes.len() as u64)
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
        Format::Png => Box::new(PngDecoder::with_limits(source, limits.clone())?),
        Format::Gif => Box::new(GifDecoder::new(source)?),
        Format::WebP => Box::new(WebPDecoder::new(source)?),
        Format::Tiff => Box::new(TiffDecoder::new(source)?),
        Format::Bmp | Format::Jpeg => Box::new(BmpDecoder::new(source)?),
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
    color: ColorType,
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
        limits.check(width, height)?;
        if format == Format::WebP && webp_ends_early(bytes) {
            return Err(corrupt(format, "the data ends early"));
        }
        let memory = OVERHEAD.saturating_add(16 * u64::from(width) * u64::from(height));
        let (samples, color) = pulse.confine(format, || {
            let decoder =
                decoder(format, bytes, memory, pulse).map_err(|error| translate(format, error))?;
            if decoder.dimensions() != (width, height) || decoder.total_bytes() > memory {
                return Err(corrupt(format, "contradictory headers"));
            }
            let mut samples = zeroed(decoder.total_bytes() as usize)?;
            let color = decoder.color_type();
            decoder
                .read_image_boxed(&mut samples)
                .map_err(|error| translate(format, error))?;
            Ok((samples, color))
        })?;
        let mut raster = Self {
            samples,
            color,
            alpha,
            width: width as usize,
            height: height as usize,
            next: 0,
        };
        if format == Format::Gif {
            raster.paint_surround(&Walk::of(bytes));
        }
        Ok(raster)
    }

    /// Gives the screen around the first frame of a GIF the colour Pillow gives it.
    fn paint_surround(&mut self, walk: &Walk) {
        let Some(first) = walk.first else {
            return;
        };
        let [left, top, width, height] = first.area;
        let pixels = self.samples.as_chunks_mut::<4>().0;
        for (y, row) in pixels.chunks_mut(self.width).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                if x.wrapping_sub(left) >= width || y.wrapping_sub(top) >= height {
                    *pixel = first.surround;
                }
            }
        }
    }
}

impl Rows for Raster {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let stride = self.width * usize::from(self.color.bytes_per_pixel());
        let samples = self
            .samples
            .get(self.next * stride..(self.next + 1) * stride)
            .unwrap_or_default();
        self.next += 1;
        let out = row.as_chunks_mut::<3>().0;
        match self.color {
            ColorType::L8 => fill(out, samples, |[l]: [u8; 1]| [l; 3]),
            ColorType::La8 => fill(out, samples, |[l, a]| self.compose([l; 3], a)),
            ColorType::Rgb8 => row.copy_from_slice(samples),
            ColorType::Rgba8 => fill(out, samples, |[r, g, b, a]| self.compose([r, g, b], a)),
            ColorType::L16 => fill(out, samples, |l: [u8; 2]| [narrow(l); 3]),
            ColorType::La16 => fill(out, samples, |[l1, l0, a1, a0]| {
                self.compose([narrow([l1, l0]); 3], narrow([a1, a0]))
            }),
            ColorType::Rgb16 => fill(out, samples, |[r1, r0, g1, g0, b1, b0]| {
                [[r1, r0], [g1, g0], [b1, b0]].map(narrow)
            }),
            ColorType::Rgba16 => fill(out, samples, |[r1, r0, g1, g0, b1, b0, a1, a0]| {
                let rgb = [[r1, r0], [g1, g0], [b1, b0]].map(narrow);
                self.compose(rgb, narrow([a1, a0]))
            }),
            color => {
                return Err(Error::UnsupportedImageFormat {
                    format: format!("image with samples of type {color:?}"),
                });
            }
        }
        Ok(())
    }
}

impl Raster {
    /// Drops `alpha` or composes the pixel over white or black, with Pillow's rounding (`Image.paste`).
    fn compose(&self, rgb: [u8; 3], alpha: u8) -> [u8; 3] {
        let background = match self.alpha {
            Alpha::Drop => return rgb,
            Alpha::White => 255,
            Alpha::Black => 0,
        };
        let alpha = u32::from(alpha);
        rgb.map(|sample| {
            let sum = background * (255 - alpha) + u32::from(sample) * alpha + 128;
            ((sum + (sum >> 8)) >> 8) as u8
        })
    }
}

fn fill<const N: usize>(out: &mut [[u8; 3]], samples: &[u8], rgb: impl Fn([u8; N]) -> [u8; 3]) {
    for (out, pixel) in out.iter_mut().zip(samples.as_chunks::<N>().0) {
        *out = rgb(*pixel);
    }
}

/// The high byte of a 16-bit sample in native order.
fn narrow(sample: [u8; 2]) -> u8 {
    (u16::from_ne_bytes(sample) >> 8) as u8
}

/// Zeroed bytes, or an error where the system has no memory for them.
pub(super) fn zeroed(length: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length)
        .map_err(|_| Error::OutOfMemory { bytes: length })?;
    bytes.resize(length, 0);
    Ok(bytes)
}
