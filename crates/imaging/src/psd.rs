//! Photoshop documents (PSD and PSB): the merged picture behind the layers, row by row.
//!
//! Of 16 bits the high byte counts. Inks become colours as in JPEG, which stores them inverted, too; L*a*b* goes from D50
//! to sRGB.

use super::Format;
use super::color::Conversion;
use super::decoder::{Decoder, Header, Opening, Reader, Request, only_page};
use super::jpeg::rgb_of_inverted;
use super::lab::Lab;
use super::photoshop::{Document, Resources, number};
use super::raster::{paint, zeroed};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use crate::preprocess::Alpha;
use crate::{Error, Result};

/// The decoder of PSD.
pub(super) struct Psd;

impl Decoder for Psd {
    fn format(&self) -> Format {
        Format::Psd
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(b"8BPS\0\x01") || bytes.starts_with(b"8BPS\0\x02")
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "clip_pg", env!("CARGO_PKG_VERSION"))]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, _pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        let document = Document::parse(bytes).ok_or_else(early)?;
        Ok(Header {
            refused: document.refused(),
            ..Header::new((document.width, document.height))
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let document = Document::parse(file.bytes).ok_or_else(early)?;
        Ok(Box::new(Merged::open(document, file.request, file.pulse)?))
    }
}

fn early() -> Error {
    corrupt(Format::Psd, "the data ends early")
}

impl Document<'_> {
    /// Samples of a pixel that are looked at: grey, or an index; three colours; four inks, or colours and opacity.
    fn samples(&self) -> Option<usize> {
        match (self.mode, self.channels) {
            (0, 1..) | (1 | 8, 1..) | (2, 1..) => Some(1),
            (3, 4) => Some(4),
            (3, 3..) => Some(3),
            (4, 4..) => Some(4),
            (9, 3..) => Some(3),
            _ => None,
        }
    }

    /// In words what cannot be read.
    fn refused(&self) -> Option<String> {
        let merged = Resources(self.resources).find(|(number, _)| *number == 0x0421);
        let unmerged = merged.is_some_and(|(_, content)| content.get(4) == Some(&0));
        let variant = match (self.mode, self.depth, self.compression) {
            _ if unmerged => "without a merged picture".to_owned(),
            (7, ..) => "of many channels".to_owned(),
            (0, 1, 0 | 1) | (1..=4 | 8 | 9, 8, 0 | 1) | (1 | 3 | 4 | 8 | 9, 16, 0 | 1)
                if self.samples().is_some() =>
            {
                return None;
            }
            (_, depth, 0 | 1) => format!(
                "of mode {} with {} channels of {depth} bits",
                self.mode, self.channels
            ),
            (.., compression) => format!("with compression {compression}"),
        };
        Some(format!("PSD {variant}"))
    }

    /// Bytes of a row of a channel.
    fn stride(&self) -> usize {
        (self.width as usize * usize::from(self.depth)).div_ceil(8)
    }
}

/// A merged picture being read.
struct Merged<'a> {
    document: Document<'a>,
    samples: usize,
    alpha: Alpha,
    /// Where the rows of each channel that is looked at begin in a picture of runs, and where the last one ends; empty
    /// otherwise.
    starts: Vec<u64>,
    lab: Option<Lab>,
    /// What becomes of inks by their profile.
    conversion: Option<Conversion>,
    /// A row of a channel, and a row of pixels.
    line: Vec<u8>,
    pixels: Vec<u8>,
    next: usize,
    pulse: &'a Pulse<'a>,
}

/// Runs that are read before `progress` is called again: half a megabyte.
const RUNS: usize = 1 << 12;

impl<'a> Merged<'a> {
    fn open(document: Document<'a>, request: &Request, pulse: &'a Pulse<'a>) -> Result<Self> {
        let samples = document.samples().unwrap_or(1);
        let (width, height) = (document.width as usize, document.height as usize);
        let mut starts = Vec::new();
        if document.compression == 1 {
            let length = if document.large { 4 } else { 2 };
            let table = document
                .channels
                .checked_mul(height)
                .and_then(|rows| rows.checked_mul(length));
            let table = table
                .filter(|&table| table <= document.data.len())
                .ok_or_else(early)?;
            let bytes = 8 * (samples * height + 1);
            pulse.claim(bytes as u64)?;
            starts
                .try_reserve_exact(samples * height + 1)
                .map_err(|_| Error::OutOfMemory { bytes })?;
            let mut at = table as u64;
            let mut counts = document.data;
            for _ in 0..samples * height {
                starts.push(at);
                at += number(&mut counts, length).ok_or_else(early)?;
            }
            starts.push(at);
        }
        Ok(Self {
            line: zeroed(document.stride(), pulse)?,
            pixels: zeroed(samples * width, pulse)?,
            samples,
            alpha: request.alpha,
            conversion: request.conversion.clone(),
            starts,
            lab: (document.mode == 9).then(Lab::new),
            document,
            next: 0,
            pulse,
        })
    }

    /// Reads row `y` of a channel into `line`.
    fn read(&mut self, channel: usize, y: usize) -> Result<()> {
        let (stride, row) = (self.line.len(), channel * self.document.height as usize + y);
        if self.document.compression == 0 {
            let start = row.checked_mul(stride).ok_or_else(early)?;
            let stored = self
                .document
                .data
                .get(start..)
                .and_then(|rest| rest.get(..stride));
            self.line.copy_from_slice(stored.ok_or_else(early)?);
            return Ok(());
        }
        let at = |row: usize| usize::try_from(*self.starts.get(row)?).ok();
        let (Some(start), Some(end)) = (at(row), at(row + 1)) else {
            return Err(early());
        };
        // What follows the row, of whatever length, is none of it.
        let stored = self.document.data.get(start..).ok_or_else(early)?;
        let mut rest = stored.get(..end - start).unwrap_or(stored);
        let (mut filled, mut runs) = (0, 0usize);
        while filled < stride {
            runs += 1;
            if runs.is_multiple_of(RUNS) {
                self.pulse.beat();
            }
            let (&code, tail) = rest.split_first().ok_or_else(early)?;
            // PackBits: up to 128 bytes as they are, or one that is repeated.
            let (count, used) = match code.cast_signed() {
                -128 => (0, 0),
                code @ 0.. => (code as usize + 1, code as usize + 1),
                code => (1 + usize::from(code.unsigned_abs()), 1),
            };
            let (values, tail) = tail.split_at_checked(used).ok_or_else(early)?;
            rest = tail;
            let target = self.line.iter_mut().skip(filled).take(count);
            for (target, value) in target.zip(values.iter().cycle()) {
                *target = *value;
            }
            filled += count;
        }
        Ok(())
    }
}

impl Rows for Merged<'_> {
    fn size(&self) -> (usize, usize) {
        (self.document.width as usize, self.document.height as usize)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let (y, depth) = (self.next, usize::from(self.document.depth));
        self.next += 1;
        for channel in 0..self.samples {
            self.read(channel, y)?;
            let target = self.pixels.iter_mut().skip(channel).step_by(self.samples);
            match depth {
                1 => {
                    for (x, sample) in target.enumerate() {
                        let byte = self.line.get(x / 8).copied().unwrap_or_default();
                        // Ink is one.
                        *sample = if byte >> (7 - x % 8) & 1 == 1 { 0 } else { 255 };
                    }
                }
                _ => {
                    for (sample, value) in target.zip(self.line.iter().step_by(depth / 8)) {
                        *sample = *value;
                    }
                }
            }
        }
        let out = row.as_chunks_mut::<3>().0;
        match self.document.mode {
            2 => {
                let color = |n: usize, index: u8| {
                    self.document
                        .palette
                        .get(256 * n + usize::from(index))
                        .copied()
                };
                for (pixel, index) in out.iter_mut().zip(&self.pixels) {
                    *pixel = std::array::from_fn(|n| color(n, *index).unwrap_or_default());
                }
            }
            4 => {
                let inks: Vec<u8> = self.pixels.iter().map(|inverted| 255 - inverted).collect();
                if let Some(conversion) = &self.conversion
                    && conversion.inks(&inks, row)
                {
                    return Ok(());
                }
                let out = row.as_chunks_mut::<3>().0;
                for (pixel, inks) in out.iter_mut().zip(self.pixels.as_chunks::<4>().0) {
                    *pixel = rgb_of_inverted(*inks);
                }
            }
            _ => match &self.lab {
                Some(lab) => {
                    for (pixel, codes) in out.iter_mut().zip(self.pixels.as_chunks::<3>().0) {
                        *pixel = lab.of_bytes(*codes);
                    }
                }
                None => paint(row, &self.pixels, self.samples, self.alpha),
            },
        }
        Ok(())
    }
}
