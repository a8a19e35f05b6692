//! JPEG through libjpeg-turbo's decoder (crate `mozjpeg`), whose pixels are those of Pillow: slow integer
//! DCT, fancy upsampling. Rows come one at a time; only a multi-scan file is buffered, by libjpeg itself.
//!
//! As in Pillow, damage that the decoder can step over (a bad code, bytes between segments) is no error and
//! what follows the picture is not looked at, but data that ends early is an error.

use super::feed::Feed;
use super::strict;
use super::{Header, rgb_of_inverted};
use crate::color::Conversion;
use crate::decoder::Opening;
use crate::rows::{Rows, View};
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};
use mozjpeg::decompress::DecompressStarted;
use mozjpeg::{ColorSpace, Decompress};
use std::io;

/// A JPEG being decoded, row by row.
pub(super) struct Scanlines<'a> {
    /// `None` once all rows were read and the end of the picture was found.
    decoder: Option<DecompressStarted<Feed<'a>>>,
    width: usize,
    height: usize,
    /// Pixels of the file that make one, along a side.
    step: f64,
    rows_left: usize,
    /// One row of samples as the decoder gives them, of a CMYK picture; empty otherwise.
    cmyk: Vec<u8>,
    conversion: Option<Conversion>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Scanlines<'a> {
    /// Starts decoding, at the size that the limits have room for: in eighths, as the format is made of blocks of 8 × 8.
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
        if header.multi_scan {
            // libjpeg holds coefficients of two bytes, of components that may all have full size.
            pulse.claim(2 * u64::from(header.components) * width as u64 * height as u64)?;
        }
        let cmyk = header.components == 4;
        let decoder = pulse.confine(Format::Jpeg, || {
            // What has all of its only scan needs no end mark. Arithmetic codes do not tell that any are missing.
            let endless =
                !header.ended && !header.multi_scan && matches!(header.frame.0, 0xc0 | 0xc1);
            let feed = Feed::new(Vec::new(), bytes, !endless, header.multi_scan, pulse);
            let builder = match endless {
                true => Decompress::with_err(strict::errors()),
                false => Decompress::builder(),
            };
            let mut decoder = builder.from_reader(feed).map_err(unreadable)?;
            if decoder.size() != (width, height) {
                return Err(corrupt(Format::Jpeg, "contradictory frame headers"));
            }
            let space = if cmyk {
                ColorSpace::JCS_CMYK
            } else {
                ColorSpace::JCS_RGB
            };
            if eighths < 8 {
                decoder.scale(eighths as u8);
            }
            decoder.to_colorspace(space).map_err(unreadable)
        })?;
        let (width, height) = (reduced(width, eighths), reduced(height, eighths));
        if (decoder.width(), decoder.height()) != (width, height) {
            return Err(corrupt(Format::Jpeg, "contradictory frame headers"));
        }
        Ok(Self {
            decoder: Some(decoder),
            step: 8.0 / eighths as f64,
            width,
            height,
            rows_left: height,
            cmyk: vec![0; if cmyk { 4 * width } else { 0 }],
            conversion: request.conversion.clone(),
            pulse,
        })
    }
}

impl Rows for Scanlines<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn view(&self) -> View {
        View {
            origin: (0.0, 0.0),
            step: (self.step, self.step),
        }
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let Self {
            decoder,
            rows_left,
            cmyk,
            conversion,
            pulse,
            ..
        } = self;
        pulse.confine(Format::Jpeg, || {
            let Some(scanlines) = decoder.as_mut() else {
                return Err(corrupt(Format::Jpeg, "the data ends early"));
            };
            let target = if cmyk.is_empty() {
                &mut *row
            } else {
                &mut cmyk[..]
            };
            scanlines.read_scanlines_into(target).map_err(unreadable)?;
            *rows_left = rows_left.saturating_sub(1);
            if *rows_left == 0
                && let Some(finished) = decoder.take()
            {
                finished.finish().map_err(unreadable)?;
            }
            Ok(())
        })?;
        if !cmyk.is_empty()
            && let Some(conversion) = conversion
        {
            let inks: Vec<_> = cmyk.iter().map(|inverted| 255 - inverted).collect();
            if conversion.inks(&inks, row) {
                return Ok(());
            }
        }
        for (rgb, cmyk) in row
            .as_chunks_mut::<3>()
            .0
            .iter_mut()
            .zip(cmyk.as_chunks::<4>().0)
        {
            *rgb = rgb_of_inverted(*cmyk);
        }
        Ok(())
    }
}

pub(super) fn unreadable(error: io::Error) -> Error {
    corrupt(Format::Jpeg, error.to_string())
}
