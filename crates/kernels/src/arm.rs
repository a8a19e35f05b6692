//! NEON, which every 64-bit ARM machine has, and its conversion of halves, which is part of it.
//!
//! Loads take any alignment, and nothing beyond a slice is read: the last load is a copy.
#![allow(unsafe_code)]

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use half::f16;

use crate::dispatch::InstructionSet;
use crate::lanes::{Dot, Lanes, Load, Measure, accumulate, kernels, padded};

pub(crate) static NEON: InstructionSet = InstructionSet {
    name: "neon",
    supported: || is_aarch64_feature_detected!("neon"),
    half: kernels!(neon),
    single: kernels!(neon),
    mixed: neon_mixed,
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
fn neon_mixed(a: &[f16], b: &[f32]) -> [f32; 1] {
    // SAFETY: this function's own feature is the one that `float32x4_t` asks for.
    unsafe { accumulate::<f16, f32, float32x4_t, Dot, 1>(a, b) }
}

impl Lanes for float32x4_t {
    const LEN: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for the machine.
        unsafe { vdupq_n_f32(0.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: `self` exists.
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: `self` exists.
        unsafe { vsubq_f32(self, other) }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: `self` exists.
        unsafe { vabsq_f32(self) }
    }

    #[inline(always)]
    fn mul_add(self, other: Self, sum: Self) -> Self {
        // SAFETY: `self` exists.
        unsafe { vfmaq_f32(sum, self, other) }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: `self` exists.
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
        // SAFETY: as above; the array is as long as the register.
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
        // SAFETY: as above; the array is as long as the register.
        unsafe { Self::load(padded::<f16, 4>(from, n).as_ptr()) }
    }
}
