//! Distances between vectors of IEEE half and single precision, inner products of elements of eight bits, and
//! [codes](quantize) of fewer.
//!
//! The slices of a call are of equal length. Checking that belongs to the caller, who can name both
//! dimensions; where they differ, the longer one's surplus is ignored. No distance allocates or
//! panics, and NaN and infinity propagate.
//!
//! Halves (denormal ones too) widen to `f32` exactly, and sums are accumulated in `f32` with fused
//! multiply-adds, so a sum of `n` terms is within `(n + 4) · 2⁻²⁴ · Σ|term|` of the true one
//! (Higham, Accuracy and Stability of Numerical Algorithms, §3.1; the 4 covers the rounding of a
//! term). Sums over halves neither overflow nor underflow at any length a vector has. Squares of
//! `f32` elements do beyond about `1e19` and below `1e-19`: sums are then infinite or lose those
//! terms, and the cosine distance may be NaN.
//!
//! The functions dispatch to the best [instruction set](instruction_sets) of the machine, which is
//! chosen once per process. Two machines may differ in the last bits, one machine never does:
//! swapping the arguments of a symmetric function gives the same bits.

mod dispatch;
pub mod prefetch;
pub mod quantize;
pub mod scalar;
mod set;

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use dispatch::{active, instruction_sets};
pub use set::{Element, InstructionSet, Kernels, cosine_distance_from};

use quantize::Codes;

/// Inner product, `Σ aᵢbᵢ`.
#[inline]
pub fn dot<T: Element>(a: &[T], b: &[T]) -> f32 {
    T::kernels(active()).dot(a, b)
}

/// Inner product of halves and singles, `Σ aᵢbᵢ`.
#[inline]
pub fn dot_mixed(a: &[half::f16], b: &[f32]) -> f32 {
    active().dot_mixed(a, b)
}

/// Inner product of whole numbers of eight bits, `Σ aᵢbᵢ`; exact up to 2²⁴.
#[inline]
pub fn dot_bytes(a: &[i8], b: &[i8]) -> f32 {
    active().dot_bytes(a, b)
}

/// Inner product of whole numbers of eight bits and singles, `Σ aᵢbᵢ`.
#[inline]
pub fn dot_bytes_mixed(a: &[i8], b: &[f32]) -> f32 {
    active().dot_bytes_mixed(a, b)
}

/// Inner product and the squared norm of `b`, in one pass.
///
/// With [`norm_squared`] of `a` kept from an earlier call, [`cosine_distance_from`] makes of them
/// the very bits of [`cosine_distance`], at a fifth less work per `b`.
#[inline]
pub fn dot_and_norm_squared<T: Element>(a: &[T], b: &[T]) -> (f32, f32) {
    T::kernels(active()).dot_and_norm_squared(a, b)
}

/// Cosine distance, `1 - a·b / (|a| |b|)`, in `0.0..=2.0`; exactly 0 between a vector and itself.
///
/// NaN where a norm is zero, as in pgvector.
#[inline]
pub fn cosine_distance<T: Element>(a: &[T], b: &[T]) -> f64 {
    T::kernels(active()).cosine_distance(a, b)
}

/// Squared Euclidean distance, `Σ (aᵢ - bᵢ)²`.
#[inline]
pub fn l2_squared<T: Element>(a: &[T], b: &[T]) -> f32 {
    T::kernels(active()).l2_squared(a, b)
}

/// Taxicab distance, `Σ |aᵢ - bᵢ|`.
#[inline]
pub fn l1<T: Element>(a: &[T], b: &[T]) -> f32 {
    T::kernels(active()).l1(a, b)
}

/// Squared Euclidean norm, `Σ aᵢ²`.
#[inline]
pub fn norm_squared<T: Element>(a: &[T]) -> f32 {
    dot(a, a)
}

/// Euclidean norm.
#[inline]
pub fn norm<T: Element>(a: &[T]) -> f64 {
    f64::from(norm_squared(a)).sqrt()
}

/// `Σ qᵢcᵢ` of each of the codes with a query of its own, `c` being levels.
///
/// `queries` are one after the other, each with as many elements as a code, all between -127 and 127;
/// `which` says for each element of `out` which of them its code is multiplied with.
///
/// # Panics
/// When the lengths do not fit, or there is no such query.
#[inline]
pub fn code_dots(codes: Codes<'_>, queries: &[i8], which: &[u8], out: &mut [i32]) {
    active().code_dots(codes, queries, which, out);
}
