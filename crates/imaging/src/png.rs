//! PNG, row by row; only an interlaced picture is held as a whole. Frames of an animation after the first are drawn by
//! `animation`.
//!
//! A file may end behind its last row, as in Pillow: checksums and end mark may be missing, though not wrong.

mod animation;

use super::decoder::{Decoder, Header, Opening, Reader, nth};
use super::raster::{paint, zeroed};
use super::rows::Rows;
use super::source::{Pulse, Source, corrupt};
use super::{Format, metadata};
use crate::preprocess::Alpha;
use crate::{Error, Result};
use png::{BitDepth, ColorType, DecodingError, InterlaceInfo, Transformations};

/// The words for a file that is cut off.
const EARLY: &str = "the data ends early";

/// Memory the decoder may take besides a row: palettes, windows.
const OVERHEAD: usize = 64 << 20;

/// The decoder of PNG.
pub(super) struct Png;

impl Decoder for Png {
    fn format(&self) -> Format {
        Format::Png
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(b"\x89PNG\r\n\x1a\n")
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "png", "0.18.1")]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header> {
        let said = metadata::read(Format::Png, bytes, pulse);
        let (frames, apart) = animation::frames(bytes, pulse);
        let pages = frames.max(1).saturating_add(u32::from(apart && frames > 0));
        nth(page, pages)?;
        Ok(Header {
            orientation: said.orientation,
            frames: pages,
            refused: critical(bytes, pulse),
            ..Header::new(size(bytes)?)
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        match nth(file.request.page, file.header.frames)? {
            0 => Ok(Box::new(Scanlines::open(file)?)),
            n => Ok(Box::new(animation::composed(file, n)?)),
        }
    }
}

/// Names a chunk before the pixels without which a picture is not what it looks like, by the case of its first letter, and
/// which nobody here knows. Apple's tools write such files for telephones (`CgBI`).
fn critical(bytes: &[u8], pulse: &Pulse<'_>) -> Option<String> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((&[a, b, c, d, kind @ ..], tail)) = rest.split_first_chunk::<8>() {
        pulse.beat();
        match &kind {
            b"IDAT" | b"IEND" => return None,
            b"IHDR" | b"PLTE" => {}
            [b'A'..=b'Z', ..] if kind.iter().all(u8::is_ascii_alphabetic) => {
                return Some(format!("PNG with the chunk {}", kind.escape_ascii()));
            }
            _ => {}
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        rest = tail.get(length.saturating_add(4)..)?;
    }
    None
}

/// Width and height from the header chunk, which comes first, or behind Apple's.
fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    let at = match bytes.get(12..16) {
        Some(b"CgBI") => 28,
        _ => 12,
    };
    match bytes.get(at..at + 12) {
        Some(&[b'I', b'H', b'D', b'R', w3, w2, w1, w0, h3, h2, h1, h0]) => Ok((
            u32::from_be_bytes([w3, w2, w1, w0]),
            u32::from_be_bytes([h3, h2, h1, h0]),
        )),
        _ => Err(corrupt(Format::Png, "no header chunk")),
    }
}

/// A PNG being decoded, row by row.
struct Scanlines<'a> {
    reader: png::Reader<Source<'a>>,
    channels: usize,
    /// Where samples have 16 bits, the one that is white. Of full ones the high byte counts, as in Pillow's colour images
    /// (its grey ones are clipped to white instead, which nobody wants).
    white: Option<u16>,
    alpha: Alpha,
    width: usize,
    height: usize,
    next: usize,
    /// A row as the decoder gives it.
    line: Vec<u8>,
    /// All rows of an interlaced picture; empty until it was read.
    whole: Vec<u8>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Scanlines<'a> {
    /// Reads up to the first row.
    fn open(file: Opening<'a, '_>) -> Result<Self> {
        let Opening { bytes, pulse, .. } = file;
        let (width, height) = file.header.size;
        let reader = reader(bytes, width, Transformations::EXPAND, pulse)?;
        let (color, depth) = reader.output_color_type();
        let wide = depth == BitDepth::Sixteen;
        let channels = color.samples();
        let line = channels * width as usize * if wide { 2 } else { 1 };
        if reader.info().size() != (width, height) || reader.output_line_size(width) != Some(line) {
            return Err(corrupt(Format::Png, "contradictory headers"));
        }
        Ok(Self {
            reader,
            channels,
            white: match (wide, color) {
                (false, _) => None,
                (true, ColorType::Grayscale | ColorType::GrayscaleAlpha) => {
                    Some(white(bytes, line, pulse)?)
                }
                (true, _) => Some(u16::MAX),
            },
            alpha: file.request.alpha,
            width: width as usize,
            height: height as usize,
            next: 0,
            line: zeroed(line, pulse)?,
            whole: Vec::new(),
            pulse,
        })
    }

    /// The next row, or of an interlaced picture a part of one; None after the last.
    fn read(&mut self) -> Result<Option<InterlaceInfo>> {
        let Self {
            reader,
            line,
            pulse,
            ..
        } = self;
        pulse.beat();
        pulse.confine(Format::Png, || reader.read_row(line).map_err(translate))
    }

    fn read_whole(&mut self) -> Result<()> {
        let stride = self.line.len();
        self.pulse.claim(stride as u64 * self.height as u64)?;
        self.whole = zeroed(stride * self.height, self.pulse)?;
        let bits = (8 * stride / self.width) as u8;
        for _ in 0..lines(self.width, self.height) {
            let Some(InterlaceInfo::Adam7(info)) = self.read()? else {
                return Err(corrupt(Format::Png, "contradictory headers"));
            };
            png::expand_interlaced_row(&mut self.whole, stride, &self.line, &info, bits);
        }
        self.finish()
    }

    /// Looks for another row, which reads the checksums behind the last one and leaves the line alone.
    fn finish(&mut self) -> Result<()> {
        match self.read() {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(corrupt(Format::Png, "contradictory headers")),
            Err(Error::CorruptImage { reason, .. }) if reason == EARLY => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A decoder that has read up to the first row.
fn reader<'a>(
    bytes: &'a [u8],
    width: u32,
    transformations: Transformations,
    pulse: &'a Pulse<'a>,
) -> Result<png::Reader<Source<'a>>> {
    pulse.confine(Format::Png, || {
        let limits = png::Limits {
            bytes: OVERHEAD.saturating_add(16 * width as usize),
        };
        let mut decoder = png::Decoder::new_with_limits(Source::new(bytes, pulse), limits);
        // Neither is looked at here, and both may be bombs.
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        // With EXPAND palettes become colours, and samples of less than a byte bytes.
        decoder.set_transformations(transformations);
        decoder.read_info().map_err(translate)
    })
}

/// Rows of all passes of an interlaced picture.
fn lines(width: usize, height: usize) -> usize {
    const PASSES: [(usize, usize, usize, usize); 7] = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let rows = |&(left, top, _, step): &(usize, usize, usize, usize)| match left < width {
        true => height.saturating_sub(top).div_ceil(step),
        false => 0,
    };
    PASSES.iter().map(rows).sum()
}

/// The sample that is white in a grey picture of 16 bits, of which scanners and microscopes often fill only 10, 12 or 14.
///
/// As many bits as the file says are significant where no sample has more; else as many as the largest sample has, from 8
/// to 14: a picture that is darker than that would be black to the eye. A first pass over the file looks for it and ends
/// where it finds a sample of more bits.
fn white(bytes: &[u8], line: usize, pulse: &Pulse<'_>) -> Result<u16> {
    const MOST: u32 = 14;
    let (width, _) = size(bytes)?;
    let mut reader = reader(bytes, width, Transformations::EXPAND, pulse)?;
    let said = reader
        .info()
        .sbit
        .as_ref()
        .and_then(|bits| bits.first())
        .map(|bits| u32::from(*bits));
    let said = said.filter(|bits| (8..16).contains(bits));
    let grey = if reader.output_color_type().0 == ColorType::GrayscaleAlpha {
        2
    } else {
        1
    };
    let mut line = zeroed(line, pulse)?;
    let mut bits = 8;
    while bits <= said.unwrap_or(MOST) {
        pulse.beat();
        let read = pulse.confine(Format::Png, || {
            reader.read_row(&mut line).map_err(translate)
        });
        match read {
            Ok(Some(_)) => {}
            // The second pass says what is wrong.
            Ok(None) | Err(_) => return Ok(!(u16::MAX << said.unwrap_or(bits))),
        }
        // A row of a pass may be shorter; what is left of another one does no harm.
        let samples = line.as_chunks::<2>().0.iter().step_by(grey);
        let largest = samples
            .map(|sample| u16::from_be_bytes(*sample))
            .max()
            .unwrap_or(0);
        bits = bits.max(u16::BITS - largest.leading_zeros());
    }
    Ok(u16::MAX)
}

/// 16 bits to 8: the high byte of full samples, else in proportion to `white`.
fn narrow(sample: u16, white: u16) -> u8 {
    match white {
        u16::MAX => (sample >> 8) as u8,
        white => {
            ((u32::from(sample.min(white)) * 255 + u32::from(white) / 2) / u32::from(white)) as u8
        }
    }
}

impl Rows for Scanlines<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let stride = self.line.len();
        if self.reader.info().interlaced {
            if self.whole.is_empty() {
                self.read_whole()?;
            }
            let from = self.next * stride;
            let whole = self.whole.get(from..from + stride);
            self.line.copy_from_slice(whole.unwrap_or_default());
        } else {
            if self.read()?.is_none() {
                return Err(corrupt(Format::Png, "contradictory headers"));
            }
            if self.next + 1 == self.height {
                self.finish()?;
            }
        }
        self.next += 1;
        if let Some(white) = self.white {
            for at in 0..self.line.len() / 2 {
                let sample = u16::from_be_bytes([self.line[2 * at], self.line[2 * at + 1]]);
                self.line[at] = narrow(sample, white);
            }
        }
        paint(row, &self.line, self.channels, self.alpha);
        Ok(())
    }
}

fn translate(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            corrupt(Format::Png, EARLY)
        }
        DecodingError::LimitsExceeded => corrupt(
            Format::Png,
            "it needs more memory than its size accounts for",
        ),
        error => corrupt(Format::Png, error.to_string()),
    }
}
