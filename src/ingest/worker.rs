//! The process that works on the queues of a database: it embeds what is pending in the tables that `clip_auto_embed` has
//! put in mode queue, table by table as their owners, waits a moment for more, and ends, so that it does not stand in the
//! way of DROP DATABASE. What is an owner's has a [limit] and a turn: nobody's tables wait for those of others for long.

use super::{limit, queue};
use crate::{background, error, ingest::Error, sql};
use pgrx::{
    PgMemoryContexts,
    bgworkers::BackgroundWorker,
    check_for_interrupts,
    datum::DatumWithOid,
    pg_guard,
    pg_sys::{self, BackendState, panic::ErrorReport},
    spi::SpiError,
};
use std::{ffi::CStr, panic::AssertUnwindSafe, time::Duration};

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
    limit::impose();
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
        queue::set_absent();
        return false;
    }
    let begin =
        format!("SELECT s, s.ended FROM clip_pg.backfill_begin(NULL, NULL, 32, {prune}, true) s");
    let (mut state, mut ended) = step(&begin, &[]);
    while !ended {
        check_for_interrupts!();
        background::reload_settings();
        (state, ended) = step(
            "SELECT s, s.ended FROM clip_pg.backfill_step($1) s",
            &[state.argument()],
        );
    }
    let end = "SELECT $1, clip_pg.backfill_end($1) > 0";
    step(end, &[state.argument()]).1
}

/// The state of a backfill, a row of the type `clip_pg.backfill`, which outlives transactions.
struct State {
    row: *mut pg_sys::varlena,
    r#type: pg_sys::Oid,
}

impl State {
    /// Copies a row.
    ///
    /// # Safety
    /// `row` is a row of the composite type `type`.
    unsafe fn copy(row: pg_sys::Datum, r#type: pg_sys::Oid) -> Self {
        // SAFETY: the contract. A row is a varlena without pointers to others, in memory that only `drop` frees.
        let row = unsafe {
            PgMemoryContexts::TopMemoryContext
                .switch_to(|_| pg_sys::pg_detoast_datum_copy(row.cast_mut_ptr()))
        };
        Self { row, r#type }
    }

    fn argument(&self) -> DatumWithOid<'_> {
        // SAFETY: a row of that type, which lives as long as this.
        unsafe { DatumWithOid::new(pg_sys::Datum::from(self.row), self.r#type) }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: `copy` allocated it.
        unsafe { pg_sys::pfree(self.row.cast()) };
    }
}

/// Runs a statement in a transaction that returns a state, and something about it.
fn step(statement: &str, arguments: &[DatumWithOid<'_>]) -> (State, bool) {
    let next = BackgroundWorker::transaction(AssertUnwindSafe(|| {
        sql::connect(|client| {
            let row = client.update(statement, arguments)?.first();
            let r#type = row.column_type_oid(1)?.value();
            let state = row
                .get_datum_by_ordinal(1)?
                .ok_or(SpiError::InvalidPosition)?;
            // SAFETY: the datum is of that type.
            let state = unsafe { State::copy(state, r#type) };
            Ok((state, row.get(2)?.unwrap_or_default()))
        })
    }));
    // SAFETY: outside of a transaction, as the server wants it; the statistics make autovacuum look after the tables.
    unsafe { pg_sys::pgstat_report_stat(false) };
    next.unwrap_or_else(|error: SpiError| {
        // The functions return a state or raise an error, so this is one of the extension's own. It ends the process.
        ErrorReport::from(error::Error::from(Error::Statement(error)))
            .report(pgrx::PgLogLevel::ERROR);
        unreachable!("an error does not return")
    })
}
