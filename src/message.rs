//! Messages that end nothing, in the database's encoding: notices, warnings, and errors that a caller has asked for.
//!
//! Errors that are raised go through pgrx, which hands UTF-8 to the server.

use crate::text::{from_utf8, with_counterparts};
use pgrx::{
    PgLogLevel, PgSqlErrorCode,
    pg_sys::{ffi::pg_guard_ffi_boundary, panic::ErrorReport},
};
use std::{
    ffi::{CStr, CString, c_char, c_int},
    ptr,
};

// What pgrx leaves out, as it makes errors in another way.
unsafe extern "C-unwind" {
    fn errstart(level: c_int, domain: *const c_char) -> bool;
    fn errcode(code: c_int) -> c_int;
    fn errmsg_internal(format: *const c_char, ...) -> c_int;
    fn errdetail_internal(format: *const c_char, ...) -> c_int;
    fn errhint(format: *const c_char, ...) -> c_int;
    fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
}

/// Sends what a report says at a level below ERROR, and goes on. A report does not tell its code.
pub fn tell(level: PgLogLevel, code: PgSqlErrorCode, report: &ErrorReport) {
    const FILE: &CStr = c"clip_pg";
    let strings = Strings::of(code, report);
    // SAFETY: what errstart begins is filled in and ended; errfinish may raise another error, of a query that was
    // canceled, say.
    unsafe {
        pg_guard_ffi_boundary(|| {
            if errstart(level as c_int, ptr::null()) {
                strings.fill();
                errfinish(FILE.as_ptr(), 0, ptr::null());
            }
        });
    }
}

/// Sends a notice.
pub fn notice(text: String) {
    let code = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
    tell(PgLogLevel::NOTICE, code, &ErrorReport::new(code, text, ""));
}

/// What a report says, as the server takes it.
pub struct Strings {
    code: c_int,
    message: CString,
    detail: Option<CString>,
    hint: Option<CString>,
}

impl Strings {
    pub fn of(code: PgSqlErrorCode, report: &ErrorReport) -> Self {
        let encoded = |text: &str| {
            let text = with_counterparts(text.to_owned());
            CString::new(from_utf8(&text)).unwrap_or_default()
        };
        Self {
            code: code as c_int,
            message: encoded(report.message()),
            detail: report.detail().map(encoded),
            hint: report.hint().map(encoded),
        }
    }

    /// Fills in the error that was begun last.
    ///
    /// # Safety
    /// One was begun.
    pub unsafe fn fill(&self) {
        // SAFETY: there is an error that these fill in, as the caller says; the strings end with 0, and are copied.
        unsafe {
            errcode(self.code);
            errmsg_internal(c"%s".as_ptr(), self.message.as_ptr());
            if let Some(detail) = &self.detail {
                errdetail_internal(c"%s".as_ptr(), detail.as_ptr());
            }
            if let Some(hint) = &self.hint {
                errhint(c"%s".as_ptr(), hint.as_ptr());
            }
        }
    }
}
