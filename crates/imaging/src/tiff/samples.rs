//! Samples of any number of bits, and the predictors that were taken from them before they were compressed
//! (TIFF 6.0, section 14; TIFF Technical Note 3).

use super::layout::{Kind, Layout};

/// Adds up the differences of a row.
pub(super) fn unpredict(row: &mut [u8], layout: &Layout<'_>) {
    let step = if layout.planar { 1 } else { layout.bits.len() };
    let bits = layout.bits.first().copied().unwrap_or_default();
    match layout.predictor {
        2 => add(
            row,
            step,
            usize::from(bits / 8),
            layout.directory.file.little,
        ),
        3 => unshuffle(row, step, usize::from(bits / 8)),
        _ => {}
    }
}

/// Each sample of `size` bytes is stored as the difference to the one that is `step` samples before it.
fn add(row: &mut [u8], step: usize, size: usize, little: bool) {
    match (size, step) {
        (1, 1) => add_bytes::<1>(row),
        (1, 3) => add_bytes::<3>(row),
        (1, 4) => add_bytes::<4>(row),
        (1, _) => {
            for at in step..row.len() {
                let before = row.get(at - step).copied().unwrap_or_default();
                if let Some(byte) = row.get_mut(at) {
                    *byte = byte.wrapping_add(before);
                }
            }
        }
        _ => {
            for at in (step * size..row.len()).step_by(size) {
                let sum = word(row, at, size, little).wrapping_add(word(
                    row,
                    at - step * size,
                    size,
                    little,
                ));
                for (n, byte) in row.iter_mut().skip(at).take(size).enumerate() {
                    let shift = if little { n } else { size - 1 - n };
                    *byte = (sum >> (8 * shift)) as u8;
                }
            }
        }
    }
}

fn add_bytes<const STEP: usize>(row: &mut [u8]) {
    let mut before = [0u8; STEP];
    for pixel in row.as_chunks_mut::<STEP>().0 {
        for (byte, before) in pixel.iter_mut().zip(&mut before) {
            *byte = byte.wrapping_add(*before);
            *before = *byte;
        }
    }
}

/// Bytes of equal weight lie together, the heaviest first, as differences to the byte `step` before. Afterwards the heaviest
/// byte of a sample is the first.
fn unshuffle(row: &mut [u8], step: usize, size: usize) {
    add(row, step, 1, true);
    let count = row.len() / size.max(1);
    let mixed = row.to_vec();
    for (n, sample) in row.chunks_exact_mut(size.max(1)).enumerate() {
        for (weight, byte) in sample.iter_mut().enumerate() {
            *byte = mixed.get(weight * count + n).copied().unwrap_or_default();
        }
    }
}

fn word(row: &[u8], at: usize, size: usize, little: bool) -> u64 {
    let bytes = row.get(at..at + size).unwrap_or_default();
    let append = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match little {
        true => bytes.iter().rev().fold(0, append),
        false => bytes.iter().fold(0, append),
    }
}

/// How the samples of a row are packed.
pub(super) struct Packing {
    /// Bits of each sample of a pixel, in the order of the row.
    bits: Vec<u8>,
    little: bool,
}

impl Packing {
    /// Of the rows of a picture's strips or tiles.
    pub(super) fn of(layout: &Layout<'_>) -> Self {
        Self {
            bits: match layout.planar {
                true => layout.bits.iter().take(1).copied().collect(),
                false => layout.bits.clone(),
            },
            little: layout.directory.file.little && layout.predictor != 3,
        }
    }

    /// The bits of all samples where they are the same.
    pub(super) fn even(&self) -> Option<u8> {
        let (&bits, others) = self.bits.split_first()?;
        others.iter().all(|&other| other == bits).then_some(bits)
    }

    /// Whether the lowest byte of a sample comes first.
    pub(super) fn little(&self) -> bool {
        self.little
    }

    /// Samples of a pixel.
    pub(super) fn samples(&self) -> usize {
        self.bits.len()
    }

    /// Calls `take` with pixel, sample and bits of each of the first `pixels` pixels of a row.
    pub(super) fn each(&self, row: &[u8], pixels: usize, mut take: impl FnMut(usize, usize, u64)) {
        let count = self.bits.len();
        if let Some(bits @ (8 | 16 | 24 | 32 | 64)) = self.even() {
            let size = usize::from(bits / 8);
            let pixels = row.chunks_exact(size * count).take(pixels);
            for (n, pixel) in pixels.enumerate() {
                for sample in 0..count {
                    take(n, sample, word(pixel, sample * size, size, self.little));
                }
            }
            return;
        }
        let mut at = 0;
        for n in 0..pixels {
            for (sample, &bits) in self.bits.iter().enumerate() {
                take(n, sample, number(row, at, bits.into()));
                at += usize::from(bits);
            }
        }
    }
}

/// The number of `bits` bits from the bit `at`, the heaviest first.
fn number(row: &[u8], at: usize, bits: usize) -> u64 {
    let (mut value, mut left, mut at) = (0, bits, at);
    while left > 0 {
        let byte = row.get(at / 8).copied().unwrap_or_default();
        let taken = left.min(8 - at % 8);
        let part = u64::from(byte >> (8 - at % 8 - taken)) & ((1 << taken) - 1);
        value = value << taken | part;
        (left, at) = (left - taken, at + taken);
    }
    value
}

/// Packs samples of `bits` bits, at most 16, into a row.
pub(super) fn pack(samples: &[u16], bits: u8, little: bool, row: &mut [u8]) {
    match bits {
        8 => {
            let pairs = row.iter_mut().zip(samples);
            pairs.for_each(|(byte, &sample)| *byte = sample as u8);
        }
        16 => {
            for (word, sample) in row.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
                *word = match little {
                    true => sample.to_le_bytes(),
                    false => sample.to_be_bytes(),
                };
            }
        }
        _ => {
            row.fill(0);
            let bits = usize::from(bits);
            for (n, &sample) in samples.iter().enumerate() {
                for bit in (0..bits).filter(|bit| sample >> (bits - 1 - bit) & 1 == 1) {
                    let at = n * bits + bit;
                    if let Some(byte) = row.get_mut(at / 8) {
                        *byte |= 0x80 >> (at % 8);
                    }
                }
            }
        }
    }
}

/// What the bits of a sample mean.
pub(super) fn value(raw: u64, bits: u8, kind: Kind) -> f64 {
    match (kind, bits) {
        (Kind::Unsigned, _) => raw as f64,
        (Kind::Signed, _) => {
            let shift = 64 - u32::from(bits.clamp(1, 64));
            ((raw << shift) as i64 >> shift) as f64
        }
        (Kind::Float, 16) => half(raw as u16),
        // Sign, 7 bits of exponent, 16 of fraction.
        (Kind::Float, 24) => small(raw, 7, 16),
        (Kind::Float, 32) => f32::from_bits(raw as u32).into(),
        (Kind::Float, _) => f64::from_bits(raw),
    }
}

fn half(raw: u16) -> f64 {
    small(raw.into(), 5, 10)
}

/// A number of IEEE 754's form with this many bits of exponent and fraction.
fn small(raw: u64, exponent: u32, fraction: u32) -> f64 {
    let sign = if raw >> (exponent + fraction) & 1 == 1 {
        -1.0
    } else {
        1.0
    };
    let bias = (1 << (exponent - 1)) - 1;
    let power = (raw >> fraction & ((1 << exponent) - 1)) as i32;
    let part = (raw & ((1 << fraction) - 1)) as f64 / f64::from(1u32 << fraction);
    sign * match power {
        0 => part * f64::from(1 - bias).exp2(),
        power if power == 2 * bias + 1 => match part {
            0.0 => f64::INFINITY,
            _ => f64::NAN,
        },
        power => (1.0 + part) * f64::from(power - bias).exp2(),
    }
}
