//! Codes of four bits per element and their inner products with a query of eight.
//!
//! A code of `n` bytes holds `2n` levels between 0 and 15: byte `j` has element `j` in its low half
//! and element `n + j` in its high half, so a register of codes becomes two registers of consecutive
//! elements by one mask and one shift. A level `c` stands for the value `scale · (2c - 15)`: evenly
//! spaced and symmetric about zero, which no level is.
//!
//! The products are integers: every instruction set gives the same.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The value of level 15 in units of the scale.
pub const TOP_LEVEL: i8 = 15;

/// `Σ qᵢcᵢ` of `query` with each of the codes that lie one after the other in `codes`.
///
/// `query` has two elements per byte of a code, and `codes` one code per element of `out`. Elements
/// of the query are between -127 and 127.
///
/// # Panics
/// When the lengths do not fit.
#[inline]
pub fn nibble_dots(query: &[i8], codes: &[u8], out: &mut [i32]) {
    assert_eq!(
        query.len() * out.len(),
        codes.len() * 2,
        "codes and query differ in length"
    );
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512f")
        {
            // SAFETY: the machine has these instructions, and the lengths were checked.
            return unsafe { vnni(query, codes, out) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { avx2(query, codes, out) };
        }
    }
    nibble_dots_scalar(query, codes, out);
}

/// [`nibble_dots`] element by element: the reference, and what machines without a kernel run.
pub fn nibble_dots_scalar(query: &[i8], codes: &[u8], out: &mut [i32]) {
    let bytes = query.len() / 2;
    if bytes == 0 {
        out.fill(0);
        return;
    }
    let (low, high) = query.split_at(bytes);
    for (code, out) in codes.chunks_exact(bytes).zip(out) {
        *out = nibble_dot(low, high, code);
    }
}

/// `Σ qᵢcᵢ` of one code, whose low halves belong to `low`.
#[inline]
fn nibble_dot(low: &[i8], high: &[i8], code: &[u8]) -> i32 {
    code.iter()
        .zip(low.iter().zip(high))
        .map(|(&code, (&low, &high))| {
            i32::from(low) * i32::from(code & 15) + i32::from(high) * i32::from(code >> 4)
        })
        .sum()
}

/// Four codes at a time, so that adding up lanes is shared between them.
///
/// # Safety
/// The machine has the instructions; `codes` has `query.len() / 2` bytes per element of `out`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn vnni(query: &[i8], codes: &[u8], out: &mut [i32]) {
    let bytes = query.len() / 2;
    let (low, high) = query.split_at(bytes);
    let nibble = _mm512_set1_epi8(15);
    let one = |code: *const u8| {
        let mut sum = _mm512_setzero_si512();
        let mut at = 0;
        while at < bytes {
            let mask = 1_u64.unbounded_shl((bytes - at) as u32).wrapping_sub(1);
            // SAFETY: `at` is inside the code and both halves of the query; the mask keeps the load
            // there.
            let (code, low, high) = unsafe {
                (
                    _mm512_maskz_loadu_epi8(mask, code.add(at).cast()),
                    _mm512_maskz_loadu_epi8(mask, low.as_ptr().add(at)),
                    _mm512_maskz_loadu_epi8(mask, high.as_ptr().add(at)),
                )
            };
            sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(code, nibble), low);
            let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(code), nibble);
            sum = _mm512_dpbusd_epi32(sum, upper, high);
            at += 64;
        }
        sum
    };
    let mut code = codes.as_ptr();
    let mut fours = out.chunks_exact_mut(4);
    for out in &mut fours {
        // SAFETY: four codes are left, and room for four results.
        unsafe {
            let (a, b) = (one(code), one(code.add(bytes)));
            let (c, d) = (one(code.add(2 * bytes)), one(code.add(3 * bytes)));
            code = code.add(4 * bytes);
            let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            let abcd =
                _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
            let half = _mm256_add_epi32(
                _mm512_castsi512_si256(abcd),
                _mm512_extracti64x4_epi64::<1>(abcd),
            );
            let sums = _mm_add_epi32(
                _mm256_castsi256_si128(half),
                _mm256_extracti128_si256::<1>(half),
            );
            _mm_storeu_si128(out.as_mut_ptr().cast(), sums);
        }
    }
    for out in fours.into_remainder() {
        *out = _mm512_reduce_add_epi32(one(code));
        // SAFETY: at most one past the last code.
        code = unsafe { code.add(bytes) };
    }
}

/// # Safety
/// The machine has the instructions; `codes` has `query.len() / 2` bytes per element of `out`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(query: &[i8], codes: &[u8], out: &mut [i32]) {
    let bytes = query.len() / 2;
    let (low, high) = query.split_at(bytes);
    let (nibble, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let whole = bytes - bytes % 32;
    for (i, out) in out.iter_mut().enumerate() {
        let code = &codes[i * bytes..][..bytes];
        let mut sum = _mm256_setzero_si256();
        for at in (0..whole).step_by(32) {
            // SAFETY: 32 bytes from `at` are inside the code and both halves of the query.
            let (code, low, high) = unsafe {
                (
                    _mm256_loadu_si256(code.as_ptr().add(at).cast()),
                    _mm256_loadu_si256(low.as_ptr().add(at).cast()),
                    _mm256_loadu_si256(high.as_ptr().add(at).cast()),
                )
            };
            let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(code), nibble);
            // A pair of products is at most 2 · 15 · 127, two pairs are: i16 holds them.
            let pairs = _mm256_add_epi16(
                _mm256_maddubs_epi16(_mm256_and_si256(code, nibble), low),
                _mm256_maddubs_epi16(upper, high),
            );
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        let half = _mm_add_epi32(
            _mm256_castsi256_si128(sum),
            _mm256_extracti128_si256::<1>(sum),
        );
        let half = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
        let half = _mm_add_epi32(half, _mm_shuffle_epi32::<0b10_11_00_01>(half));
        let tail = nibble_dot(&low[whole..], &high[whole..], &code[whole..]);
        *out = _mm_cvtsi128_si32(half) + tail;
    }
}

/// Writes the code of `values` and returns its scale.
///
/// `values` has two elements per byte of `code`. The scale is the one of least squares for the levels
/// chosen, among several ranges of levels the one of least squared error. Zeros have scale 0.
///
/// # Panics
/// When the lengths do not fit.
pub fn quantize(values: &[f32], code: &mut [u8]) -> f32 {
    assert_eq!(
        values.len(),
        code.len() * 2,
        "values and code differ in length"
    );
    let top = values.iter().fold(0f32, |top, x| top.max(x.abs()));
    if top.is_nan() || top < f32::MIN_POSITIVE * 1e3 {
        code.fill(0x77);
        return 0.0;
    }
    // Clipping the few largest elements buys finer steps for all others.
    let mut best = (0f32, 0f32, 0f32);
    for clip in 8..=16 {
        let step = top * clip as f32 / 16.0 / f32::from(TOP_LEVEL);
        let (mut along, mut square) = (0f32, 0f32);
        for &x in values {
            let value = level_value(level(x, step));
            along += x * value;
            square += value * value;
        }
        // Least squares leave |x|² - along²/square: the larger this gain, the smaller the error.
        let gain = along * along / square;
        if gain > best.0 {
            best = (gain, step, along / square);
        }
    }
    let (_, step, scale) = best;
    let (low, high) = values.split_at(code.len());
    for (code, (&low, &high)) in code.iter_mut().zip(low.iter().zip(high)) {
        *code = level(low, step) | level(high, step) << 4;
    }
    scale
}

#[inline]
fn level(x: f32, step: f32) -> u8 {
    (x / (2.0 * step) + 7.5).round_ties_even().clamp(0.0, 15.0) as u8
}

#[inline]
fn level_value(level: u8) -> f32 {
    f32::from(2 * level as i8 - TOP_LEVEL)
}

/// The levels of `code` as the values they stand for in units of the scale: odd, between -15 and 15.
///
/// # Panics
/// When `values` does not have two elements per byte of `code`.
pub fn level_values(code: &[u8], values: &mut [i8]) {
    assert_eq!(
        values.len(),
        code.len() * 2,
        "values and code differ in length"
    );
    let (low, high) = values.split_at_mut(code.len());
    for (&code, (low, high)) in code.iter().zip(low.iter_mut().zip(high)) {
        *low = 2 * (code & 15) as i8 - TOP_LEVEL;
        *high = 2 * (code >> 4) as i8 - TOP_LEVEL;
    }
}
