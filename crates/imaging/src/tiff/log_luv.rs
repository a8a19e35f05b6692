//! LogLuv of 32 bits and LogL of 16 bits (G. Ward Larson, LogLuv encoding for full-gamut, high-dynamic range images,
//! Journal of Graphics Tools 3, 1998): light on a logarithmic scale, as grey or RGB of 8 bits.
//!
//! What has the luminance 1 or more is white, and levels are roots of light, as libtiff shows such pictures.

use super::chunk::{Chunk, Packed, unreadable};
use super::stream::Input;
use crate::source::corrupt;
use crate::{Format, Result};
use std::f64::consts::LN_2;

/// Steps of u' and v' in one.
const SCALE: f64 = 410.0;

/// A strip or tile being decoded. A row is its bytes by weight, the heaviest first, in runs.
pub(super) struct LogLuv<'a> {
    input: Input<'a>,
    words: Vec<u32>,
    grey: bool,
}

impl<'a> LogLuv<'a> {
    pub(super) fn new(input: Input<'a>, chunk: &Chunk<'a>) -> Self {
        Self {
            input,
            words: vec![0; chunk.size.0],
            grey: chunk.stride == chunk.size.0,
        }
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = self.input.byte().map_err(unreadable)?;
        byte.ok_or_else(|| corrupt(Format::Tiff, "the data ends early"))
    }

    /// Reads the bytes of one weight of all pixels of a row.
    fn read(&mut self, shift: u32) -> Result<()> {
        let mut n = 0;
        while n < self.words.len() {
            let code = usize::from(self.byte()?);
            // Up to 127 bytes as they are, or one that is repeated.
            let repeated = match code {
                128.. => Some(self.byte()?),
                _ => None,
            };
            let count = if code < 128 { code } else { code - 126 };
            for at in n..(n + count).min(self.words.len()) {
                let byte = match repeated {
                    Some(byte) => byte,
                    None => self.byte()?,
                };
                self.words[at] |= u32::from(byte) << shift;
            }
            n += count;
        }
        Ok(())
    }
}

impl Packed for LogLuv<'_> {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        self.words.fill(0);
        let shifts: &[u32] = if self.grey { &[8, 0] } else { &[24, 16, 8, 0] };
        shifts.iter().try_for_each(|&shift| self.read(shift))?;
        if self.grey {
            for (level, &word) in row.iter_mut().zip(&self.words) {
                *level = root(luminance(word as u16));
            }
            return Ok(());
        }
        for (pixel, &word) in row.as_chunks_mut::<3>().0.iter_mut().zip(&self.words) {
            *pixel = rgb(word);
        }
        Ok(())
    }
}

/// The light of a sign and 15 bits.
fn luminance(code: u16) -> f64 {
    let light = match code & 0x7fff {
        0 => 0.0,
        code => (LN_2 / 256.0 * (f64::from(code) + 0.5) - 64.0 * LN_2).exp(),
    };
    if code & 0x8000 == 0 { light } else { -light }
}

/// RGB of luminance, u' and v'.
fn rgb(word: u32) -> [u8; 3] {
    let light = luminance((word >> 16) as u16);
    if light <= 0.0 {
        return [0; 3];
    }
    let chroma = |code: u32| (f64::from(code & 0xff) + 0.5) / SCALE;
    let (u, v) = (chroma(word >> 8), chroma(word));
    let s = 1.0 / (6.0 * u - 16.0 * v + 12.0);
    let (x, y) = (9.0 * u * s, 4.0 * v * s);
    let (x, z) = (x / y * light, (1.0 - x - y) / y * light);
    // XYZ to the primaries of CCIR 709 with an equal-energy white.
    [
        2.690 * x - 1.276 * light - 0.414 * z,
        -1.022 * x + 1.978 * light + 0.044 * z,
        0.061 * x - 0.224 * light + 1.163 * z,
    ]
    .map(root)
}

fn root(light: f64) -> u8 {
    // A cast stops at both ends.
    (256.0 * light.max(0.0).sqrt()) as u8
}
