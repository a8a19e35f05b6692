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

/// Bytes of a register.
const REGISTER: usize = 32;

/// Zeros before as many ones: from any place among the zeros on, a mask of the last so many bytes of a register.
static LAST: [u8; 2 * REGISTER] = {
    let mut mask = [0; 2 * REGISTER];
    let mut at = REGISTER;
    while at < mask.len() {
        mask[at] = u8::MAX;
        at += 1;
    }
    mask
};

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
    let ones = _mm256_set1_epi16(1);
    let (whole, rest) = (len - len % REGISTER, len % REGISTER);
    // SAFETY: a register from `rest` on is inside the mask.
    let last = unsafe { _mm256_loadu_si256(LAST.as_ptr().add(rest).cast()) };
    for (i, (out, &which)) in out.iter_mut().zip(which).enumerate() {
        let code = codes.code(i);
        let query = &queries[usize::from(which) * elements..][..elements];
        let mut sum = _mm256_setzero_si256();
        for at in (0..whole).step_by(REGISTER) {
            // SAFETY: a register from `at` on is inside the code, and inside each field of the query, which has as many
            // bytes for each as a code has bytes.
            let pairs = unsafe {
                let code = _mm256_loadu_si256(code.as_ptr().add(at).cast());
                products::<BITS>(code, query.as_ptr().add(at), len)
            };
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        let mut tail = 0;
        if rest > 0 && whole > 0 {
            // What is left is read with the bytes before it, which count as zeros.
            let at = len - REGISTER;
            // SAFETY: as above; the code has a register at least.
            let pairs = unsafe {
                let code = _mm256_loadu_si256(code.as_ptr().add(at).cast());
                products::<BITS>(_mm256_and_si256(code, last), query.as_ptr().add(at), len)
            };
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        } else if rest > 0 {
            tail = code_dot(BITS, query, code);
        }
        let half = _mm_add_epi32(
            _mm256_castsi256_si128(sum),
            _mm256_extracti128_si256::<1>(sum),
        );
        let half = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
        let half = _mm_add_epi32(half, _mm_shuffle_epi32::<0b10_11_00_01>(half));
        *out = _mm_cvtsi128_si32(half) + tail;
    }
}

/// The products of a register of codes with a query, added up by pairs of elements and over the fields.
///
/// # Safety
/// The machine has AVX2. The query can be read for a register from each `len` bytes on, for as many fields as a code has.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn products<const BITS: usize>(code: __m256i, query: *const i8, len: usize) -> __m256i {
    let level = _mm256_set1_epi8((1 << BITS) - 1);
    let mut pairs = _mm256_setzero_si256();
    for field in 0..8 / BITS {
        // SAFETY: the caller vouches for the query.
        let query = unsafe { _mm256_loadu_si256(query.add(field * len).cast()) };
        let shifted = _mm256_srl_epi16(code, _mm_cvtsi32_si128((BITS * field) as i32));
        // A pair of products is at most 2 · 15 · 127 and there are two, or they are smaller
        // and more: i16 holds the sum.
        let products = _mm256_maddubs_epi16(_mm256_and_si256(shifted, level), query);
        pairs = _mm256_add_epi16(pairs, products);
    }
    pairs
}
