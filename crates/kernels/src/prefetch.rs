//! Asking for memory before it is needed. A request is only a hint, whatever lies there: it neither faults nor reads.
#![allow(unsafe_code)]

const LINE: usize = 64;

/// Requests what lies right before `elements`, and as much of it.
///
/// For who goes through memory backwards.
#[inline]
pub fn before<T>(elements: &[T]) {
    let start = elements.as_ptr().cast::<i8>();
    for distance in (LINE..=size_of_val(elements) + LINE).step_by(LINE) {
        request(start.wrapping_sub(distance));
    }
}

/// Requests what `elements` are.
#[inline]
pub fn all<T>(elements: &[T]) {
    bytes(elements.as_ptr(), size_of_val(elements));
}

/// Requests so many bytes from an address on.
#[inline]
pub fn bytes<T>(start: *const T, count: usize) {
    for distance in (0..count).step_by(LINE) {
        request(start.cast::<i8>().wrapping_add(distance));
    }
}

#[inline]
fn request(address: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction ignores addresses that cannot be read.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address; // Rust has no stable intrinsic for other machines.
}
