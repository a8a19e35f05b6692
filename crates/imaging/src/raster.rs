//! Pictures that are in memory as a whole, handed out as rows of RGB; and what decoders share: composition, memory.
//!
//! Alpha is dropped or composed as the caller says.

use super::rows::{Rows, View};
use super::source::Pulse;
use crate::preprocess::Alpha;
use crate::{Error, Result};

/// Black and white of numbers that go from `least` to `most`, of which nothing else is known: 0 to 1, if they may be
/// `fractions`, and 0 to 255 as such, everything else from the smallest to the largest.
pub(super) fn span(least: f64, most: f64, fractions: bool) -> (f64, f64) {
    if fractions && least >= -0.1 && most <= 1.1 && most > 0.0 {
        (0.0, 1.0)
    } else if least >= 0.0 && most <= 255.0 {
        (0.0, 255.0)
    } else if least < most {
        (least, most)
    } else {
        // A single value is black, as nothing tells what it is.
        (most, most + 1.0)
    }
}

/// The level between black and white. What is no number is black.
pub(super) fn level(value: f64, (black, white): (f64, f64)) -> u8 {
    // A cast stops at both ends, and takes what is no number for 0.
    ((value - black) / (white - black) * 255.0 + 0.5) as u8
}

/// Divides the colours of pixels with red, green, blue and opacity by the last.
pub(super) fn unmultiply(samples: &mut [u8]) {
    for [red, green, blue, opacity] in samples.as_chunks_mut::<4>().0 {
        let opacity = u32::from(*opacity);
        for sample in [red, green, blue] {
            let scaled = (u32::from(*sample) * 255 + opacity / 2).checked_div(opacity);
            *sample = scaled.map_or(*sample, |scaled| scaled.min(255) as u8);
        }
    }
}

/// A decoded picture, read row by row.
pub(super) struct Raster {
    samples: Vec<u8>,
    channels: usize,
    alpha: Alpha,
    width: usize,
    height: usize,
    view: View,
    next: usize,
}

impl Raster {
    /// A whole picture of `channels` samples of 8 bits a pixel: grey, grey with alpha, RGB, or RGB with alpha.
    pub(super) fn new(
        samples: Vec<u8>,
        channels: usize,
        (width, height): (u32, u32),
        alpha: Alpha,
    ) -> Self {
        Self {
            samples,
            channels,
            alpha,
            width: width as usize,
            height: height as usize,
            view: View::WHOLE,
            next: 0,
        }
    }

    /// The same, where it is a part or a reduced version of the picture as stored.
    pub(super) fn lying(self, view: View) -> Self {
        Self { view, ..self }
    }
}

impl Rows for Raster {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn view(&self) -> View {
        self.view
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let stride = self.width * self.channels;
        let samples = self
            .samples
            .get(self.next * stride..(self.next + 1) * stride);
        self.next += 1;
        paint(row, samples.unwrap_or_default(), self.channels, self.alpha);
        Ok(())
    }
}

/// Turns samples of 8 bits into RGB: grey, grey with alpha, RGB or RGB with alpha, by the number of channels.
pub(super) fn paint(row: &mut [u8], samples: &[u8], channels: usize, alpha: Alpha) {
    let out = row.as_chunks_mut::<3>().0;
    match channels {
        1 => fill(out, samples, |[l]: [u8; 1]| [l; 3]),
        2 => fill(out, samples, |[l, a]| compose([l; 3], a, alpha)),
        3 => fill(out, samples, |rgb| rgb),
        _ => fill(out, samples, |[r, g, b, a]| compose([r, g, b], a, alpha)),
    }
}

fn fill<const N: usize>(out: &mut [[u8; 3]], samples: &[u8], rgb: impl Fn([u8; N]) -> [u8; 3]) {
    for (out, pixel) in out.iter_mut().zip(samples.as_chunks::<N>().0) {
        *out = rgb(*pixel);
    }
}

/// Drops `opacity` or composes the pixel over white or black, with Pillow's rounding (`Image.paste`).
pub(super) fn compose(rgb: [u8; 3], opacity: u8, alpha: Alpha) -> [u8; 3] {
    let background = match alpha {
        Alpha::Drop => return rgb,
        Alpha::White => 255,
        Alpha::Black => 0,
    };
    let opacity = u32::from(opacity);
    rgb.map(|sample| {
        let sum = background * (255 - opacity) + u32::from(sample) * opacity + 128;
        ((sum + (sum >> 8)) >> 8) as u8
    })
}

/// Zeroes, or an error where the system has no memory for them. `progress` is called on the way: the system takes
/// a second for some gigabytes.
pub(super) fn zeroed<T: Copy + Default>(length: usize, pulse: &Pulse<'_>) -> Result<Vec<T>> {
    const BLOCK: usize = 1 << 24;
    let mut samples = Vec::new();
    samples
        .try_reserve_exact(length)
        .map_err(|_| Error::OutOfMemory {
            bytes: length.saturating_mul(size_of::<T>()),
        })?;
    while samples.len() < length {
        pulse.beat();
        samples.resize(length.min(samples.len() + BLOCK), T::default());
    }
    Ok(samples)
}
