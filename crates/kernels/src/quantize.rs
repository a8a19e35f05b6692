//! Codes of one, two or four bits per element and their inner products with queries of eight.
//!
//! With `b` bits an element, a code of `n` bytes holds `n · 8/b` levels between 0 and `2ᵇ - 1`: byte
//! `j` has element `j` in its lowest bits, element `n + j` in the next, and so on, so that a register
//! of codes becomes registers of consecutive elements by masks and shifts. A level `c` stands for the
//! value `scale · (2c - (2ᵇ - 1))`: evenly spaced and symmetric about zero, which no level is.
//!
//! The products are integers: every instruction set gives the same.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Bits of an element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bits {
    /// Signs.
    One = 1,
    /// Four levels.
    Two = 2,
    /// Sixteen levels.
    Four = 4,
}

impl Bits {
    /// All of them, finest first.
    pub const ALL: [Self; 3] = [Self::Four, Self::Two, Self::One];

    /// Elements of a byte.
    pub fn per_byte(self) -> usize {
        8 / self as usize
    }

    /// The highest level, and its value in units of the scale.
    pub fn top(self) -> i8 {
        (1 << self as u8) - 1
    }

    /// The share of the energy of normally distributed elements that a code loses (Max, Quantizing for
    /// minimum distortion, 1960, table II).
    pub fn distortion(self) -> f32 {
        match self {
            Self::One => 0.3634,
            Self::Two => 0.1188,
            Self::Four => 0.0115,
        }
    }
}

/// What is said of lengths that kernels cannot work with.
const MISFIT: &str = "codes and queries differ in length";

/// Codes at equal distances from each other.
#[derive(Clone, Copy, Debug)]
pub struct Codes<'c> {
    bits: Bits,
    /// Bytes of a code.
    len: usize,
    /// Bytes from one code to the next, at least `len`.
    stride: usize,
    /// The codes, and what lies between them.
    bytes: &'c [u8],
}

impl<'c> Codes<'c> {
    /// Codes of `len` bytes with `bits` for an element, each `stride` bytes after the one before in `bytes`.
    ///
    /// # Panics
    /// When codes overlap, or one has more elements than can be numbered.
    #[inline]
    pub fn new(bits: Bits, len: usize, stride: usize, bytes: &'c [u8]) -> Self {
        assert!(
            len <= stride && len.checked_mul(bits.per_byte()).is_some(),
            "{MISFIT}"
        );
        Self {
            bits,
            len,
            stride,
            bytes,
        }
    }

    /// Elements of a code.
    #[inline]
    pub fn elements(&self) -> usize {
        // Known not to overflow since the codes were made.
        self.len * self.bits.per_byte()
    }

    /// Whether there are `count` codes, each with what lies between it and the next.
    #[inline]
    fn has(&self, count: usize) -> bool {
        let needed = count.checked_mul(self.stride);
        needed.is_some_and(|needed| needed <= self.bytes.len())
    }
}

/// `Σ qᵢcᵢ` of each of the codes with a query of its own.
///
/// `queries` are one after the other, each with as many elements as a code, all between -127 and 127;
/// `which` says for each element of `out` which of them its code is multiplied with.
///
/// # Panics
/// When the lengths do not fit, or there is no such query.
#[inline]
pub fn dots(codes: Codes<'_>, queries: &[i8], which: &[u8], out: &mut [i32]) {
    let bits = codes.bits;
    let highest = which.iter().copied().max().map_or(0, usize::from);
    let needed = (highest + 1).checked_mul(codes.elements());
    assert!(
        which.len() == out.len()
            && codes.has(out.len())
            && (out.is_empty() || needed.is_some_and(|needed| needed <= queries.len())),
        "{MISFIT}"
    );
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512f")
        {
            // SAFETY: the machine has these instructions, and the lengths were checked.
            return unsafe {
                match bits {
                    Bits::One => vnni::<1>(codes, queries, which, out),
                    Bits::Two => vnni::<2>(codes, queries, which, out),
                    Bits::Four => vnni::<4>(codes, queries, which, out),
                }
            };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the machine has these instructions, and the lengths were checked.
            return unsafe {
                match bits {
                    Bits::One => avx2::<1>(codes, queries, which, out),
                    Bits::Two => avx2::<2>(codes, queries, which, out),
                    Bits::Four => avx2::<4>(codes, queries, which, out),
                }
            };
        }
    }
    dots_scalar(codes, queries, which, out);
}

/// [`dots`] element by element: the reference, and what machines without a kernel run.
pub fn dots_scalar(codes: Codes<'_>, queries: &[i8], which: &[u8], out: &mut [i32]) {
    let elements = codes.elements();
    for (i, (out, &which)) in out.iter_mut().zip(which).enumerate() {
        let query = &queries[usize::from(which) * elements..][..elements];
        let code = &codes.bytes[i * codes.stride..][..codes.len];
        *out = dot_scalar(codes.bits as usize, query, code, 0);
    }
}

/// The inner product of `query` with one code, from byte `from` on.
#[inline]
fn dot_scalar(bits: usize, query: &[i8], code: &[u8], from: usize) -> i32 {
    let mask = (1 << bits) - 1;
    query
        .chunks_exact(code.len().max(1))
        .enumerate()
        .map(|(field, query)| {
            code[from..]
                .iter()
                .zip(&query[from..])
                .map(|(&code, &query)| {
                    i32::from(query) * (i32::from(code) >> (bits * field) & mask)
                })
                .sum::<i32>()
        })
        .sum()
}

/// Four codes at a time, so that adding up lanes is shared between them.
///
/// # Safety
/// The machine has the instructions; the lengths are what [`dots`] asks for.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn vnni<const BITS: usize>(codes: Codes<'_>, queries: &[i8], which: &[u8], out: &mut [i32]) {
    let Codes { len, stride, .. } = codes;
    let elements = len * (8 / BITS);
    let level = _mm512_set1_epi8((1 << BITS) - 1);
    let one = |i: usize| {
        let mut sum = _mm512_setzero_si512();
        let mut at = 0;
        while at < len {
            let mask = 1_u64.unbounded_shl((len - at) as u32).wrapping_sub(1);
            // SAFETY: `i` is below the number of results, for each of which `dots` has found a code of `len`
            // bytes in `bytes`, so that the offset does not overflow; `at` is inside the code, and the mask keeps
            // the load there.
            let code = unsafe {
                _mm512_maskz_loadu_epi8(mask, codes.bytes.as_ptr().add(i * stride + at).cast())
            };
            for field in 0..8 / BITS {
                // SAFETY: `dots` has found a query of so many elements for the highest of `which`; it has as many
                // bytes for each field as a code has bytes, and the mask keeps the load inside the field.
                let query = unsafe {
                    let query = queries.as_ptr().add(usize::from(which[i]) * elements);
                    _mm512_maskz_loadu_epi8(mask, query.add(field * len + at))
                };
                let shifted = _mm512_srl_epi16(code, _mm_cvtsi32_si128((BITS * field) as i32));
                sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(shifted, level), query);
            }
            at += 64;
        }
        sum
    };
    let whole = out.len() - out.len() % 4;
    for i in (0..whole).step_by(4) {
        let (a, b, c, d) = (one(i), one(i + 1), one(i + 2), one(i + 3));
        let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        let abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        let half = _mm256_add_epi32(
            _mm512_castsi512_si256(abcd),
            _mm512_extracti64x4_epi64::<1>(abcd),
        );
        let sums = _mm_add_epi32(
            _mm256_castsi256_si128(half),
            _mm256_extracti128_si256::<1>(half),
        );
        // SAFETY: there is room for four results.
        unsafe { _mm_storeu_si128(out[i..i + 4].as_mut_ptr().cast(), sums) };
    }
    for (i, out) in out.iter_mut().enumerate().skip(whole) {
        *out = _mm512_reduce_add_epi32(one(i));
    }
}

/// # Safety
/// The machine has the instructions; the lengths are what [`dots`] asks for.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2<const BITS: usize>(codes: Codes<'_>, queries: &[i8], which: &[u8], out: &mut [i32]) {
    let Codes { len, stride, .. } = codes;
    let elements = len * (8 / BITS);
    let (level, ones) = (_mm256_set1_epi8((1 << BITS) - 1), _mm256_set1_epi16(1));
    let whole = len - len % 32;
    for (i, (out, &which)) in out.iter_mut().zip(which).enumerate() {
        let code = &codes.bytes[i * stride..][..len];
        let query = &queries[usize::from(which) * elements..][..elements];
        let mut sum = _mm256_setzero_si256();
        for at in (0..whole).step_by(32) {
            // SAFETY: 32 bytes from `at` are inside the code.
            let code = unsafe { _mm256_loadu_si256(code.as_ptr().add(at).cast()) };
            let mut pairs = _mm256_setzero_si256();
            for field in 0..8 / BITS {
                // SAFETY: the query has as many bytes for each field as a code has bytes.
                let query =
                    unsafe { _mm256_loadu_si256(query.as_ptr().add(field * len + at).cast()) };
                let shifted = _mm256_srl_epi16(code, _mm_cvtsi32_si128((BITS * field) as i32));
                // A pair of products is at most 2 · 15 · 127 and there are two, or they are smaller
                // and more: i16 holds the sum.
                let products = _mm256_maddubs_epi16(_mm256_and_si256(shifted, level), query);
                pairs = _mm256_add_epi16(pairs, products);
            }
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        let half = _mm_add_epi32(
            _mm256_castsi256_si128(sum),
            _mm256_extracti128_si256::<1>(sum),
        );
        let half = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
        let half = _mm_add_epi32(half, _mm_shuffle_epi32::<0b10_11_00_01>(half));
        *out = _mm_cvtsi128_si32(half) + dot_scalar(BITS, query, code, whole);
    }
}

/// Writes the code of `values` and returns its scale.
///
/// `values` has as many elements as the code. Among several ranges of levels, the one of least squared
/// error is chosen. The scale makes the inner product of the values with their code their squared
/// norm, so that estimates of inner products are not biased towards zero (Gao, Long: RaBitQ, 2024).
/// Zeros have scale 0.
///
/// # Panics
/// When the lengths do not fit.
pub fn quantize(bits: Bits, values: &[f32], code: &mut [u8]) -> f32 {
    assert_eq!(
        values.len(),
        code.len() * bits.per_byte(),
        "values and code differ in length"
    );
    let largest = values.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    code.fill(0);
    if largest.is_nan() || largest < f32::MIN_POSITIVE * 1e3 {
        return 0.0;
    }
    let top = f32::from(bits.top());
    // Clipping the few largest elements buys finer steps for all others, but signs have no steps.
    let finest = if bits == Bits::One { 16 } else { 6 };
    let (mut most, mut best, mut along_best) = (0f32, 0f32, 1f32);
    for clip in finest..=16 {
        let half_steps = 0.5 * top / (largest * clip as f32 / 16.0);
        let (along, square) = fit(values, half_steps, top);
        // Least squares leave |x|² - along²/square: the larger this gain, the smaller the error.
        let gain = along * along / square;
        if gain > most {
            (most, best, along_best) = (gain, half_steps, along);
        }
    }
    for (field, values) in values.chunks_exact(code.len()).enumerate() {
        for (code, &x) in code.iter_mut().zip(values) {
            *code |= (level(x, best, top) as u8) << (bits as usize * field);
        }
    }
    values.iter().map(|x| x * x).sum::<f32>() / along_best
}

/// The level of an element, of which so many half steps make one.
#[inline(always)]
fn level(x: f32, half_steps: f32, top: f32) -> f32 {
    // Adding it leaves a whole number: several at a time, where rounding is a call.
    const ROUNDER: f32 = 1.5 * (1 << 23) as f32;
    ((x * half_steps + top / 2.0).clamp(0.0, top) + ROUNDER) - ROUNDER
}

/// The products of the values that levels stand for with those they are made from, and with themselves.
fn fit(values: &[f32], half_steps: f32, top: f32) -> (f32, f32) {
    const LANES: usize = 8;
    let (mut along, mut square) = ([0f32; LANES], [0f32; LANES]);
    let mut add = |lane: usize, x: f32| {
        let value = 2.0 * level(x, half_steps, top) - top;
        along[lane] += x * value;
        square[lane] += value * value;
    };
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in chunk.iter().enumerate() {
            add(lane, x);
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        add(lane, x);
    }
    (along.iter().sum(), square.iter().sum())
}

/// The levels of `code` as the values they stand for in units of the scale: odd numbers.
///
/// # Panics
/// When `values` does not have as many elements as the code.
pub fn level_values(bits: Bits, code: &[u8], values: &mut [i8]) {
    assert_eq!(
        values.len(),
        code.len() * bits.per_byte(),
        "values and code differ in length"
    );
    if code.is_empty() {
        return;
    }
    let top = bits.top();
    for (field, values) in values.chunks_exact_mut(code.len()).enumerate() {
        for (value, &code) in values.iter_mut().zip(code) {
            let level = code >> (bits as usize * field) & top as u8;
            *value = 2 * level as i8 - top;
        }
    }
}
