//! PNG, row by row; only an interlaced picture is held as a whole.

use super::decoder::{Decoder, Header, Reader, Request, only_page};
use super::raster::{paint, zeroed};
use super::rows::Rows;
use super::source::{Pulse, Source, corrupt};
use super::{Format, metadata};
use crate::preprocess::Alpha;
use crate::{Error, Result};
use png::{BitDepth, DecodingError, InterlaceInfo, Transformations};

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

    fn header(&self, bytes: &[u8], page: u32, pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        let said = metadata::read(Format::Png, bytes, pulse);
        Ok(Header {
            orientation: said.orientation,
            frames: said.frames,
            ..Header::new(size(bytes)?)
        })
    }

    fn open<'a>(
        &self,
        bytes: &'a [u8],
        header: &Header,
        request: &Request,
        pulse: &'a Pulse<'a>,
    ) -> Result<Box<dyn Rows + 'a>> {
        let rows = Scanlines::open(bytes, header.size, request.alpha, pulse)?;
        Ok(Box::new(rows))
    }
}

/// Width and height from the header chunk, which comes first.
fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    match bytes.get(12..24) {
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
    /// Whether samples have 16 bits, of which the high byte counts, as in Pillow's colour images (its grey ones are clipped to
    /// white instead, which nobody wants).
    wide: bool,
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
    fn open(
        bytes: &'a [u8],
        (width, height): (u32, u32),
        alpha: Alpha,
        pulse: &'a Pulse<'a>,
    ) -> Result<Self> {
        let reader = pulse.confine(Format::Png, || {
            let limits = png::Limits {
                bytes: OVERHEAD.saturating_add(16 * width as usize),
            };
            let mut decoder = png::Decoder::new_with_limits(Source::new(bytes, pulse), limits);
            // Neither is looked at, and both may be bombs.
            decoder.set_ignore_text_chunk(true);
            decoder.set_ignore_iccp_chunk(true);
            // Palettes become colours, and samples of less than a byte bytes.
            decoder.set_transformations(Transformations::EXPAND);
            decoder.read_info().map_err(translate)
        })?;
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
            wide,
            alpha,
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
        while let Some(info) = self.read()? {
            if let InterlaceInfo::Adam7(info) = info {
                png::expand_interlaced_row(&mut self.whole, stride, &self.line, &info, bits);
            }
        }
        Ok(())
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
            let read = self.read()?;
            // Looking for another row reads the checksums behind the last one, and leaves the line alone.
            if read.is_none() || self.next + 1 == self.height && self.read()?.is_some() {
                return Err(corrupt(Format::Png, "contradictory headers"));
            }
        }
        self.next += 1;
        if self.wide {
            for at in 0..self.line.len() / 2 {
                self.line[at] = self.line[2 * at];
            }
        }
        paint(row, &self.line, self.channels, self.alpha);
        Ok(())
    }
}

fn translate(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            corrupt(Format::Png, "the data ends early")
        }
        DecodingError::LimitsExceeded => corrupt(
            Format::Png,
            "it needs more memory than its size accounts for",
        ),
        error => corrupt(Format::Png, error.to_string()),
    }
}
