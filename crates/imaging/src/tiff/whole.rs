//! Compressions that are formats of pictures of their own, and LERC, whose decoder gives a strip or tile at once.

use super::chunk::{Chunk, Decoded, Packed, unreadable};
use super::layout::{Layout, compression};
use super::stream::Input;
use crate::aside;
use crate::decoder::{Decoder, Opening, Request};
use crate::jpeg2000::Jpeg2000;
use crate::jpegxl::JpegXl;
use crate::png::Png;
use crate::preprocess::Alpha;
use crate::raster::zeroed;
use crate::rows::Rows;
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Limits, Result};
use ::image::ImageDecoder;
use ::image::codecs::webp::WebPDecoder;
use flate2::bufread::ZlibDecoder;
use lerc::SampleData;
use ruzstd::decoding::StreamingDecoder;
use std::io::{Cursor, Read};

/// Who reads pictures of a format.
fn decoder(format: Format) -> Option<&'static dyn Decoder> {
    Some(match format {
        Format::Jpeg2000 => &Jpeg2000,
        Format::JpegXl => &JpegXl,
        Format::Png => &Png,
        _ => return None,
    })
}

/// Decodes a strip or tile.
pub(super) fn open<'a>(
    layout: &Layout<'a>,
    chunk: &Chunk<'a>,
    pulse: &'a Pulse<'a>,
) -> Result<Box<dyn Packed + 'a>> {
    let samples = if layout.planar { 1 } else { layout.bits.len() };
    if layout.format().is_some() {
        return Ok(Box::new(Inner::open(layout, samples, chunk, pulse)?));
    }
    let mut reversed = Vec::new();
    if layout.reversed {
        reversed = zeroed(chunk.bytes.len(), pulse)?;
        let pairs = reversed.iter_mut().zip(chunk.bytes);
        pairs.for_each(|(target, byte)| *target = byte.reverse_bits());
    }
    let bytes = if layout.reversed {
        &reversed
    } else {
        chunk.bytes
    };
    let chunk = &Chunk { bytes, ..*chunk };
    Ok(match layout.compression {
        compression::LERC => Box::new(lerc(layout, samples, chunk, pulse)?),
        _ => Box::new(webp(samples, chunk, pulse)?),
    })
}

/// A picture of another format, read by its own decoder as RGB of 8 bits.
struct Inner<'a> {
    rows: Box<dyn Rows + 'a>,
    line: Vec<u8>,
    /// Samples of a pixel, and bytes of a sample: all that are asked for have the same.
    samples: usize,
    bytes: usize,
    left: usize,
}

impl<'a> Inner<'a> {
    fn open(
        layout: &Layout<'a>,
        samples: usize,
        chunk: &Chunk<'a>,
        pulse: &'a Pulse<'a>,
    ) -> Result<Self> {
        let decoder = layout
            .format()
            .and_then(decoder)
            .filter(|decoder| decoder.recognizes(chunk.bytes))
            .ok_or_else(|| corrupt(Format::Tiff, "a strip or tile is of another format"))?;
        let header = decoder.header(chunk.bytes, None, pulse)?;
        if let Some(format) = header.refused {
            return Err(Error::UnsupportedImageFormat {
                format: format!("TIFF with {format}"),
            });
        }
        let (width, height) = (header.size.0 as usize, header.size.1 as usize);
        if width != chunk.size.0 || height > chunk.size.1 {
            return Err(larger());
        }
        let limits = Limits {
            max_pixels: u64::MAX,
            max_memory: u64::MAX,
        };
        let request = Request::whole(header.size, None, Alpha::Drop, limits);
        Ok(Self {
            rows: decoder.open(Opening {
                bytes: chunk.bytes,
                header: &header,
                request: &request,
                pulse,
            })?,
            line: zeroed(3 * width, pulse)?,
            samples,
            bytes: usize::from(layout.bits.first().copied().unwrap_or(8) / 8).max(1),
            left: height,
        })
    }
}

impl Packed for Inner<'_> {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.rows.next_row(&mut self.line)?;
        }
        // Grey is told by any of three, and a word by its high byte twice.
        let step = 3 / self.samples.clamp(1, 3);
        let samples = self.line.iter().step_by(step);
        for (out, &sample) in row.chunks_exact_mut(self.bytes).zip(samples) {
            out.fill(sample);
        }
        Ok(())
    }
}

fn larger() -> Error {
    corrupt(
        Format::Tiff,
        "a strip or tile holds a picture of another size",
    )
}

/// Pixels that a decoder may go through without calling `progress`: some 60 ms.
const UNASKED: usize = 1 << 20;

/// Runs a decoder that cannot be asked to stop, where that would be noticed on a thread that can be left.
fn apart<T: Send + 'static>(
    chunk: &Chunk<'_>,
    pulse: &Pulse<'_>,
    decode: impl Fn(&[u8], &Pulse<'_>) -> Result<T> + Clone + Send + 'static,
) -> Result<T> {
    match chunk.size.0.saturating_mul(chunk.size.1) > UNASKED {
        true => aside::run(chunk.bytes, pulse, decode),
        false => decode(chunk.bytes, pulse),
    }
}

fn webp(samples: usize, chunk: &Chunk<'_>, pulse: &Pulse<'_>) -> Result<Decoded> {
    let size = chunk.size;
    let pixels = apart(chunk, pulse, move |bytes, pulse| {
        pulse.confine(Format::Tiff, || webp_pixels(bytes, size, samples, pulse))
    })?;
    Ok(Decoded::new(pixels, size.0 * samples))
}

fn webp_pixels(
    bytes: &[u8],
    size: (usize, usize),
    samples: usize,
    pulse: &Pulse<'_>,
) -> Result<Vec<u8>> {
    let bad = |error: ::image::ImageError| corrupt(Format::Tiff, error.to_string());
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(bad)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let channels = usize::from(decoder.color_type().channel_count());
    if width != size.0 || height > size.1 || !matches!(samples, 3 | 4) {
        return Err(larger());
    }
    let mut pixels = zeroed(width * height * channels, pulse)?;
    decoder.read_image(&mut pixels).map_err(bad)?;
    if channels == samples {
        return Ok(pixels);
    }
    // A picture that is opaque is written without opacity.
    let mut all = zeroed(width * height * samples, pulse)?;
    let targets = all.chunks_exact_mut(samples);
    for (pixel, target) in pixels.chunks_exact(channels).zip(targets) {
        target.fill(u8::MAX);
        let pairs = target.iter_mut().zip(pixel);
        pairs.for_each(|(target, &sample)| *target = sample);
    }
    Ok(all)
}

fn lerc(
    layout: &Layout<'_>,
    samples: usize,
    chunk: &Chunk<'_>,
    pulse: &Pulse<'_>,
) -> Result<Decoded> {
    let bad = |error: lerc::LercError| corrupt(Format::Tiff, error.to_string());
    // Version, and what was done on top: nothing, deflate, Zstandard.
    let inner;
    let bytes = match layout.directory.all(50_674, 2).get(1) {
        Some(1) => {
            inner = unpacked(
                ZlibDecoder::new(Input::new(chunk.bytes, false, pulse)),
                chunk,
            )?;
            &inner[..]
        }
        Some(2) => {
            let input = Input::new(chunk.bytes, false, pulse);
            let decoder = StreamingDecoder::new_with_max_window_size(input, 1 << 27)
                .map_err(|error| corrupt(Format::Tiff, error.to_string()))?;
            inner = unpacked(decoder, chunk)?;
            &inner[..]
        }
        _ => chunk.bytes,
    };
    let info = lerc::decode_info(bytes).map_err(bad)?;
    let all = u64::from(info.depth) * u64::from(info.bands);
    let (width, height) = (info.width as usize, info.height as usize);
    if width != chunk.size.0 || height > chunk.size.1 || all != samples as u64 {
        return Err(larger());
    }
    let inner = Chunk { bytes, ..*chunk };
    let image = apart(&inner, pulse, |bytes, pulse| {
        pulse.confine(Format::Tiff, || {
            lerc::decode(bytes).map_err(|error| corrupt(Format::Tiff, error.to_string()))
        })
    })?;
    // libtiff swaps the bytes of words before it codes them, where the file's order is not its processor's, which is little
    // nearly everywhere. So what is decoded has the file's order once its words are written with the low byte first.
    macro_rules! bytes {
        ($values:expr) => {
            $values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect::<Vec<u8>>()
        };
    }
    let bytes = match &image.data {
        SampleData::I8(values) => bytes!(values),
        SampleData::U8(values) => bytes!(values),
        SampleData::I16(values) => bytes!(values),
        SampleData::U16(values) => bytes!(values),
        SampleData::I32(values) => bytes!(values),
        SampleData::U32(values) => bytes!(values),
        SampleData::F32(values) => bytes!(values),
        SampleData::F64(values) => bytes!(values),
    };
    if bytes.len() != chunk.stride * height {
        return Err(larger());
    }
    Ok(Decoded::new(bytes, chunk.stride))
}

/// What a stream holds, which is not much more than a strip or tile without compression.
fn unpacked(reader: impl Read, chunk: &Chunk<'_>) -> Result<Vec<u8>> {
    let most = chunk
        .stride
        .saturating_mul(chunk.size.1)
        .saturating_add(1 << 16);
    let mut bytes = Vec::new();
    reader
        .take(most as u64)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_decoders() {
        for (value, format) in compression::FORMATS {
            assert!(decoder(format).is_some(), "compression {value}");
        }
    }
}
