//! What the extension's background processes have in common: how they begin, wait and tell what they do.

use pgrx::pg_sys;
use std::{
    ffi::{CString, c_int},
    time::Duration,
};

// The server's own handlers, as they are: what pgrx wraps around functions of the server is not for signal handlers.
unsafe extern "C-unwind" {
    #[link_name = "SignalHandlerForConfigReload"]
    fn on_sighup(signal: c_int);
    #[link_name = "die"]
    fn on_sigterm(signal: c_int);
}

/// Begins a process: signals, then a connection to a database as its superuser, or to none, for the shared catalogs only.
pub fn begin(database: Option<pg_sys::Oid>) {
    // SAFETY: what a background worker does at its start, in its one thread.
    unsafe {
        handle_signal(pg_sys::SIGHUP, on_sighup);
        handle_signal(pg_sys::SIGTERM, on_sigterm);
        pg_sys::BackgroundWorkerUnblockSignals();
        let database = database.unwrap_or(pg_sys::InvalidOid);
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
    }
}

/// # Safety
/// To be called before signals are unblocked.
unsafe fn handle_signal(signal: u32, handler: unsafe extern "C-unwind" fn(c_int)) {
    // SAFETY: as the caller promises; the handlers are the server's own.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(signal as i32, Some(handler));
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(signal as i32, Some(handler));
    }
}

/// Reads the configuration again after SIGHUP; returns whether it did.
pub fn reload_settings() -> bool {
    // SAFETY: as the server's own processes do it in their main loops.
    unsafe {
        if pg_sys::ConfigReloadPending == 0 {
            return false;
        }
        pg_sys::ConfigReloadPending = 0;
        pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
    }
    true
}

/// Tells pg_stat_activity what the process does.
pub fn report(state: pg_sys::BackendState::Type, activity: &str) {
    // None of it holds a 0.
    let activity = CString::new(activity).unwrap_or_default();
    // SAFETY: a string that ends with 0, which is copied.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::pgstat_report_activity(state, activity.as_ptr());
    }
}

/// Waits until the process's latch is set, by a signal, too, or the time is over. The main loop looks at its conditions
/// again.
pub fn wait(timeout: Option<Duration>) {
    let mut events = pg_sys::WL_LATCH_SET | pg_sys::WL_EXIT_ON_PM_DEATH;
    if timeout.is_some() {
        events |= pg_sys::WL_TIMEOUT;
    }
    let milliseconds = timeout.map_or(-1, |timeout| timeout.as_millis() as i64);
    // SAFETY: the process's own latch.
    unsafe {
        let latch = pg_sys::MyLatch;
        pg_sys::WaitLatch(
            latch,
            events as i32,
            milliseconds,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(latch);
    }
}
