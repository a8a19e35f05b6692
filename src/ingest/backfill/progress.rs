//! How far a call of `clip_backfill` has come, for other sessions to see. It is kept where the server keeps the progress of
//! its own commands, in shared memory beside what pg_stat_activity shows, and is gone with the call or the process.

use crate::server::own_database;
use backfill::Counts;
use pgrx::{datum::TimestampWithTimeZone, pg_sys, prelude::*};

/// What stands for the command; none of the server's own, whose views do not show it.
const COMMAND: pg_sys::ProgressCommandType::Type = 0x636c6970;

/// Parameters of the command.
const TOTAL: usize = 0;
const EMBEDDED: usize = 1;
const FAILED: usize = 2;
const BEGAN: usize = 3;

/// Tells how far this session has come with a table.
pub fn report(relation: pg_sys::Oid, total: u64, counts: Counts, began: pg_sys::TimestampTz) {
    // SAFETY: the entry is this process's own, null where it has none.
    let Some(entry) = (unsafe { pg_sys::MyBEEntry.as_ref() }) else {
        return;
    };
    // Ends with the transaction if that fails.
    if entry.st_progress_command != COMMAND {
        // SAFETY: writes to the entry of this process.
        unsafe { pg_sys::pgstat_progress_start_command(COMMAND, relation) };
    }
    for (parameter, value) in [
        (TOTAL, total as i64),
        (EMBEDDED, counts.embedded as i64),
        (FAILED, counts.failed as i64),
        (BEGAN, began),
    ] {
        // SAFETY: an entry has twenty parameters.
        unsafe { pg_sys::pgstat_progress_update_param(parameter as i32, value) };
    }
}

/// Tells that this session has come to the end.
pub fn end() {
    // SAFETY: writes what is this process's own, if it is in use.
    unsafe { pg_sys::pgstat_progress_end_command() };
}

/// What sessions in this database tell, of those of the current user's roles.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn backfill_progress() -> TableIterator<
    'static,
    (
        name!(pid, i32),
        name!(relation, pg_sys::Oid),
        name!(total, i64),
        name!(embedded, i64),
        name!(failed, i64),
        name!(began, Option<TimestampWithTimeZone>),
    ),
> {
    // SAFETY: copies the entries of all processes for this one.
    let count = unsafe { pg_sys::pgstat_fetch_stat_numbackends() };
    let rows: Vec<_> = (1..=count)
        .filter_map(entry)
        .filter(|entry| {
            entry.st_progress_command == COMMAND
                && entry.st_databaseid == own_database()
                && may_see(entry.st_userid)
        })
        .map(|entry| {
            let parameter = |n: usize| entry.st_progress_param[n];
            (
                entry.st_procpid,
                entry.st_progress_command_target,
                parameter(TOTAL),
                parameter(EMBEDDED),
                parameter(FAILED),
                TimestampWithTimeZone::try_from(parameter(BEGAN)).ok(),
            )
        })
        .collect();
    TableIterator::new(rows)
}

/// What the server has copied of a process, numbered from 1.
fn entry<'a>(n: i32) -> Option<&'a pg_sys::PgBackendStatus> {
    // SAFETY: the copies stay until the end of the transaction, which that of the query is not after; of a number that there is
    // not the server returns null.
    unsafe {
        #[cfg(any(feature = "pg14", feature = "pg15"))]
        let entry = pg_sys::pgstat_fetch_stat_local_beentry(n);
        #[cfg(not(any(feature = "pg14", feature = "pg15")))]
        let entry = pg_sys::pgstat_get_local_beentry_by_index(n);
        Some(&entry.as_ref()?.backendStatus)
    }
}

/// As the server decides who sees what a session does.
fn may_see(role: pg_sys::Oid) -> bool {
    let all = pg_sys::Oid::from(pg_sys::ROLE_PG_READ_ALL_STATS);
    // SAFETY: looks the current user up in the catalogs.
    unsafe {
        let user = pg_sys::GetUserId();
        pg_sys::has_privs_of_role(user, all) || pg_sys::has_privs_of_role(user, role)
    }
}
