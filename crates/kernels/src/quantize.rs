//! Codes of one, two or four bits per element, for inner products with queries of eight.
//!
//! With `b` bits an element, a code of `n` bytes holds `n · 8/b` levels between 0 and `2ᵇ - 1`: byte
//! `j` has element `j` in its lowest bits, element `n + j` in the next, and so on, so that a register
//! of codes becomes registers of consecutive elements by masks and shifts. A level `c` stands for the
//! value `scale · (2c - (2ᵇ - 1))`: evenly spaced and symmetric about zero, which no level is.
//!
//! The products are integers: every instruction set gives the same.
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
pub(crate) const MISFIT: &str = "codes and queries differ in length";

/// Codes at equal distances from each other.
#[derive(Clone, Copy, Debug)]
pub struct Codes<'c> {
    bits: Bits,
    /// Bytes of a code.
    len: usize,
    /// Bytes from one code to the next, at least `len`.
    stride: usize,
    /// The codes, and what lies between them: `stride` bytes for each. How many there are follows from its length.
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

    /// Bits of an element.
    #[inline]
    pub(crate) fn bits(&self) -> Bits {
        self.bits
    }

    /// Bytes of a code.
    #[inline]
    pub(crate) fn code_bytes(&self) -> usize {
        self.len
    }

    /// The bytes of the code `number`.
    ///
    /// # Panics
    /// When there is no such code.
    #[inline]
    pub(crate) fn code(&self, number: usize) -> &'c [u8] {
        &self.bytes[number * self.stride..][..self.len]
    }

    /// The address of the code `number`, of which there is one: it is followed by [`code_bytes`](Self::code_bytes) bytes.
    #[inline]
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "AVX-512 reads by address")
    )]
    pub(crate) fn address(&self, number: usize) -> *const u8 {
        self.bytes.as_ptr().wrapping_add(number * self.stride)
    }

    /// Whether there is a code for each element of `out`, with what lies between it and the next, and a query for each of
    /// `which`, one for each element of `out`. Kernels rely on it.
    #[inline]
    pub(crate) fn fit(&self, queries: &[i8], which: &[u8], out: &[i32]) -> bool {
        let highest = which.iter().copied().max().map_or(0, usize::from);
        let queried = (highest + 1).checked_mul(self.elements());
        let coded = out.len().checked_mul(self.stride);
        which.len() == out.len()
            && coded.is_some_and(|coded| coded <= self.bytes.len())
            && (out.is_empty() || queried.is_some_and(|queried| queried <= queries.len()))
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
