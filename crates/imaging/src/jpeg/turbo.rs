//! JPEG through libjpeg-turbo's decoder (from crate `mozjpeg-sys`), whose pixels are those of Pillow: slow integer
//! DCT, fancy upsampling. Rows come one at a time; only a multi-scan file is buffered, by libjpeg itself.
//!
//! Of a part of a picture, what lies above is read, and what lies beside it, but no pixels are made of either. What lies
//! below is not read, unless the file comes in several scans.
//!
//! As in Pillow, damage that the decoder can step over (a bad code, bytes between segments) is no error and
//! what follows the picture is not looked at, but data that ends early is an error.

use super::feed::Feed;
use super::libjpeg::Stream;
use super::{Header, contradictory, rgb_of_inverted};
use crate::color::Conversion;
use crate::decoder::Opening;
use crate::plan::Side;
use crate::rows::{Rows, View};
use crate::source::{Pulse, corrupt};
use crate::{Format, Result};
use mozjpeg::ColorSpace;

/// A part of a JPEG being decoded, row by row.
pub(super) struct Scanlines<'a> {
    /// `None` once all rows were read, and the end of the picture was found if they are its last.
    stream: Option<Stream<'a>>,
    width: usize,
    height: usize,
    view: View,
    /// Rows above the part that are still to be passed over.
    above: usize,
    rows_left: usize,
    /// Whether the part has the last row of the picture.
    to_end: bool,
    /// One row of samples as the decoder gives them, where those are not RGB or there are more columns than in the part.
    line: Vec<u8>,
    /// Where in it the part begins.
    left: usize,
    cmyk: bool,
    conversion: Option<Conversion>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Scanlines<'a> {
    /// Starts decoding the part that is looked at, at the size that the limits have room for: in eighths, as the format is
    /// made of blocks of 8 × 8.
    pub(super) fn open(file: Opening<'a, '_>, header: &Header) -> Result<Self> {
        let Opening {
            bytes,
            request,
            pulse,
            ..
        } = file;
        let (width, height) = (header.width as usize, header.height as usize);
        let reduced = |side: usize, eighths: usize| (side * eighths).div_ceil(8);
        let eighths = (1..=8).rev().find(|&eighths| {
            let pixels = reduced(width, eighths) as u64 * reduced(height, eighths) as u64;
            pixels <= request.limits.max_pixels
        });
        let eighths = eighths.unwrap_or(1);
        let size = (reduced(width, eighths), reduced(height, eighths));
        let step = 8.0 / eighths as f64;
        let view = |origin| View {
            origin,
            step: (step, step),
        };
        let (columns, rows) = Side::of(&request.area, &view((0.0, 0.0)), size);
        let (columns, rows) = (columns.pixels, rows.pixels);
        let cmyk = header.components == 4;
        let (stream, first) = pulse.confine(Format::Jpeg, || {
            // What has all of its only scan needs no end mark. Arithmetic codes do not tell that any are missing.
            let endless =
                !header.ended && !header.multi_scan && matches!(header.frame.0, 0xc0 | 0xc1);
            let feed = Feed::new(Vec::new(), bytes, !endless, header.multi_scan, pulse);
            let mut stream = Stream::open(feed, endless);
            if stream.size() != (width, height) {
                return Err(corrupt(Format::Jpeg, "contradictory frame headers"));
            }
            pulse.claim(stream.coefficients())?;
            let space = if cmyk {
                ColorSpace::JCS_CMYK
            } else {
                ColorSpace::JCS_RGB
            };
            let first = stream.start(space, eighths as u32, columns.clone());
            Ok((stream, first))
        })?;
        let channels = if cmyk { 4 } else { 3 };
        let (length, left) = (stream.row_length(), channels * (columns.start - first));
        if left + channels * columns.len() > length || stream.height() != size.1 {
            return Err(corrupt(Format::Jpeg, "contradictory frame headers"));
        }
        Ok(Self {
            stream: Some(stream),
            width: columns.len(),
            height: rows.len(),
            view: view((columns.start as f64 * step, rows.start as f64 * step)),
            above: rows.start,
            rows_left: rows.len(),
            to_end: rows.end == size.1,
            line: vec![
                0;
                if length == 3 * columns.len() {
                    0
                } else {
                    length
                }
            ],
            left,
            cmyk,
            conversion: request.conversion.clone(),
            pulse,
        })
    }

    /// Reads the next row as the decoder gives it, into `line` where there is one.
    fn read(&mut self, row: &mut [u8]) -> Result<()> {
        let pulse = self.pulse;
        pulse.confine(Format::Jpeg, || {
            let stream = self.stream.as_mut();
            let stream = stream.ok_or_else(|| corrupt(Format::Jpeg, "the data ends early"))?;
            stream.skip(std::mem::take(&mut self.above), pulse);
            let target = match self.line.is_empty() {
                true => row,
                false => &mut self.line[..],
            };
            if !stream.next_row(target) {
                return Err(contradictory());
            }
            self.rows_left = self.rows_left.saturating_sub(1);
            if self.rows_left == 0
                && let Some(stream) = self.stream.take()
                && self.to_end
            {
                stream.finish();
            }
            Ok(())
        })
    }
}

impl Rows for Scanlines<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn view(&self) -> View {
        self.view
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        self.read(row)?;
        let samples = self.line.get(self.left..).unwrap_or_default();
        if !self.cmyk {
            if let Some(samples) = samples
                .get(..row.len())
                .filter(|samples| !samples.is_empty())
            {
                row.copy_from_slice(samples);
            }
            return Ok(());
        }
        let samples = samples.get(..4 * self.width).unwrap_or_default();
        if let Some(conversion) = &self.conversion {
            let inks: Vec<_> = samples.iter().map(|inverted| 255 - inverted).collect();
            if conversion.inks(&inks, row) {
                return Ok(());
            }
        }
        let pixels = row.as_chunks_mut::<3>().0.iter_mut();
        for (rgb, cmyk) in pixels.zip(samples.as_chunks::<4>().0) {
            *rgb = rgb_of_inverted(*cmyk);
        }
        Ok(())
    }
}
