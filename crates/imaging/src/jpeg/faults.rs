//! What becomes of libjpeg's errors and warnings: an error unwinds out of it with its words. Where data is missing that a
//! scan should have, libjpeg makes some up, and warns; that may count as an error.

#![allow(unsafe_code)]

use mozjpeg_sys::{JWRN_HIT_MARKER, c_int, jpeg_common_struct, jpeg_error_mgr, jpeg_std_error};
use std::ffi::CStr;
use std::panic::resume_unwind;

/// Most bytes of a message, by libjpeg's header `jpeglib.h`.
const JMSG_LENGTH_MAX: usize = 200;

/// What handles errors. `strict` is for a file without an end mark: one whose scan ends before its picture does is an
/// error then.
pub(super) fn manager(strict: bool) -> jpeg_error_mgr {
    // SAFETY: all fields are numbers, pointers and optional functions, for which zeroes stand for 0, NULL and none.
    let mut errors: jpeg_error_mgr = unsafe { std::mem::zeroed() };
    // SAFETY: libjpeg fills in a structure of its own layout, borrowed for the call.
    unsafe { jpeg_std_error(&mut errors) };
    errors.error_exit = Some(exit);
    errors.emit_message = Some(if strict { warned } else { passed_over });
    errors
}

/// Leaves libjpeg since the data ends before the picture does.
pub(super) fn ended() -> ! {
    resume_unwind(Box::new("the data ends early".to_owned()))
}

/// Leaves libjpeg with the words for its error.
unsafe extern "C-unwind" fn exit(info: &mut jpeg_common_struct) {
    let mut words = [0u8; JMSG_LENGTH_MAX];
    // SAFETY: while a handler runs, libjpeg has its error manager in place.
    let errors = unsafe { info.err.as_ref() };
    if let Some(format) = errors.and_then(|errors| errors.format_message) {
        // SAFETY: libjpeg's own function, of its own arguments. It writes into these bytes, as many as it ever does, which
        // nothing else refers to; the declaration takes fewer and by a shared reference, hence the type that says so.
        unsafe {
            let format: unsafe extern "C-unwind" fn(&mut jpeg_common_struct, *mut u8) =
                std::mem::transmute(format);
            format(info, words.as_mut_ptr());
        }
    }
    let words = CStr::from_bytes_until_nul(&words).unwrap_or_default();
    resume_unwind(Box::new(words.to_string_lossy().into_owned()));
}

/// Leaves libjpeg where it made data up.
unsafe extern "C-unwind" fn warned(info: &mut jpeg_common_struct, _level: c_int) {
    // SAFETY: as in `exit`.
    let code = unsafe { info.err.as_ref() }.map(|errors| errors.msg_code);
    if code == Some(JWRN_HIT_MARKER as c_int) {
        ended();
    }
}

/// Says nothing.
unsafe extern "C-unwind" fn passed_over(_info: &mut jpeg_common_struct, _level: c_int) {}
