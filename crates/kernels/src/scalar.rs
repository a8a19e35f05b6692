//! The reference: one element at a time, in `f64` or in integers.
//!
//! Products are exact here and sums as good as, so these functions are the oracle of every other
//! instruction set, and rounded to `f32` they serve machines that have none.

use crate::quantize::Codes;
use crate::set::{CodeKernels, Element, InstructionSet, Kernels, Number};

pub(crate) static SCALAR: InstructionSet = InstructionSet {
    name: "scalar",
    supported: || true,
    half: kernels(),
    single: kernels(),
    mixed: |a, b| [dot(a, b) as f32],
    bytes: |a, b| [dot(a, b) as f32],
    bytes_mixed: |a, b| [dot(a, b) as f32],
    codes: CodeKernels {
        one: code_dots,
        two: code_dots,
        four: code_dots,
    },
    avx2: false,
};

const fn kernels<T: Element>() -> Kernels<T> {
    Kernels {
        dot: |a, b| [dot(a, b) as f32],
        dot_and_norm_squared: |a, b| [dot(a, b) as f32, b_norm_squared(a, b) as f32],
        dot_and_norms_squared: |a, b| {
            [
                dot(a, b) as f32,
                b_norm_squared(b, a) as f32,
                b_norm_squared(a, b) as f32,
            ]
        },
        l2_squared: |a, b| [l2_squared(a, b) as f32],
        l1: |a, b| [l1(a, b) as f32],
    }
}

/// Inner product, `Σ aᵢbᵢ`.
pub fn dot<T: Number, U: Number>(a: &[T], b: &[U]) -> f64 {
    sum(a, b, |x, y| x * y)
}

/// Squared norm of the part of `b` that `a` is compared with.
fn b_norm_squared<T: Element>(a: &[T], b: &[T]) -> f64 {
    sum(a, b, |_, y| y * y)
}

/// Squared Euclidean distance, `Σ (aᵢ - bᵢ)²`.
pub fn l2_squared<T: Element>(a: &[T], b: &[T]) -> f64 {
    sum(a, b, |x, y| (x - y) * (x - y))
}

/// Taxicab distance, `Σ |aᵢ - bᵢ|`.
pub fn l1<T: Element>(a: &[T], b: &[T]) -> f64 {
    sum(a, b, |x, y| (x - y).abs())
}

fn sum<T: Number, U: Number>(a: &[T], b: &[U], term: impl Fn(f64, f64) -> f64) -> f64 {
    // `Iterator::sum` makes -0 of nothing.
    a.iter()
        .zip(b)
        .fold(0.0, |sum, (x, y)| sum + term(x.widen(), y.widen()))
}

/// [`crate::code_dots`] element by element: the reference, and what machines without a kernel run.
///
/// # Panics
/// When the lengths do not fit, or there is no such query.
pub fn code_dots(codes: Codes<'_>, queries: &[i8], which: &[u8], out: &mut [i32]) {
    let elements = codes.elements();
    for (i, (out, &which)) in out.iter_mut().zip(which).enumerate() {
        let query = &queries[usize::from(which) * elements..][..elements];
        *out = code_dot(codes.bits() as usize, query, codes.code(i));
    }
}

/// The inner product of `query` with one code.
#[inline]
pub(crate) fn code_dot(bits: usize, query: &[i8], code: &[u8]) -> i32 {
    let mask = (1 << bits) - 1;
    query
        .chunks_exact(code.len().max(1))
        .enumerate()
        .map(|(field, query)| {
            code.iter()
                .zip(query)
                .map(|(&code, &query)| {
                    i32::from(query) * (i32::from(code) >> (bits * field) & mask)
                })
                .sum::<i32>()
        })
        .sum()
}
