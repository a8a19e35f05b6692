//! The process that works on the queues of a database: it embeds what is pending in the tables that `clip_auto_embed` has
//! put in mode queue, table by table as their owners, waits a moment for more, and ends, so that it does not stand in the
//! way of DROP DATABASE.

use super::queue;
use crate::{background, embed::Text};
use pgrx::{
    bgworkers::BackgroundWorker, check_for_interrupts, pg_guard, pg_sys, pg_sys::BackendState,
    prelude::*,
};
use std::{ffi::CStr, panic::AssertUnwindSafe, time::Duration};

/// How long it waits for more. DROP DATABASE waits for five seconds.
const LINGER: Duration = Duration::from_secs(2);

/// What the database or the server may have set otherwise for everyone, and must not be set for this.
const SETTINGS: &[(&CStr, &CStr)] = &[
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"default_transaction_isolation", c"read committed"),
    (c"default_transaction_read_only", c"off"),
    (c"statement_timeout", c"0"),
    (c"lock_timeout", c"0"),
    (c"idle_in_transaction_session_timeout", c"0"),
    #[cfg(any(feature = "pg17", feature = "pg18"))]
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
    queue::enter_worker();
    let mut first = true;
    loop {
        background::report(
            BackendState::STATE_RUNNING,
            "embedding what is pending in queues",
        );
        // Others wait for the process.
        if !work(first) || queue::is_crowded() {
            return;
        }
        first = false;
        background::report(BackendState::STATE_IDLE, "waiting for rows");
        if !queue::came() {
            background::wait(Some(LINGER));
            check_for_interrupts!();
            if !queue::came() {
                return;
            }
        }
    }
}

/// A call of `clip_work_queue`, see `sql/backfill.sql`, as far as SQL needs it to be: its state is kept between the
/// transactions. `prune` takes rows that are no longer pending off the list of errors, which is not worth its while each
/// time. Returns whether anything was pending.
fn work(prune: bool) -> bool {
    // SAFETY: a C string; the extension need not be there.
    let exists =
        || unsafe { pg_sys::get_extension_oid(c"clip_pg".as_ptr(), true) } != pg_sys::InvalidOid;
    if !BackgroundWorker::transaction(exists) {
        return false;
    }
    let begin =
        format!("SELECT s::text, s.ended FROM clip_pg.backfill_begin(NULL, NULL, 32, {prune}) s");
    let mut state = step(&begin, None);
    while let Some((known, false)) = state {
        check_for_interrupts!();
        background::reload_settings();
        state = step(
            "SELECT s::text, s.ended FROM clip_pg.backfill_step($1::clip_pg.backfill) s",
            Some(known),
        );
    }
    let end = "SELECT clip_pg.backfill_end($1::clip_pg.backfill)::text, true";
    let ended = state.and_then(|(state, _)| step(end, Some(state)));
    ended.is_some_and(|(visited, _)| visited.as_str() != "0")
}

/// Runs a statement with the state as its argument in a transaction; returns what it returns, a state and whether it is
/// the last.
fn step(statement: &str, state: Option<Text>) -> Option<(Text, bool)> {
    let next = BackgroundWorker::transaction(AssertUnwindSafe(|| {
        Spi::get_two_with_args::<Text, bool>(statement, &[state.into()])
    }));
    // SAFETY: outside of a transaction, as the server wants it; the statistics make autovacuum look after the tables.
    unsafe { pg_sys::pgstat_report_stat(false) };
    match next {
        Ok((Some(state), Some(ended))) => Some((state, ended)),
        _ => None,
    }
}
