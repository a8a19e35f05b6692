//! Formats that the `image` crate decodes, each as a whole.

use super::decoder::Opening;
use super::raster::{Raster, zeroed};
use super::rows::Rows;
use super::source::{Pulse, Source, corrupt};
use super::{Format, aside};
use crate::{Error, Result};
use ::image::error::UnsupportedErrorKind;
use ::image::{ColorType, ImageDecoder, ImageError, ImageResult};

/// Memory a decoder may take besides its pixels: palettes, windows.
const OVERHEAD: u64 = 64 << 20;

/// Makes a decoder of the `image` crate.
pub(super) type Make = for<'a> fn(Source<'a>) -> ImageResult<Box<dyn ImageDecoder + 'a>>;

/// Reads the header: a decoder that knows the size, or the reason why there is none.
pub(super) fn header(
    format: Format,
    make: Make,
    bytes: &[u8],
    pulse: &Pulse<'_>,
) -> Result<(u32, u32)> {
    pulse.confine(format, || {
        let decoder = decoder(make, bytes, OVERHEAD, pulse);
        Ok(decoder
            .map_err(|error| translate(format, error))?
            .dimensions())
    })
}

fn decoder<'a>(
    make: Make,
    bytes: &'a [u8],
    memory: u64,
    pulse: &'a Pulse<'a>,
) -> ImageResult<Box<dyn ImageDecoder + 'a>> {
    let mut limits = ::image::Limits::no_limits();
    limits.max_alloc = Some(memory);
    let mut decoder = make(Source::new(bytes, pulse))?;
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

/// How a format is decoded.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) format: Format,
    pub(super) make: Make,
    /// Bytes that the decoder takes besides its result, of a picture of so many pixels in a file of so many bytes.
    pub(super) memory: fn(usize, usize) -> usize,
    /// Pixels that the decoder may go through without being asked to stop.
    pub(super) unasked: u64,
}

/// Decodes the picture, aside where the decoder could not be asked to stop in time.
pub(super) fn decode(way: Way, file: Opening<'_, '_>) -> Result<Raster> {
    let Opening { bytes, pulse, .. } = file;
    let size = file.header.size;
    let pixels = u64::from(size.0) * u64::from(size.1);
    pulse.claim(4 * pixels + (way.memory)(pixels as usize, bytes.len()) as u64)?;
    let decode = move |bytes: &[u8], pulse: &Pulse<'_>| {
        pulse.confine(way.format, || samples(way, bytes, size, pulse))
    };
    let (samples, color) = match pixels > way.unasked {
        true => aside::run(bytes, pulse, decode)?,
        false => decode(bytes, pulse)?,
    };
    // None of these formats has samples of more than 8 bits.
    let channels = color.channel_count().into();
    Ok(Raster::new(samples, channels, size, file.request.alpha))
}

/// All samples of the picture, and what they are.
pub(super) fn samples(
    way: Way,
    bytes: &[u8],
    (width, height): (u32, u32),
    pulse: &Pulse<'_>,
) -> Result<(Vec<u8>, ColorType)> {
    let translate = |error| translate(way.format, error);
    let pixels = u64::from(width) * u64::from(height);
    let memory = OVERHEAD.saturating_add(16 * pixels);
    let decoder = decoder(way.make, bytes, memory, pulse).map_err(translate)?;
    if decoder.dimensions() != (width, height) || decoder.total_bytes() > memory {
        return Err(corrupt(way.format, "contradictory headers"));
    }
    let mut samples = zeroed(decoder.total_bytes() as usize, pulse)?;
    expect_memory((way.memory)(pixels as usize, bytes.len()))?;
    let color = decoder.color_type();
    decoder.read_image_boxed(&mut samples).map_err(translate)?;
    Ok((samples, color))
}

/// Decodes a picture aside, by a decoder that makes samples of 8 bits of it and tells how many a pixel has, and that takes
/// `bytes_per_pixel` at most.
pub(super) fn decode_aside<'a>(
    format: Format,
    bytes_per_pixel: u64,
    file: Opening<'a, '_>,
    decoder: impl Fn(&[u8], &Pulse<'_>) -> Result<(Vec<u8>, usize)> + Clone + Send + 'static,
) -> Result<Box<dyn Rows + 'a>> {
    let size = file.header.size;
    let memory = bytes_per_pixel * u64::from(size.0) * u64::from(size.1);
    file.pulse.claim(memory)?;
    expect_memory(memory as usize)?;
    let (samples, channels) = aside::run(file.bytes, file.pulse, move |bytes, pulse| {
        pulse.confine(format, || decoder(bytes, pulse))
    })?;
    let raster = Raster::new(samples, channels, size, file.request.alpha);
    Ok(Box::new(raster))
}

/// Asks for as much memory as a decoder holds besides its result, and gives it back: a decoder ends the process where it
/// is refused any.
pub(super) fn expect_memory(bytes: usize) -> Result<()> {
    let mut memory = Vec::<u8>::new();
    memory
        .try_reserve_exact(bytes)
        .map_err(|_| Error::OutOfMemory { bytes })
}
