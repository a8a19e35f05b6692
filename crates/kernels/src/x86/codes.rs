//! Inner products of codes by AVX-512 with VNNI, and by AVX2.
//!
//! Codes are read where they lie, at any alignment; nothing beyond a code or a query is read.

use std::arch::x86_64::*;

use crate::quantize::Codes;
use crate::scalar::code_dot;

/// Four codes at a time, so that adding up lanes is shared between them.
///
/// # Safety
/// The machine has these extensions, and [`Codes::fit`] says yes to the arguments.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn vnni<const BITS: usize>(
    codes: Codes<'_>,
    queries: &[i8],
    which: &[u8],
    out: &mut [i32],
) {
    let len = codes.code_bytes();
    let elements = len * (8 / BITS);
    let level = _mm512_set1_epi8((1 << BITS) - 1);
    let one = |i: usize| {
        let mut sum = _mm512_setzero_si512();
        let mut at = 0;
        while at < len {
            let mask = 1_u64.unbounded_shl((len - at) as u32).wrapping_sub(1);
            // SAFETY: `i` is below the number of results, for each of which there is a code of `len` bytes (`fit`); `at`
            // is inside the code, and the mask keeps the load there.
            let code = unsafe { _mm512_maskz_loadu_epi8(mask, codes.address(i).add(at).cast()) };
            for field in 0..8 / BITS {
                // SAFETY: there is a query of so many elements for the highest of `which` (`fit`); it has as many
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

/// A register of codes at a time, a code after the other.
///
/// # Safety
/// The machine has AVX2, and [`Codes::fit`] says yes to the arguments.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn avx2<const BITS: usize>(
    codes: Codes<'_>,
    queries: &[i8],
    which: &[u8],
    out: &mut [i32],
) {
    let len = codes.code_bytes();
    let elements = len * (8 / BITS);
    let (level, ones) = (_mm256_set1_epi8((1 << BITS) - 1), _mm256_set1_epi16(1));
    let whole = len - len % 32;
    for (i, (out, &which)) in out.iter_mut().zip(which).enumerate() {
        let code = codes.code(i);
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
        *out = _mm_cvtsi128_si32(half) + code_dot(BITS, query, code, whole);
    }
}
