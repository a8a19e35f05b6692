//! AVX-512 and AVX2 with FMA and F16C.
//!
//! Loads take any alignment, and nothing beyond a slice is read: AVX-512 masks the last load, AVX2
//! copies it.
#![allow(unsafe_code)]

mod codes;

use std::arch::x86_64::*;

use half::f16;

use crate::lanes::{Dot, Lanes, Load, Measure, accumulate, kernels, padded};
use crate::set::{CodeKernels, InstructionSet};

/// BW and VL, which every server with AVX-512 has had since Skylake, mask a load of halves.
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx2")
}

/// VNNI, in servers since Cascade Lake and Zen 4, multiplies codes.
pub(crate) static AVX512_VNNI: InstructionSet = InstructionSet {
    name: "avx512vnni",
    supported: || has_avx512() && is_x86_feature_detected!("avx512vnni"),
    half: kernels!(avx512),
    single: kernels!(avx512),
    mixed: avx512_mixed::<f16, f32>,
    bytes: avx512_mixed::<i8, i8>,
    bytes_mixed: avx512_mixed::<i8, f32>,
    codes: CodeKernels {
        one: codes::vnni::<1>,
        two: codes::vnni::<2>,
        four: codes::vnni::<4>,
    },
    avx2: true,
};

/// The same without VNNI, where AVX2 multiplies codes.
pub(crate) static AVX512: InstructionSet = InstructionSet {
    name: "avx512",
    supported: has_avx512,
    half: kernels!(avx512),
    single: kernels!(avx512),
    mixed: avx512_mixed::<f16, f32>,
    bytes: avx512_mixed::<i8, i8>,
    bytes_mixed: avx512_mixed::<i8, f32>,
    codes: AVX2_CODES,
    avx2: true,
};

const AVX2_CODES: CodeKernels = CodeKernels {
    one: codes::avx2::<1>,
    two: codes::avx2::<2>,
    four: codes::avx2::<4>,
};

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn avx512<T, M: Measure<N>, const N: usize>(a: &[T], b: &[T]) -> [f32; N]
where
    __m512: Load<T>,
{
    // SAFETY: this function's own features are those that `__m512` asks for.
    unsafe { accumulate::<T, T, __m512, M, N>(a, b) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn avx512_mixed<T, U>(a: &[T], b: &[U]) -> [f32; 1]
where
    __m512: Load<T> + Load<U>,
{
    // SAFETY: this function's own features are those that `__m512` asks for.
    unsafe { accumulate::<T, U, __m512, Dot, 1>(a, b) }
}

impl Lanes for __m512 {
    const LEN: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for the machine; the instruction touches no memory.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm512_sub_ps(self, other) }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm512_abs_ps(self) }
    }

    #[inline(always)]
    fn mul_add(self, other: Self, sum: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm512_fmadd_ps(self, other, sum) }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm512_reduce_add_ps(self) }
    }
}

impl Load<f32> for __m512 {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; lanes that are masked out are not read.
        unsafe { _mm512_maskz_loadu_ps(first(n), from) }
    }
}

impl Load<f16> for __m512 {
    #[inline(always)]
    unsafe fn load(from: *const f16) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { widen(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f16, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; lanes that are masked out are not read.
        unsafe { widen(_mm256_maskz_loadu_epi16(first(n), from.cast())) }
    }
}

impl Load<i8> for __m512 {
    #[inline(always)]
    unsafe fn load(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const i8, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; lanes that are masked out are not read.
        unsafe {
            let elements = _mm_maskz_loadu_epi8(first(n), from);
            _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(elements))
        }
    }
}

/// 16 halves as floats.
///
/// `_mm512_cvtph_ps` suppresses exceptions, which the instruction can do for a register only. This
/// form lets the compiler convert from memory, one micro-operation in place of two.
///
/// # Safety
/// The machine has AVX-512.
#[inline(always)]
unsafe fn widen(halves: __m256i) -> __m512 {
    // SAFETY: the caller vouches for the machine; the instruction touches no memory.
    unsafe { _mm512_cvt_roundph_ps::<_MM_FROUND_CUR_DIRECTION>(halves) }
}

/// The mask of the first `n` of 16 lanes.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    (1_u32.unbounded_shl(n as u32).wrapping_sub(1)) as __mmask16
}

pub(crate) static AVX2: InstructionSet = InstructionSet {
    name: "avx2",
    supported: || {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
    },
    half: kernels!(avx2),
    single: kernels!(avx2),
    mixed: avx2_mixed::<f16, f32>,
    bytes: avx2_mixed::<i8, i8>,
    bytes_mixed: avx2_mixed::<i8, f32>,
    codes: AVX2_CODES,
    avx2: true,
};

#[target_feature(enable = "avx2,fma,f16c")]
fn avx2<T, M: Measure<N>, const N: usize>(a: &[T], b: &[T]) -> [f32; N]
where
    __m256: Load<T>,
{
    // SAFETY: this function's own features are those that `__m256` asks for.
    unsafe { accumulate::<T, T, __m256, M, N>(a, b) }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn avx2_mixed<T, U>(a: &[T], b: &[U]) -> [f32; 1]
where
    __m256: Load<T> + Load<U>,
{
    // SAFETY: this function's own features are those that `__m256` asks for.
    unsafe { accumulate::<T, U, __m256, Dot, 1>(a, b) }
}

impl Lanes for __m256 {
    const LEN: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for the machine; the instruction touches no memory.
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm256_add_ps(self, other) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm256_sub_ps(self, other) }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self) }
    }

    #[inline(always)]
    fn mul_add(self, other: Self, sum: Self) -> Self {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe { _mm256_fmadd_ps(self, other, sum) }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: that `self` exists is proof that the machine has the instructions; they touch no memory.
        unsafe {
            let four = _mm_add_ps(
                _mm256_castps256_ps128(self),
                _mm256_extractf128_ps::<1>(self),
            );
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
}

impl Load<f32> for __m256 {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; the array they are copied to is as long as the register.
        unsafe { Self::load(padded::<f32, 8>(from, n).as_ptr()) }
    }
}

impl Load<f16> for __m256 {
    #[inline(always)]
    unsafe fn load(from: *const f16) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f16, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; the array they are copied to is as long as the register.
        unsafe { Self::load(padded::<f16, 8>(from, n).as_ptr()) }
    }
}

impl Load<i8> for __m256 {
    #[inline(always)]
    unsafe fn load(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the machine and the elements.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const i8, n: usize) -> Self {
        // SAFETY: the caller vouches for the machine and `n` elements; the array they are copied to is as long as the register.
        unsafe { Self::load(padded::<i8, 8>(from, n).as_ptr()) }
    }
}
