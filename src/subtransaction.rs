//! Subtransactions inside a function.

use crate::text::to_utf8;
use pgrx::{
    PgLogLevel, PgSqlErrorCode, PgTryBuilder, pg_guard,
    pg_sys::{self, panic::CaughtError},
};
use std::{
    ffi::{CStr, c_void},
    panic::AssertUnwindSafe,
    ptr,
};

/// An error that ended a subtransaction.
pub struct Refused {
    /// Its SQLSTATE.
    pub code: PgSqlErrorCode,
    /// Its message.
    pub message: String,
}

/// Runs `work` in a subtransaction. An error whose SQLSTATE is `expected` undoes what was done and is returned, any other goes on.
pub fn attempt<T>(expected: impl Fn(i32) -> bool, work: impl FnOnce() -> T) -> Result<T, Refused> {
    let mut raised = Raised::default();
    // SAFETY: the server's own procedural languages do it in this order. Whatever ends `work` comes past here, and the
    // memory context and the resource owner are those of the transaction around it again. The callback is called only
    // meanwhile: pgrx puts the stack of callbacks back where it catches an error.
    let caught = unsafe {
        let context = pg_sys::CurrentMemoryContext;
        let owner = pg_sys::CurrentResourceOwner;
        pg_sys::BeginInternalSubTransaction(ptr::null());
        pg_sys::CurrentMemoryContext = context;
        raised.context = context;
        let mut callback = pg_sys::ErrorContextCallback {
            previous: pg_sys::error_context_stack,
            callback: Some(keep_message),
            arg: (&raw mut raised).cast(),
        };
        pg_sys::error_context_stack = &mut callback;
        let outcome = PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
            .catch_others(Err)
            .execute();
        pg_sys::error_context_stack = callback.previous;
        match &outcome {
            Ok(_) => pg_sys::ReleaseCurrentSubTransaction(),
            Err(_) => {
                pg_sys::CurrentMemoryContext = context;
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
        }
        pg_sys::CurrentMemoryContext = context;
        pg_sys::CurrentResourceOwner = owner;
        outcome
    };
    caught.map_err(|error| match error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
            if !expected(report.sql_error_code() as i32) {
                // Raised anew, be it the server's: that has let go of it where it was caught.
                CaughtError::ErrorReport(report).rethrow()
            }
            Refused {
                code: report.sql_error_code(),
                message: raised.message(report.message()),
            }
        }
        panic => panic.rethrow(),
    })
}

/// The message of the last error that was raised, as the server has it. What pgrx makes of it is UTF-8 with characters of
/// another encoding lost.
#[derive(Default)]
struct Raised {
    /// Where there is memory for a copy.
    context: pg_sys::MemoryContext,
    message: Vec<u8>,
}

impl Raised {
    /// The message that pgrx has `read`.
    fn message(&self, read: &str) -> String {
        // Another one may have been raised, and dealt with, while this one was on its way.
        match String::from_utf8_lossy(&self.message) == read {
            true => to_utf8(&self.message),
            false => read.to_owned(),
        }
    }
}

/// Keeps the message of an error that is being raised.
///
/// # Safety
/// The server calls it with the argument that it was given in [`attempt`], while that runs.
#[pg_guard]
unsafe extern "C-unwind" fn keep_message(raised: *mut c_void) {
    // SAFETY: `attempt` has put its own there, waits meanwhile, and does not look at it before this has returned.
    let raised = unsafe { &mut *raised.cast::<Raised>() };
    // SAFETY: the server calls this while it raises an error. The copy is made, and freed, in a context that is there, not in
    // that of errors, from which CopyErrorData must not be called; that one is the current one again afterwards.
    unsafe {
        let of_error = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = raised.context;
        let error = pg_sys::CopyErrorData();
        if (*error).elevel >= PgLogLevel::ERROR as i32 && !(*error).message.is_null() {
            raised.message = CStr::from_ptr((*error).message).to_bytes().to_vec();
        }
        pg_sys::FreeErrorData(error);
        pg_sys::CurrentMemoryContext = of_error;
    }
}
