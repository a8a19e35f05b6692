//! What the targets share.

use std::panic;

/// To be called first: panics unwind, and only those that nobody catches end the target, with their messages before.
///
/// The crate of libFuzzer would abort at each, also where the code under test has a fence that makes an error of it.
pub fn keep_fences() {
    drop(panic::take_hook());
}
