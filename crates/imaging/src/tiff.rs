//! TIFF: strips and tiles through the `tiff` crate (CCITT group 4 through `fax`), one band of them after the other.
//!
//! What a file needs is told from its first directory before anything is decoded, so that a variant without a decoder is
//! not taken for damage, and its size is known all the same.

use super::Format;
use super::decoder::{self, Reader, Request, only_page};
use super::exif::{self, Tiff as Directories};
use super::jpeg::rgb_of_inverted;
use super::raster::{paint, zeroed};
use super::rows::Rows;
use super::source::{Pulse, Source, corrupt};
use crate::preprocess::Alpha;
use crate::{Error, Result};
use fax::decoder::{DecodeStatus, Group4Decoder};
use std::convert::Infallible;
use std::iter::{Copied, Map};
use std::slice::Iter;
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult};

/// Memory a decoder may take besides its pixels: tags, windows.
const OVERHEAD: u64 = 64 << 20;

const GROUP_4: u64 = 4;

/// The decoder of TIFF.
pub(super) struct Tiff;

impl decoder::Decoder for Tiff {
    fn format(&self) -> Format {
        Format::Tiff
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        matches!(
            bytes,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..]
        )
    }

    fn readers(&self) -> Vec<Reader> {
        vec![
            Reader::built_in("", "tiff", "0.11.3"),
            Reader::built_in("CCITT group 4", "fax", "0.2.7"),
        ]
    }

    fn header(&self, bytes: &[u8], page: u32, pulse: &Pulse<'_>) -> Result<decoder::Header> {
        only_page(page)?;
        let header = Header::parse(bytes)?;
        Ok(decoder::Header {
            orientation: exif::file_orientation(bytes).unwrap_or(1),
            frames: exif::pages(bytes, pulse),
            refused: header.refused(bytes),
            ..decoder::Header::new((header.width, header.height))
        })
    }

    fn open<'a>(
        &self,
        bytes: &'a [u8],
        _header: &decoder::Header,
        request: &Request,
        pulse: &'a Pulse<'a>,
    ) -> Result<Box<dyn Rows + 'a>> {
        Ok(Box::new(Bands::open(bytes, request.alpha, pulse)?))
    }
}

/// What the first directory says of the picture.
struct Header {
    width: u32,
    height: u32,
    compression: u64,
    photometric: Option<u64>,
    /// Bits of a sample, where that is the same for all.
    bits: Option<u64>,
    /// Samples of a pixel, and what those are that come on top of its colour.
    samples: u64,
    extra: Vec<u64>,
    formats: Vec<u64>,
    reversed: bool,
    planar: bool,
    predictor: u64,
    /// Pixels of a strip or tile.
    chunk: (u64, u64),
    tiled: bool,
}

impl Header {
    /// Reads the first directory of `bytes`.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where there is none, or none that tells the size.
    fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).ok_or_else(|| {
            let reason = match Directories::open(bytes) {
                Some(tiff) if tiff.first < bytes.len() => {
                    "the first directory does not tell the size"
                }
                _ => "the data ends early",
            };
            corrupt(Format::Tiff, reason)
        })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let tiff = Directories::open(bytes)?;
        let first = |tag| tiff.value(tag, 0);
        // More samples than a decoder knows what to do with.
        let list = |tag| {
            (0..64)
                .map_while(|n| tiff.value(tag, n))
                .collect::<Vec<u64>>()
        };
        let (width, height) = (first(256)?, first(257)?);
        let bits = list(258);
        let tiled = first(322).is_some();
        Some(Self {
            width: u32::try_from(width).ok()?,
            height: u32::try_from(height).ok()?,
            compression: first(259).unwrap_or(1),
            photometric: first(262),
            bits: match bits.split_first() {
                None => Some(1),
                Some((&bits, others)) => others.iter().all(|&other| other == bits).then_some(bits),
            },
            samples: first(277).unwrap_or(1),
            extra: list(338),
            formats: list(339),
            reversed: first(266) == Some(2),
            planar: first(284) == Some(2),
            predictor: first(317).unwrap_or(1),
            chunk: match tiled {
                true => (first(322)?, first(323)?),
                false => (width, first(278).unwrap_or(height).min(height)),
            },
            tiled,
        })
    }

    /// Where the strip or tile with this index begins, and how many bytes it has.
    fn range(&self, bytes: &[u8], index: usize) -> Option<(u64, u64)> {
        let tiff = Directories::open(bytes)?;
        let [offsets, lengths] = if self.tiled { [324, 325] } else { [273, 279] };
        Some((tiff.value(offsets, index)?, tiff.value(lengths, index)?))
    }

    /// What there is of the bytes of a strip or tile.
    fn data<'a>(&self, bytes: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let (offset, length) = self.range(bytes, index)?;
        let data = bytes.get(usize::try_from(offset).ok()?..)?;
        Some(data.get(..usize::try_from(length).ok()?).unwrap_or(data))
    }

    /// What can be read, but not decoded, in words.
    fn refused(&self, bytes: &[u8]) -> Option<String> {
        let variant = self
            .compression_refused()
            .or_else(|| self.samples_refused())
            .or_else(|| self.order_refused(bytes))?;
        Some(format!("TIFF ({variant})"))
    }

    fn compression_refused(&self) -> Option<String> {
        let name = match self.compression {
            1 | GROUP_4 | 5 | 7 | 8 | 32_773 | 32_946 => return None,
            2 => "CCITT modified Huffman compression",
            3 => "CCITT group 3 compression",
            6 => "JPEG compression of the old style",
            33_003 | 33_005 | 34_712 => "JPEG 2000 compression",
            34_887 => "LERC compression",
            34_925 => "LZMA compression",
            34_927 | 50_001 => "WebP compression",
            50_000 => "Zstandard compression",
            50_002 | 52_546 => "JPEG XL compression",
            other => return Some(format!("compression {other}")),
        };
        Some(name.to_owned())
    }

    fn samples_refused(&self) -> Option<String> {
        let name = match self.formats.iter().find(|&&format| format != 1) {
            Some(2) => "signed samples",
            Some(3) => "floating-point samples",
            Some(5 | 6) => "complex samples",
            Some(_) => "samples of undefined type",
            None => "",
        };
        if !name.is_empty() {
            return Some(name.to_owned());
        }
        let Some(bits) = self.bits else {
            return Some("samples of different depths".to_owned());
        };
        let name = match (self.photometric, bits) {
            (Some(0 | 1), 1 | 8 | 16) if self.samples == 1 => return None,
            (Some(0 | 1), 8 | 16) => {
                format!("grey with {} more channels", self.samples.saturating_sub(1))
            }
            (Some(0 | 1), _) => format!("grey of {bits} bits"),
            (Some(2), 8 | 16) if matches!(self.channels(), Some(3 | 4)) => return None,
            (Some(5), 8 | 16) if self.channels() == Some(4) => return None,
            (Some(2), 8 | 16) => format!("RGB of {} channels", self.samples),
            (Some(5), 8 | 16) => format!("CMYK of {} channels", self.samples),
            (Some(2), _) => format!("RGB of {bits} bits"),
            (Some(3), _) => format!("palette, {bits} bits"),
            (Some(4), _) => "transparency mask".to_owned(),
            (Some(5), _) => format!("CMYK of {bits} bits"),
            (Some(6), _) => "YCbCr".to_owned(),
            (Some(8), _) => "CIE L*a*b*".to_owned(),
            (Some(9), _) => "ICC L*a*b*".to_owned(),
            (Some(10), _) => "ITU L*a*b*".to_owned(),
            (Some(32_803), _) => "colour filter array".to_owned(),
            (Some(32_844 | 32_845), _) => "LogLuv".to_owned(),
            (Some(other), _) => format!("photometric interpretation {other}"),
            (None, _) => "without photometric interpretation".to_owned(),
        };
        Some(name)
    }

    fn order_refused(&self, bytes: &[u8]) -> Option<String> {
        let colors = self.channels().unwrap_or_default();
        let one = self.bits == Some(1);
        let first = self.data(bytes, 0);
        // The first code, which clears the table, with the lowest bit first.
        let old_style = |data: &[u8]| matches!(data, [0, second, ..] if second & 1 == 1);
        let name = if self.range(bytes, 0).is_none() {
            "without the lengths of its strips or tiles"
        } else if self.reversed && self.compression != 7 {
            "bytes with the lowest bit first"
        } else if self.compression == GROUP_4 && !one {
            "CCITT group 4 compression of more than one bit"
        } else if self.predictor == 3 {
            "predictor for floating-point samples"
        } else if self.predictor == 2 && (one || !self.planar && self.samples > colors) {
            "predictor over channels that are not shown"
        } else if self.compression == 5 && first.is_some_and(old_style) {
            "LZW compression of the old style"
        } else {
            return None;
        };
        Some(name.to_owned())
    }

    /// Samples of a pixel that make its colour, alpha included; the file may hold more.
    fn channels(&self) -> Option<u64> {
        let extra = self.extra.len() as u64;
        let alpha = matches!(self.extra.first(), Some(1 | 2));
        let shown = self.samples.checked_sub(extra)?;
        match (self.photometric?, shown) {
            (0 | 1, _) => Some(1),
            (2, 3) => Some(if alpha { 4 } else { 3 }),
            (2, 4) => Some(4),
            // Ink and alpha are more than the decoder tells apart.
            (5, 4) if !alpha => Some(4),
            _ => None,
        }
    }
}

type Faxed<'a> =
    Group4Decoder<Map<Copied<Iter<'a, u8>>, fn(u8) -> std::result::Result<u8, Infallible>>>;

/// What a band is read from: a decoder of strips and tiles, or for each of its columns one of rows.
enum Chunks<'a> {
    Decoded(Box<Decoder<Source<'a>>>, Vec<DecodingResult>),
    Faxed(Vec<Faxed<'a>>),
}

/// A TIFF being decoded, band by band.
struct Bands<'a> {
    bytes: &'a [u8],
    header: Header,
    width: usize,
    height: usize,
    alpha: Alpha,
    channels: usize,
    /// Pixels of a strip or tile, how many of them lie side by side, and how many make a plane.
    chunk: (usize, usize),
    across: usize,
    per_plane: usize,
    chunks: Chunks<'a>,
    next: usize,
    /// A row of samples of 8 bits.
    line: Vec<u8>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Bands<'a> {
    /// Reads the first directory.
    fn open(bytes: &'a [u8], alpha: Alpha, pulse: &'a Pulse<'a>) -> Result<Self> {
        let header = Header::parse(bytes)?;
        let pixels = u64::from(header.width) * u64::from(header.height);
        let memory = usize::try_from(OVERHEAD.saturating_add(16 * pixels)).unwrap_or(usize::MAX);
        let decoder = pulse.confine(Format::Tiff, || {
            let mut limits = tiff::decoder::Limits::default();
            limits.decoding_buffer_size = memory;
            limits.intermediate_buffer_size = memory;
            limits.ifd_value_size = memory;
            let source = Source::new(bytes, pulse);
            let mut decoder = Decoder::new(source).map_err(translate)?.with_limits(limits);
            match decoder.dimensions().map_err(translate)? == (header.width, header.height) {
                true => Ok(decoder),
                false => Err(corrupt(Format::Tiff, "contradictory headers")),
            }
        })?;
        let (width, height) = (header.width as usize, header.height as usize);
        let side = |side: u64| usize::try_from(side).ok().filter(|&side| side > 0);
        let (Some(columns), Some(rows)) = (side(header.chunk.0), side(header.chunk.1)) else {
            return Err(corrupt(Format::Tiff, "its strips or tiles have no pixels"));
        };
        let channels = header.channels().unwrap_or(1) as usize;
        let across = width.div_ceil(columns);
        let chunks = match header.compression {
            GROUP_4 => Chunks::Faxed(Vec::new()),
            _ => Chunks::Decoded(Box::new(decoder), Vec::new()),
        };
        Ok(Self {
            bytes,
            width,
            height,
            alpha,
            channels,
            chunk: (columns, rows),
            across,
            per_plane: across * height.div_ceil(rows),
            chunks,
            next: 0,
            line: zeroed(channels * width, pulse)?,
            pulse,
            header,
        })
    }

    /// Bytes between two rows of a decoded chunk: more than a row takes, so that the decoder finishes one row before it reads the
    /// next. Of a chunk without a gap it goes over all rows again, and asks nobody meanwhile.
    fn stride(&self) -> usize {
        let samples = if self.header.planar { 1 } else { self.channels };
        let bits = self.chunk.0 * samples * self.header.bits.unwrap_or(1) as usize;
        bits.div_ceil(8).next_multiple_of(2) + 2
    }

    /// Begins the band that starts at the next row.
    fn begin(&mut self) -> Result<()> {
        let first = self.next / self.chunk.1 * self.across;
        let stride = self.stride();
        let planes = if self.header.planar { self.channels } else { 1 };
        let Self {
            bytes,
            header,
            chunk,
            across,
            per_plane,
            chunks,
            pulse,
            ..
        } = self;
        match chunks {
            Chunks::Faxed(columns) => {
                columns.clear();
                for index in first..first + *across {
                    pulse.beat();
                    let data = header.data(bytes, index).unwrap_or_default();
                    let width =
                        u16::try_from(chunk.0).map_err(|_| Error::UnsupportedImageFormat {
                            format: "TIFF (CCITT group 4 compression of more than 65535 columns)"
                                .to_owned(),
                        })?;
                    let read: fn(u8) -> std::result::Result<u8, Infallible> = Ok;
                    let Ok(decoder) = Group4Decoder::new(data.iter().copied().map(read), width);
                    columns.push(decoder);
                }
            }
            Chunks::Decoded(decoder, decoded) => {
                decoded.clear();
                for plane in 0..planes {
                    for column in 0..*across {
                        pulse.beat();
                        let index = plane * *per_plane + first + column;
                        let mut buffer = DecodingResult::U8(Vec::new());
                        pulse.confine(Format::Tiff, || {
                            decoder
                                .read_chunk_to_buffer(&mut buffer, index as u32, stride)
                                .map_err(translate)
                        })?;
                        decoded.push(buffer);
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts the next row into `line`.
    fn fetch(&mut self) -> Result<()> {
        let y = self.next % self.chunk.1;
        if y == 0 {
            self.begin()?;
        }
        self.next += 1;
        let stride = self.stride();
        let Self {
            header,
            channels,
            chunk,
            across,
            chunks,
            line,
            pulse,
            ..
        } = self;
        let wide = header.bits == Some(16);
        match chunks {
            Chunks::Faxed(columns) => {
                // A run of white comes first, which is 0.
                let white = if header.photometric == Some(0) {
                    255
                } else {
                    0
                };
                for (decoder, out) in columns.iter_mut().zip(line.chunks_mut(chunk.0)) {
                    pulse.confine(Format::Tiff, || match decoder.advance() {
                        Ok(DecodeStatus::Incomplete) => Ok(()),
                        Ok(DecodeStatus::End) => Err(corrupt(Format::Tiff, "the data ends early")),
                        Err(error) => Err(corrupt(Format::Tiff, error.to_string())),
                    })?;
                    runs(decoder.transition(), white, out);
                }
            }
            Chunks::Decoded(_, decoded) => {
                for (n, buffer) in decoded.iter_mut().enumerate() {
                    let (plane, column) = (n / *across, n % *across);
                    let buffer = buffer.as_buffer(0);
                    let row = buffer.as_bytes().get(y * stride..).unwrap_or_default();
                    let Some(out) = line.chunks_mut(chunk.0 * *channels).nth(column) else {
                        continue;
                    };
                    if header.bits == Some(1) {
                        for (x, out) in out.iter_mut().enumerate() {
                            let byte = row.get(x / 8).copied().unwrap_or_default();
                            *out = 255 * (byte >> (7 - x % 8) & 1);
                        }
                        continue;
                    }
                    // Planes hold every sample of that many.
                    let step = if header.planar { *channels } else { 1 };
                    let out = out.iter_mut().skip(plane).step_by(step);
                    if wide {
                        let samples = row.as_chunks::<2>().0;
                        out.zip(samples).for_each(|(out, &sample)| {
                            *out = (u16::from_ne_bytes(sample) >> 8) as u8
                        });
                    } else {
                        out.zip(row).for_each(|(out, &sample)| *out = sample);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Rows for Bands<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        self.fetch()?;
        if self.header.photometric == Some(5) {
            let pixels = row.as_chunks_mut::<3>().0.iter_mut();
            for (rgb, cmyk) in pixels.zip(self.line.as_chunks::<4>().0) {
                *rgb = rgb_of_inverted(cmyk.map(|ink| 255 - ink));
            }
        } else {
            paint(row, &self.line, self.channels, self.alpha);
        }
        Ok(())
    }
}

/// Writes the runs of a row that changes its colour at `changes`, the first of them white.
fn runs(changes: &[u16], white: u8, mut out: &mut [u8]) {
    let (mut color, mut last) = (white, 0);
    for &at in changes {
        let length = usize::from(at.saturating_sub(last)).min(out.len());
        let (run, rest) = out.split_at_mut(length);
        run.fill(color);
        (out, color, last) = (rest, 255 - color, at);
    }
    out.fill(color);
}

fn translate(error: TiffError) -> Error {
    match error {
        TiffError::UnsupportedError(variant) => Error::UnsupportedImageFormat {
            format: format!("TIFF ({variant})"),
        },
        TiffError::LimitsExceeded | TiffError::IntSizeError => Error::UnsupportedImageFormat {
            format: "TIFF (strips or tags that take more memory than its size accounts for)"
                .to_owned(),
        },
        TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            corrupt(Format::Tiff, "the data ends early")
        }
        error => corrupt(Format::Tiff, error.to_string()),
    }
}
