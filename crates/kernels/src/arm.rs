//! NEON, which every 64-bit ARM machine has, and its conversion of halves, which is part of it.
//!
//! Loads take any alignment, and nothing beyond a slice is read: the last load is a copy.
#![allow(unsafe_code)]

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use half::f16;

use crate::lanes::{Dot, Lanes, Load, Measure, accumulate, kernels, padded};
use crate::quantize::Codes;
use crate::set::{CodeKernels, InstructionSet};

pub(crate) static NEON: InstructionSet = InstructionSet {
    name: "neon",
    supported: || is_aarch64_feature_detected!("neon"),
    half: kernels!(neon),
    single: kernels!(neon),
    mixed: neon_mixed::<f16, f32>,
    bytes: neon_mixed::<i8, i8>,
    bytes_mixed: neon_mixed::<i8, f32>,
    codes: CodeKernels {
        one: neon_codes::<1>,
        two: neon_codes::<2>,
        four: neon_codes::<4>,
    },
    avx2: false,
};

#[target_feature(enable = "neon")]
fn neon<T, M: Measure<N>, const N: usize>(a: &[T], b: &[T]) -> [f32; N]
where
    float32x4_t: Load<T>,
{
    // SAFETY: this function's own feature is the one that `float32x4_t` asks for.
    unsafe { accumulate::<T, T, float32x4_t, M, N>(a, b) }
}

#[target_feature(enable = "neon")]
fn neon_mixed<T, U>(a: &[T], b: &[U]) -> [f32; 1]
where
    float32x4_t: Load<T> + Load<U>,
{
    // SAFETY: this function's own feature is the one that `float32x4_t` asks for.
    unsafe { accumulate::<T, U, float32x4_t, Dot, 1>(a, b) }
}

impl Lanes for float32x4_t {
    const LEN: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for the machine; the instruction touches no memory.
        unsafe { vdupq_n_f32(0.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { vsubq_f32(self, other) }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { vabsq_f32(self) }
    }

    #[inline(always)]
    fn mul_add(self, other: Self, sum: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { vfmaq_f32(sum, self, other) }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { vaddvq_f32(self) }
    }
}

impl Load<f32> for float32x4_t {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; the array they are copied to is as long as the register.
        unsafe { Self::load(padded::<f32, 4>(from, n).as_ptr()) }
    }
}

impl Load<f16> for float32x4_t {
    #[inline(always)]
    unsafe fn load(from: *const f16) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f16, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; the array they are copied to is as long as the register.
        unsafe { Self::load(padded::<f16, 4>(from, n).as_ptr()) }
    }
}

impl Load<i8> for float32x4_t {
    #[inline(always)]
    unsafe fn load(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the machine and for four elements, read as one number at whatever alignment.
        unsafe {
            let four = vcreate_s8(u64::from(from.cast::<u32>().read_unaligned()));
            vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(four))))
        }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const i8, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; the array they are copied to is as long as the register.
        unsafe { Self::load(padded::<i8, 4>(from, n).as_ptr()) }
    }
}

/// Inner products of codes, a register of 16 bytes of one at a time.
///
/// # Safety
/// The machine has NEON, and [`Codes::fit`] says yes to the arguments.
#[target_feature(enable = "neon")]
unsafe fn neon_codes<const BITS: usize>(
    codes: Codes<'_>,
    queries: &[i8],
    which: &[u8],
    out: &mut [i32],
) {
    const STEP: usize = 16;
    let len = codes.code_bytes();
    let elements = len * (8 / BITS);
    let level = vdupq_n_u8((1 << BITS) - 1);
    for (i, (out, &which)) in out.iter_mut().zip(which).enumerate() {
        let code = codes.code(i);
        let query = &queries[usize::from(which) * elements..][..elements];
        let mut sum = vdupq_n_s32(0);
        for at in (0..len).step_by(STEP) {
            let n = (len - at).min(STEP);
            // SAFETY: `n` bytes from `at` are inside the code; the array they are copied to is as long as the register.
            let code = unsafe { vld1q_u8(padded::<u8, STEP>(code[at..].as_ptr(), n).as_ptr()) };
            let mut pairs = vdupq_n_s16(0);
            for field in 0..8 / BITS {
                let query = query[field * len + at..].as_ptr();
                // SAFETY: the query has as many bytes for each field as a code has bytes, so `n` from `at`; the array
                // they are copied to is as long as the register.
                let query = unsafe { vld1q_s8(padded::<i8, STEP>(query, n).as_ptr()) };
                let shifted = vshlq_u8(code, vdupq_n_s8(-((BITS * field) as i8)));
                let levels = vreinterpretq_s8_u8(vandq_u8(shifted, level));
                // Two products of at most 15 · 127 for each field of four bits, or they are smaller and more: 16 bits
                // hold the sum of all fields.
                pairs = vmlal_s8(pairs, vget_low_s8(levels), vget_low_s8(query));
                pairs = vmlal_high_s8(pairs, levels, query);
            }
            sum = vpadalq_s16(sum, pairs);
        }
        *out = vaddvq_s32(sum);
    }
}
