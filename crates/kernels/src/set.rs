//! What an instruction set is: a table of kernels.
//!
//! An [`InstructionSet`] leaves this crate only after the machine was found to have it ([`crate::dispatch`]). That is
//! what makes its methods, and those of [`Kernels`], safe.
#![allow(unsafe_code)]

use std::fmt;

use half::f16;

use crate::quantize::{Bits, Codes, MISFIT};

/// `N` sums over the pairs of elements of two vectors.
pub(crate) type Sums<T, const N: usize> = unsafe fn(&[T], &[T]) -> [f32; N];

/// `Σ ab` of elements of two types.
pub(crate) type Mixed<T, U> = unsafe fn(&[T], &[U]) -> [f32; 1];

/// `Σ qᵢcᵢ` of codes, each with one of several queries.
///
/// # Safety
/// The machine has the instruction set, and [`Codes::fit`] says yes to the arguments.
pub(crate) type CodeDots = unsafe fn(Codes<'_>, &[i8], &[u8], &mut [i32]);

/// The kernels of one instruction set for codes, by the bits of an element.
pub(crate) struct CodeKernels {
    pub(crate) one: CodeDots,
    pub(crate) two: CodeDots,
    pub(crate) four: CodeDots,
}

/// The kernels of one instruction set for elements of type `T`.
///
/// The methods are the functions of the same names at the root of the crate.
#[doc(hidden)]
pub struct Kernels<T: 'static> {
    /// `Σ ab`.
    pub(crate) dot: Sums<T, 1>,
    /// `Σ ab`, `Σ b²`.
    pub(crate) dot_and_norm_squared: Sums<T, 2>,
    /// `Σ ab`, `Σ a²`, `Σ b²`.
    pub(crate) dot_and_norms_squared: Sums<T, 3>,
    /// `Σ (a - b)²`.
    pub(crate) l2_squared: Sums<T, 1>,
    /// `Σ |a - b|`.
    pub(crate) l1: Sums<T, 1>,
}

#[allow(missing_docs)]
impl<T> Kernels<T> {
    #[inline]
    pub fn dot(&self, a: &[T], b: &[T]) -> f32 {
        // SAFETY: the machine has this instruction set (see the module).
        let [dot] = unsafe { (self.dot)(a, b) };
        dot
    }

    #[inline]
    pub fn dot_and_norm_squared(&self, a: &[T], b: &[T]) -> (f32, f32) {
        // SAFETY: the machine has this instruction set (see the module).
        let [dot, b_norm_squared] = unsafe { (self.dot_and_norm_squared)(a, b) };
        (dot, b_norm_squared)
    }

    #[inline]
    pub fn cosine_distance(&self, a: &[T], b: &[T]) -> f64 {
        // SAFETY: the machine has this instruction set (see the module).
        let [dot, a_norm_squared, b_norm_squared] = unsafe { (self.dot_and_norms_squared)(a, b) };
        cosine_distance_from(dot, a_norm_squared, b_norm_squared)
    }

    #[inline]
    pub fn l2_squared(&self, a: &[T], b: &[T]) -> f32 {
        // SAFETY: the machine has this instruction set (see the module).
        let [sum] = unsafe { (self.l2_squared)(a, b) };
        sum
    }

    #[inline]
    pub fn l1(&self, a: &[T], b: &[T]) -> f32 {
        // SAFETY: the machine has this instruction set (see the module).
        let [sum] = unsafe { (self.l1)(a, b) };
        sum
    }
}

/// A set of instructions with kernels written for it.
pub struct InstructionSet {
    pub(crate) name: &'static str,
    pub(crate) supported: fn() -> bool,
    pub(crate) half: Kernels<f16>,
    pub(crate) single: Kernels<f32>,
    pub(crate) mixed: Mixed<f16, f32>,
    pub(crate) bytes: Mixed<i8, i8>,
    pub(crate) bytes_mixed: Mixed<i8, f32>,
    pub(crate) codes: CodeKernels,
    /// Whether it has all of AVX2.
    pub(crate) avx2: bool,
}

impl InstructionSet {
    /// Its name in lower case, e.g. `avx512`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The function of the same name at the root of the crate.
    #[doc(hidden)]
    #[inline]
    pub fn dot_mixed(&self, a: &[f16], b: &[f32]) -> f32 {
        // SAFETY: the machine has this instruction set (see the module).
        let [dot] = unsafe { (self.mixed)(a, b) };
        dot
    }

    /// The function of the same name at the root of the crate.
    #[doc(hidden)]
    #[inline]
    pub fn dot_bytes(&self, a: &[i8], b: &[i8]) -> f32 {
        // SAFETY: the machine has this instruction set (see the module).
        let [dot] = unsafe { (self.bytes)(a, b) };
        dot
    }

    /// The function of the same name at the root of the crate.
    #[doc(hidden)]
    #[inline]
    pub fn dot_bytes_mixed(&self, a: &[i8], b: &[f32]) -> f32 {
        // SAFETY: the machine has this instruction set (see the module).
        let [dot] = unsafe { (self.bytes_mixed)(a, b) };
        dot
    }

    /// The function of the same name at the root of the crate.
    #[doc(hidden)]
    #[inline]
    pub fn code_dots(&self, codes: Codes<'_>, queries: &[i8], which: &[u8], out: &mut [i32]) {
        assert!(codes.fit(queries, which, out), "{MISFIT}");
        let kernel = match codes.bits() {
            Bits::One => self.codes.one,
            Bits::Two => self.codes.two,
            Bits::Four => self.codes.four,
        };
        // SAFETY: the machine has this instruction set (see the module), and the arguments have been found to fit.
        unsafe { kernel(codes, queries, which, out) }
    }

    /// Whether the machine has AVX2, for those who have kernels of their own: there is one choice of instructions.
    pub fn has_avx2(&self) -> bool {
        self.avx2
    }
}

impl fmt::Debug for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// An element type that has kernels: `half::f16` and `f32`.
pub trait Element: Number + 'static {
    /// The kernels of `set` for this type.
    #[doc(hidden)]
    fn kernels(set: &'static InstructionSet) -> &'static Kernels<Self>;
}

impl Element for f16 {
    #[inline]
    fn kernels(set: &'static InstructionSet) -> &'static Kernels<Self> {
        &set.half
    }
}

impl Element for f32 {
    #[inline]
    fn kernels(set: &'static InstructionSet) -> &'static Kernels<Self> {
        &set.single
    }
}

mod number {
    /// A type of which an `f64` holds every value, and a product of two.
    #[doc(hidden)]
    pub trait Number: Copy {
        /// The same value as an `f64`, exactly.
        fn widen(self) -> f64;
    }

    impl Number for half::f16 {
        #[inline]
        fn widen(self) -> f64 {
            // `to_f64` would look for the machine's instructions at every element.
            self.to_f64_const()
        }
    }

    impl Number for f32 {
        #[inline]
        fn widen(self) -> f64 {
            f64::from(self)
        }
    }

    impl Number for i8 {
        #[inline]
        fn widen(self) -> f64 {
            f64::from(self)
        }
    }
}
pub(crate) use number::Number;

/// Cosine distance from the inner product and both squared norms.
///
/// The similarity is held within ±1, which rounding may overstep.
#[inline]
pub fn cosine_distance_from(dot: f32, a_norm_squared: f32, b_norm_squared: f32) -> f64 {
    // One square root of the product, which is exact in f64: x / sqrt(x · x) is then 1, not nearly 1.
    let norms = (f64::from(a_norm_squared) * f64::from(b_norm_squared)).sqrt();
    1.0 - (f64::from(dot) / norms).clamp(-1.0, 1.0)
}
