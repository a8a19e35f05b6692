//! From the bytes of a strip or tile to its rows as they were before they were compressed.

use super::chunk::{Chunk, Decoded, Packed, WINDOW, unreadable};
use super::fax::{Coding, Fax};
use super::jpeg;
use super::layout::{Color, Layout, compression};
use super::log_luv::LogLuv;
use super::stream::{Input, Lzw, PackBits};
use super::whole;
use crate::raster::zeroed;
use crate::source::{Pulse, corrupt};
use crate::{Format, Result};
use flate2::bufread::ZlibDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use std::io::{BufReader, Read};

/// Most bytes that a stream is decoded ahead of what is asked for.
const AHEAD: usize = 1 << 16;

/// Starts decoding.
///
/// # Errors
/// [`crate::Error::CorruptImage`], or [`crate::Error::UnsupportedImageFormat`] for what only the data tells.
pub(super) fn open<'a>(
    layout: &Layout<'a>,
    color: Color,
    chunk: &Chunk<'a>,
    pulse: &'a Pulse<'a>,
) -> Result<Box<dyn Packed + 'a>> {
    let Chunk {
        bytes, cut, size, ..
    } = *chunk;
    let input = || Input::new(bytes, layout.reversed, pulse);
    let fax = |coding| Fax::new(bytes, layout.reversed, coding, size.0, cut, pulse);
    Ok(match layout.compression {
        compression::NONE => Box::new(Plain {
            bytes,
            reversed: layout.reversed,
        }),
        compression::RLE => Box::new(fax(Coding::Huffman { align: 8 })),
        compression::RLE_WORDS => Box::new(fax(Coding::Huffman { align: 16 })),
        compression::GROUP_3 => {
            let two = layout.directory.first(292).unwrap_or(0) & 1 == 1;
            Box::new(fax(Coding::Group3 { two }))
        }
        compression::GROUP_4 => Box::new(fax(Coding::Group4)),
        compression::PACK_BITS => Stream::boxed(PackBits::new(input()), chunk),
        compression::LOG_LUV => Box::new(LogLuv::new(input(), chunk)),
        compression::LZW => Stream::boxed(Lzw::new(input()).map_err(unreadable)?, chunk),
        compression::DEFLATE | compression::OLD_DEFLATE => {
            Stream::boxed(ZlibDecoder::new(input()), chunk)
        }
        compression::LZMA => Stream::boxed(
            XzReader::new_mem_limit(input(), false, (WINDOW >> 10) as u32),
            chunk,
        ),
        compression::ZSTD => {
            let decoder = StreamingDecoder::new_with_max_window_size(input(), WINDOW as u64);
            let decoder = decoder.map_err(|error| corrupt(Format::Tiff, error.to_string()))?;
            Stream::boxed(decoder, chunk)
        }
        compression::JPEG => jpeg::open(layout, color, chunk, pulse)?,
        compression::OLD_JPEG => jpeg::open_old(layout, chunk, pulse)?,
        _ => whole::open(layout, chunk, pulse)?,
    })
}

/// Whether decoders hold what they decode as a whole.
pub(super) fn is_held(layout: &Layout<'_>) -> bool {
    layout.is_webp() || layout.compression == compression::LERC || layout.format().is_some()
}

/// Whether strips or tiles are decoded as a whole because their decoders hold more than that, and there are several.
pub(super) fn is_gathered(layout: &Layout<'_>, side_by_side: usize) -> bool {
    side_by_side > 1
        && layout.shared().is_none()
        && matches!(layout.compression, compression::LZMA | compression::ZSTD)
}

/// Decodes all rows of a strip or tile.
pub(super) fn gather<'a>(
    mut decoder: Box<dyn Packed + 'a>,
    chunk: &Chunk<'_>,
    pulse: &Pulse<'_>,
) -> Result<Box<dyn Packed + 'a>> {
    let mut bytes = zeroed(chunk.stride.saturating_mul(chunk.size.1), pulse)?;
    for row in bytes.chunks_exact_mut(chunk.stride) {
        pulse.beat();
        decoder.fill(row)?;
    }
    Ok(Box::new(Decoded::new(bytes, chunk.stride)))
}

/// What is not compressed.
struct Plain<'a> {
    bytes: &'a [u8],
    reversed: bool,
}

impl Packed for Plain<'_> {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        let Some((bytes, rest)) = self.bytes.split_at_checked(row.len()) else {
            return Err(corrupt(Format::Tiff, "the data ends early"));
        };
        row.copy_from_slice(bytes);
        if self.reversed {
            row.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        self.bytes = rest;
        Ok(())
    }
}

/// A stream of bytes that is cut into rows.
struct Stream<R>(BufReader<R>);

impl<'a, R: Read + 'a> Stream<R> {
    fn boxed(reader: R, chunk: &Chunk<'a>) -> Box<dyn Packed + 'a> {
        let all = chunk.stride.saturating_mul(chunk.size.1);
        Box::new(Self(BufReader::with_capacity(all.clamp(1, AHEAD), reader)))
    }
}

impl<R: Read> Packed for Stream<R> {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        self.0.read_exact(row).map_err(unreadable)
    }
}
