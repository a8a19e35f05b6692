//! The inner loops of the resize: a row shrunk along itself, a row added to the sums of an output row.
//!
//! All forms compute the same 32-bit integers, modulo 2³², so that their results are equal bit for bit;
//! true sums fit in 32 bits by the choice of [`PRECISION`].
#![allow(unsafe_code)]

use super::source::Pulse;
use super::weights::{PRECISION, Taps, Weights};

/// Bytes that a row must have beyond its last pixel, so that whole vectors can be read.
pub(super) const PADDING: usize = 16;

/// What a sum starts from: one half.
pub(super) const HALF: i32 = 1 << (PRECISION - 1);

/// Low bits that a weight is split at to multiply in 16 bits.
const SPLIT: u32 = 12;

/// The horizontal pass.
pub(super) struct Columns {
    weights: Weights,
    /// Weights of four pixels each, split; the range of each output's. Empty where not to be used.
    groups: Vec<Group>,
    ranges: Vec<(usize, usize)>,
    /// Bytes of a row that are read through `groups`.
    reach: usize,
}

/// Four weights `high · 2¹² + low`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Group {
    high: [i16; 4],
    low: [i16; 4],
}

impl Columns {
    pub(super) fn new(weights: Weights, pulse: &Pulse<'_>) -> Self {
        let mut columns = Self {
            weights,
            groups: Vec::new(),
            ranges: Vec::new(),
            reach: 0,
        };
        // Normalized weights are near 1 at most; the bound is what the split can hold.
        if has_avx2()
            && columns
                .weights
                .values
                .iter()
                .all(|weight| weight.abs() < 1 << 26)
        {
            columns.split(pulse);
        }
        columns
    }

    fn split(&mut self, pulse: &Pulse<'_>) {
        for taps in &self.weights.taps {
            pulse.beat();
            let first = self.groups.len();
            for four in self.weights.of(taps).chunks(4) {
                let mut group = Group::default();
                for (at, &weight) in four.iter().enumerate() {
                    let high = (weight + (1 << (SPLIT - 1))) >> SPLIT;
                    group.high[at] = high as i16;
                    group.low[at] = (weight - (high << SPLIT)) as i16;
                }
                self.groups.push(group);
            }
            self.ranges.push((first, self.groups.len()));
            let read = 12 * (self.groups.len() - first) + 4;
            self.reach = self.reach.max(3 * taps.start + read);
        }
    }

    /// Shrinks (or stretches) one row of RGB; `row` has [`PADDING`] bytes behind its pixels.
    pub(super) fn run(&self, row: &[u8], out: &mut [u8], pulse: &Pulse<'_>) {
        #[cfg(target_arch = "x86_64")]
        if !self.groups.is_empty() && row.len() >= self.reach {
            // SAFETY: groups exist only where the processor has AVX2, and the row covers all they read.
            unsafe { self.run_avx2(row, out, pulse) };
            return;
        }
        self.run_scalar(row, out, pulse);
    }

    pub(super) fn run_scalar(&self, row: &[u8], out: &mut [u8], pulse: &Pulse<'_>) {
        let mut work = 0;
        for taps in &self.weights.taps {
            rest(&mut work, taps, pulse);
            let pixels = row.get(3 * taps.start..).unwrap_or_default();
            let mut sums = [HALF; 3];
            for (weight, pixel) in self.weights.of(taps).iter().zip(pixels.as_chunks::<3>().0) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    *sum = sum.wrapping_add(weight.wrapping_mul(i32::from(*sample)));
                }
            }
            store(out, taps, sums);
        }
    }

    /// The same with AVX2: of four pixels at a time, the samples of each channel are widened to 16 bits and
    /// multiplied by both halves of the weights.
    ///
    /// # Safety
    /// The processor has AVX2, and `row` has at least `self.reach` bytes.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn run_avx2(&self, row: &[u8], out: &mut [u8], pulse: &Pulse<'_>) {
        use std::arch::x86_64::*;
        // r0 r1 r2 r3 g0 g1 g2 g3 | b0 b1 b2 b3, zero-extended.
        let widen = _mm256_setr_epi8(
            0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1, //
            2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        );
        let mut work = 0;
        for (taps, &(first, last)) in self.weights.taps.iter().zip(&self.ranges) {
            rest(&mut work, taps, pulse);
            let mut high = _mm256_setzero_si256();
            let mut low = _mm256_setzero_si256();
            for (at, group) in self.groups[first..last].iter().enumerate() {
                // SAFETY: the 16 bytes end at 3 · start + 12 · at + 16, within `reach`; each half of a
                // group is 8 bytes, read without regard to alignment.
                let (pixels, weights_high, weights_low) = unsafe {
                    let from = row.as_ptr().add(3 * taps.start + 12 * at);
                    (
                        _mm256_broadcastsi128_si256(_mm_loadu_si128(from.cast())),
                        _mm256_set1_epi64x(group.high.as_ptr().cast::<i64>().read_unaligned()),
                        _mm256_set1_epi64x(group.low.as_ptr().cast::<i64>().read_unaligned()),
                    )
                };
                let samples = _mm256_shuffle_epi8(pixels, widen);
                high = _mm256_add_epi32(high, _mm256_madd_epi16(samples, weights_high));
                low = _mm256_add_epi32(low, _mm256_madd_epi16(samples, weights_low));
            }
            let sums = _mm256_add_epi32(_mm256_slli_epi32::<{ SPLIT as i32 }>(high), low);
            let sums = _mm256_hadd_epi32(sums, sums);
            let red_green = _mm256_castsi256_si128(sums);
            let blue = _mm256_extracti128_si256::<1>(sums);
            let sums = [
                _mm_extract_epi32::<0>(red_green),
                _mm_extract_epi32::<1>(red_green),
                _mm_extract_epi32::<0>(blue),
            ];
            store(out, taps, sums.map(|sum| sum.wrapping_add(HALF)));
        }
    }
}

/// Calls `progress` within a row that is very long: `work` counts the inputs since it was called last.
#[inline(always)]
fn rest(work: &mut usize, taps: &Taps, pulse: &Pulse<'_>) {
    const LONG: usize = 1 << 22;
    *work += taps.length;
    if *work > LONG {
        pulse.beat();
        *work = 0;
    }
}

#[inline(always)]
fn store(out: &mut [u8], taps: &Taps, sums: [i32; 3]) {
    if let Some(pixel) = out.as_chunks_mut::<3>().0.get_mut(taps.output) {
        *pixel = sums.map(clip);
    }
}

/// A sum as a sample: the integer part, clamped.
#[inline(always)]
pub(super) fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// Adds `weight · row` to `sums`, the vertical pass.
pub(super) fn accumulate(sums: &mut [i32], row: &[u8], weight: i32) {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: the processor has AVX2.
        unsafe { accumulate_avx2(sums, row, weight) };
        return;
    }
    accumulate_any(sums, row, weight);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn accumulate_avx2(sums: &mut [i32], row: &[u8], weight: i32) {
    accumulate_any(sums, row, weight);
}

#[inline(always)]
fn accumulate_any(sums: &mut [i32], row: &[u8], weight: i32) {
    for (sum, sample) in sums.iter_mut().zip(row) {
        *sum = sum.wrapping_add(weight.wrapping_mul(i32::from(*sample)));
    }
}

/// As distances have it: one choice of instructions for the process.
fn has_avx2() -> bool {
    kernels::active().has_avx2()
}
