//! Subtransactions inside a function.

use pgrx::{
    PgSqlErrorCode, PgTryBuilder,
    pg_sys::{self, panic::CaughtError},
};
use std::{panic::AssertUnwindSafe, ptr};

/// An error that ended a subtransaction.
pub struct Refused {
    /// Its SQLSTATE.
    pub code: PgSqlErrorCode,
    /// Its message.
    pub message: String,
}

/// Runs `work` in a subtransaction. An error whose SQLSTATE is `expected` undoes what was done and is returned, any other goes on.
pub fn attempt<T>(expected: impl Fn(i32) -> bool, work: impl FnOnce() -> T) -> Result<T, Refused> {
    // SAFETY: the server's own procedural languages do it in this order. Whatever ends `work` comes past here, and the
    // memory context and the resource owner are those of the transaction around it again.
    let caught = unsafe {
        let context = pg_sys::CurrentMemoryContext;
        let owner = pg_sys::CurrentResourceOwner;
        pg_sys::BeginInternalSubTransaction(ptr::null());
        pg_sys::CurrentMemoryContext = context;
        let outcome = PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
            .catch_others(Err)
            .execute();
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
    caught.map_err(|error| match &error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report)
            if expected(report.sql_error_code() as i32) =>
        {
            Refused {
                code: report.sql_error_code(),
                message: report.message().to_owned(),
            }
        }
        _ => error.rethrow(),
    })
}
