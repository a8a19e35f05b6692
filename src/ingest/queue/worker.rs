//! The process that works on the queues of a database: it embeds what is pending in the tables that `clip_auto_embed` has
//! put in mode queue, table by table as their owners, waits a moment for more, and ends, so that it does not stand in the
//! way of DROP DATABASE. What is an owner's has a [limit] and a turn: nobody's tables wait for those of others for long.

use super::{databases, delays};
use crate::{
    background,
    error::{Returned, or_raise},
    ingest::{
        backfill::{self, Backfill, Visited},
        limit,
    },
};
use ::backfill::Scope;
use pgrx::{
    bgworkers::BackgroundWorker,
    check_for_interrupts, pg_guard,
    pg_sys::{self, BackendState},
};
use std::{
    ffi::CStr,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

/// How many rows are embedded between two commits.
const BATCH_SIZE: usize = 32;

/// How long it waits for more. DROP DATABASE waits for five seconds.
const LINGER: Duration = Duration::from_secs(2);

/// What the server's configuration may set otherwise for everyone, and must not be set for this.
const SETTINGS: &[(&CStr, &CStr)] = &[
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"default_transaction_isolation", c"read committed"),
    (c"default_transaction_read_only", c"off"),
    (c"statement_timeout", c"0"),
    (c"lock_timeout", c"0"),
    (c"idle_in_transaction_session_timeout", c"0"),
    #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16")))]
    (c"transaction_timeout", c"0"),
];

/// Entry point of the process, for the database whose OID is the argument.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn clip_pg_queue_worker(database: pg_sys::Datum) {
    background::begin(Some(pg_sys::Oid::from(database.value() as u32)));
    for (name, value) in SETTINGS {
        // SAFETY: the strings are constants.
        unsafe {
            pg_sys::SetConfigOption(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_OVERRIDE,
            );
        }
    }
    limit::impose();
    databases::enter_worker();
    let mut visited = Visited::default();
    let mut first = true;
    loop {
        background::report(
            BackendState::STATE_RUNNING,
            "embedding what is pending in queues",
        );
        // Others wait for the process.
        if !embed_pending(&mut visited, first) || databases::is_crowded() {
            return;
        }
        first = false;
        background::report(BackendState::STATE_IDLE, "waiting for rows");
        if !databases::came() {
            background::wait(Some(LINGER));
            check_for_interrupts!();
            if !databases::came() {
                return;
            }
        }
    }
}

/// Goes once through the tables that are in mode queue. `prunes` takes rows that are no longer pending off the list of
/// errors, which is not worth its while each time. Returns whether anything was pending.
fn embed_pending(visited: &mut Visited, prunes: bool) -> bool {
    // SAFETY: a C string; the extension need not be there.
    let exists =
        || unsafe { pg_sys::get_extension_oid(c"clip_pg".as_ptr(), true) } != pg_sys::InvalidOid;
    if !BackgroundWorker::transaction(exists) {
        databases::set_absent();
        return false;
    }
    let mut backfill = transaction(|| {
        let mut parts = backfill::in_queue()?;
        parts.retain(|part| !delays::is_passed_over(part.table));
        Backfill::begin(Scope::Queue, parts, BATCH_SIZE, prunes, |part| {
            let key = (part.table, part.target.as_str().to_owned());
            visited.start(&key, Instant::now())
        })
    });
    while !backfill.is_at_end() {
        check_for_interrupts!();
        background::reload_settings();
        transaction(|| {
            if let Some(table) = backfill.step(Some(visited))? {
                // SAFETY: reads a variable of this process.
                let since = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() };
                delays::pass_over(table, since);
            }
            Ok(())
        });
    }
    transaction(|| Ok(backfill.end() > 0))
}

/// Does `work` in a transaction. An error ends the process.
fn transaction<T>(work: impl FnOnce() -> Returned<T>) -> T {
    let done = BackgroundWorker::transaction(AssertUnwindSafe(|| or_raise(work())));
    // SAFETY: outside of a transaction, as the server wants it; the statistics make autovacuum look after the tables.
    unsafe { pg_sys::pgstat_report_stat(false) };
    done
}
