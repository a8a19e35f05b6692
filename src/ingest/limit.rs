//! How long a queue worker lets the code of a table's owner run: triggers, policies, expressions of indexes.
//!
//! A worker is one for all owners of a database. A statement that takes too long is canceled; code that catches that and
//! goes on ends the worker, which the launcher starts again.

use crate::guc;
use backfill::Circumstances;
use pgrx::pg_sys;
use std::{
    cell::Cell,
    ffi::c_int,
    sync::atomic::{AtomicI32, Ordering::Relaxed},
};

/// The server's timeout that cancels a statement; only sessions start it by themselves.
const STATEMENT_TIMEOUT: c_int = 3;

/// Any number this high stands for a timeout of an extension's.
const NEW_TIMEOUT: c_int = 1000;

/// How much longer code that was canceled may take to end.
const GRACE: c_int = 10_000;

// What pgrx does not declare, of the server's utils/timeout.h.
unsafe extern "C-unwind" {
    #[link_name = "RegisterTimeout"]
    fn register_timeout(id: c_int, handler: unsafe extern "C-unwind" fn()) -> c_int;
    #[link_name = "enable_timeout_after"]
    fn enable_timeout_after(id: c_int, milliseconds: c_int);
    #[link_name = "disable_timeout"]
    fn disable_timeout(id: c_int, keep_indicator: bool);
}

/// The timeout that ends the process, in a worker.
static END: AtomicI32 = AtomicI32::new(0);

thread_local! {
    /// The table whose owner's code runs, and since when.
    static AT_HAND: Cell<Option<(pg_sys::Oid, pg_sys::TimestampTz)>> = const { Cell::new(None) };
}

/// Whether this process is one that has limits.
pub fn is_imposed() -> bool {
    END.load(Relaxed) != 0
}

/// The table whose owner's code runs, and since when.
pub fn at_hand() -> Option<(pg_sys::Oid, pg_sys::TimestampTz)> {
    AT_HAND.get()
}

/// What this process knows of errors that are raised in it.
pub fn circumstances() -> Circumstances {
    Circumstances {
        is_limited: is_imposed(),
        has_policies: false,
    }
}

/// Makes this process one that has limits; called once.
pub fn impose() {
    // SAFETY: the process is connected, by which timeouts are set up.
    END.store(unsafe { register_timeout(NEW_TIMEOUT, end) }, Relaxed);
}

/// Ends the process as an administrator would, which no code can catch.
unsafe extern "C-unwind" fn end() {
    // SAFETY: sends a signal, as a signal handler may; the server's own handler does the rest.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
}

/// Until it is dropped, what runs in a worker does so for a limited time. There is one at a time.
pub struct Limit(());

impl Limit {
    /// Begins it for statements on a table. In other processes there is none.
    pub fn begin(table: pg_sys::Oid) -> Option<Self> {
        let end = END.load(Relaxed);
        let limit = guc::queue_timeout();
        if end == 0 || limit == 0 {
            return None;
        }
        // SAFETY: both timeouts are registered.
        unsafe {
            AT_HAND.set(Some((table, pg_sys::GetCurrentTimestamp())));
            enable_timeout_after(STATEMENT_TIMEOUT, limit);
            enable_timeout_after(end, limit.saturating_add(GRACE));
        }
        Some(Self(()))
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        AT_HAND.set(None);
        // SAFETY: both timeouts are registered; one that has passed may be disabled, too.
        unsafe {
            disable_timeout(STATEMENT_TIMEOUT, false);
            disable_timeout(END.load(Relaxed), false);
        }
    }
}
