//! The choice of an instruction set: made at the first call, kept for the life of the process.
//!
//! An [`InstructionSet`] leaves this module only after the machine was found to have it. That is
//! what makes the methods of [`Kernels`] safe.
#![allow(unsafe_code)]

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use half::f16;

use crate::{cosine_distance_from, scalar};

#[cfg(target_arch = "aarch64")]
use crate::arm;
#[cfg(target_arch = "x86_64")]
use crate::x86;

/// Every instruction set this build knows, best first.
static KNOWN: &[&InstructionSet] = &[
    #[cfg(target_arch = "x86_64")]
    &x86::AVX512,
    #[cfg(target_arch = "x86_64")]
    &x86::AVX2,
    #[cfg(target_arch = "aarch64")]
    &arm::NEON,
    &scalar::SCALAR,
];

/// `N` sums over the pairs of elements of two vectors.
pub(crate) type Sums<T, const N: usize> = unsafe fn(&[T], &[T]) -> [f32; N];

/// `Σ ab` of halves and singles.
pub(crate) type Mixed = unsafe fn(&[f16], &[f32]) -> [f32; 1];

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
    pub(crate) mixed: Mixed,
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
}

impl fmt::Debug for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// An element type that has kernels: `half::f16` and `f32`.
pub trait Element: Copy + sealed::Sealed + 'static {
    /// The kernels of `set` for this type.
    #[doc(hidden)]
    fn kernels(set: &'static InstructionSet) -> &'static Kernels<Self>;

    /// The same value as an `f64`, exactly.
    #[doc(hidden)]
    fn widen(self) -> f64;
}

impl Element for f16 {
    #[inline]
    fn kernels(set: &'static InstructionSet) -> &'static Kernels<Self> {
        &set.half
    }

    #[inline]
    fn widen(self) -> f64 {
        // `to_f64` would look for the machine's instructions at every element.
        self.to_f64_const()
    }
}

impl Element for f32 {
    #[inline]
    fn kernels(set: &'static InstructionSet) -> &'static Kernels<Self> {
        &set.single
    }

    #[inline]
    fn widen(self) -> f64 {
        f64::from(self)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for half::f16 {}
    impl Sealed for f32 {}
}

/// The instruction sets this machine has, best first; the last one is the scalar reference.
pub fn instruction_sets() -> impl Iterator<Item = &'static InstructionSet> {
    KNOWN.iter().copied().filter(|set| (set.supported)())
}

/// The instruction set in use: the best one this machine has.
#[inline]
pub fn active() -> &'static InstructionSet {
    // Relaxed: what it points to was there before the process began, and every thread that finds it
    // null chooses the same.
    let chosen = ACTIVE.load(Ordering::Relaxed);
    // SAFETY: null, or made by `choose` from a reference to an immutable static.
    match unsafe { chosen.as_ref() } {
        Some(set) => set,
        None => choose(),
    }
}

static ACTIVE: AtomicPtr<InstructionSet> = AtomicPtr::new(ptr::null_mut());

#[cold]
fn choose() -> &'static InstructionSet {
    let best = instruction_sets().next().unwrap_or(&scalar::SCALAR);
    ACTIVE.store(ptr::from_ref(best).cast_mut(), Ordering::Relaxed);
    best
}
