//! Signals that threads are not to receive: the handlers of the process run on its own thread only.
#![allow(unsafe_code)]

use std::{mem::MaybeUninit, ptr};

/// Runs `start` with all signals blocked, which threads that it starts inherit.
pub fn with_signals_blocked(start: &mut dyn FnMut()) {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the set it is given, pthread_sigmask writes the previous mask; neither fails with
    // these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    /// Puts the mask back, also when `start` panics.
    struct Unblock(libc::sigset_t);
    impl Drop for Unblock {
        fn drop(&mut self) {
            // SAFETY: the mask is the one that pthread_sigmask wrote.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, ptr::null_mut()) };
        }
    }
    // SAFETY: written above.
    let _unblock = Unblock(unsafe { before.assume_init() });
    start();
}
