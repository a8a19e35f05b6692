//! What the extension's background processes have in common: how they begin, wait and tell what they do.

use pgrx::pg_sys;
use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_int},
    slice,
    time::Duration,
};

// The server's own handlers, as they are: what pgrx wraps around functions of the server is not for signal handlers.
unsafe extern "C-unwind" {
    #[link_name = "SignalHandlerForConfigReload"]
    fn on_sighup(
        signal: c_int,
        #[cfg(not(any(
            feature = "pg14",
            feature = "pg15",
            feature = "pg16",
            feature = "pg17",
            feature = "pg18"
        )))]
        sender: *const pg_sys::pg_signal_info,
    );
    #[link_name = "die"]
    fn on_sigterm(
        signal: c_int,
        #[cfg(not(any(
            feature = "pg14",
            feature = "pg15",
            feature = "pg16",
            feature = "pg17",
            feature = "pg18"
        )))]
        sender: *const pg_sys::pg_signal_info,
    );
}

/// Begins a process: signals, then a connection to a database as its superuser, or to none, for the shared catalogs only.
/// Its settings are those of the server: none that is made for a database or a role reaches it.
pub fn begin(database: Option<pg_sys::Oid>) {
    // SAFETY: what a background worker does at its start, in its one thread.
    let settings = unsafe {
        handle_signal(pg_sys::SIGHUP, Some(on_sighup));
        handle_signal(pg_sys::SIGTERM, Some(on_sigterm));
        pg_sys::BackgroundWorkerUnblockSignals();
        let settings = database.map(|_| settings_of_server());
        let database = database.unwrap_or(pg_sys::InvalidOid);
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
        settings
    };
    if let Some(settings) = settings {
        restore(&settings);
    }
}

/// The values that settings have as the server's configuration and command line make them, before there is a connection.
///
/// # Safety
/// To be called before the process connects.
unsafe fn settings_of_server() -> HashMap<CString, CString> {
    // SAFETY: the functions of the extension are written in PL/pgSQL, whose settings are known with its library; names and
    // values are C strings, which are copied at once.
    unsafe {
        pg_sys::load_file(c"$libdir/plpgsql".as_ptr(), false);
        let value = |name: &CStr| {
            let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
            (!value.is_null()).then(|| CStr::from_ptr(value).to_owned())
        };
        let names = settings().into_iter().map(|(name, _)| name);
        names
            .filter_map(|name| value(&name).map(|value| (name, value)))
            .collect()
    }
}

/// Undoes what is set for the database, for roles, or for all of them. Settings that no library in this process has declared
/// stay as they are: they are for code of others.
fn restore(settings_of_server: &HashMap<CString, CString>) {
    use pg_sys::GucSource::{
        PGC_S_DATABASE, PGC_S_DATABASE_USER, PGC_S_GLOBAL, PGC_S_OVERRIDE, PGC_S_USER,
    };
    // SAFETY: the process is connected, and in a transaction, because some settings are looked up in the catalogs; the values
    // were in force before. The user, whom a setting may have changed, is again the one that the process began as.
    unsafe {
        pg_sys::StartTransactionCommand();
        let superuser = pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID);
        if pg_sys::GetSessionUserId() != superuser {
            pg_sys::SetSessionAuthorization(superuser, true);
        }
        for (name, source) in settings() {
            if !matches!(
                source,
                PGC_S_GLOBAL | PGC_S_DATABASE | PGC_S_USER | PGC_S_DATABASE_USER
            ) {
                continue;
            }
            if let Some(value) = settings_of_server.get(&name) {
                let context = pg_sys::GucContext::PGC_POSTMASTER;
                pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), context, PGC_S_OVERRIDE);
            }
        }
        pg_sys::CommitTransactionCommand();
    }
}

/// Names of all settings, and where their values are from.
fn settings() -> Vec<(CString, pg_sys::GucSource::Type)> {
    // SAFETY: the server's list of as many settings as it says; it does not change while it is read.
    unsafe {
        #[cfg(any(feature = "pg14", feature = "pg15"))]
        let (settings, count) = (pg_sys::get_guc_variables(), pg_sys::GetNumConfigOptions());
        #[cfg(not(any(feature = "pg14", feature = "pg15")))]
        let (settings, count) = {
            let mut count = 0;
            (pg_sys::get_guc_variables(&mut count), count)
        };
        let settings = slice::from_raw_parts(settings, count as usize);
        settings
            .iter()
            .map(|&setting| {
                (
                    CStr::from_ptr((*setting).name).to_owned(),
                    (*setting).source,
                )
            })
            .collect()
    }
}

/// # Safety
/// To be called before signals are unblocked.
unsafe fn handle_signal(signal: u32, handler: pg_sys::pqsigfunc) {
    // SAFETY: no signal comes before they are unblocked; the handlers are functions of the server made for this.
    unsafe {
        #[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17"))]
        pg_sys::pqsignal(signal as i32, handler);
        #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
        pg_sys::pqsignal_be(signal as i32, handler);
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
