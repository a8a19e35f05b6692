//! The choice of an instruction set: made at the first call, kept for the life of the process.
//!
//! Nothing but [`instruction_sets`] and [`active`] hands out an [`InstructionSet`], and both hand out only those that
//! the machine was found to have.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::scalar;
use crate::set::InstructionSet;

#[cfg(target_arch = "aarch64")]
use crate::arm;
#[cfg(target_arch = "x86_64")]
use crate::x86;

/// Every instruction set this build knows, best first.
static KNOWN: &[&InstructionSet] = &[
    #[cfg(target_arch = "x86_64")]
    &x86::AVX512_VNNI,
    #[cfg(target_arch = "x86_64")]
    &x86::AVX512,
    #[cfg(target_arch = "x86_64")]
    &x86::AVX2,
    #[cfg(target_arch = "aarch64")]
    &arm::NEON,
    &scalar::SCALAR,
];

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
    // SAFETY: the pointer is null, or `choose` has made it from a reference to a static, which is valid for ever and never
    // written to.
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
