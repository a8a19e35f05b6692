//! Tables that workers pass over for a while, because they have held one up: somebody has them locked, or their owner's code
//! takes its time.

use crate::server::own_database;
use crate::shmem::Shared;
use pgrx::prelude::*;

/// Tables that can be passed over at a time.
const TABLES: usize = 64;

/// For how many times as long as it has held up a worker a table is passed over: so it takes no more than a small part of
/// the time of workers.
const PASSED_FOR: i64 = 10;

static DELAYS: Shared<Delays> = Shared::new(c"clip_pg delays");

#[derive(Clone, Copy)]
struct Delays([Table; TABLES]);

impl Default for Delays {
    fn default() -> Self {
        Self(
            [Table {
                database: pg_sys::InvalidOid,
                oid: pg_sys::InvalidOid,
                until: pg_sys::TimestampTz::MIN,
            }; TABLES],
        )
    }
}

/// A table that has held up its database's worker.
#[derive(Clone, Copy)]
struct Table {
    database: pg_sys::Oid,
    oid: pg_sys::Oid,
    /// When it is tried again; before all times where there is none.
    until: pg_sys::TimestampTz,
}

/// Claims the shared memory; called while the library is preloaded.
pub fn register() {
    DELAYS.register();
}

/// Has workers pass over a table of this database that has held this one up since a time.
pub fn pass_over(oid: pg_sys::Oid, since: pg_sys::TimestampTz) {
    let (database, now) = (own_database(), now());
    let table = Table {
        database,
        oid,
        until: now.saturating_add(now.saturating_sub(since).saturating_mul(PASSED_FOR)),
    };
    let tables = &mut DELAYS.exclusive().0;
    let is_it = |known: &Table| (known.database, known.oid) == (database, oid);
    let known = tables.iter().position(is_it);
    // Where there is no room, the one that is tried next makes some.
    let next = || (0..TABLES).min_by_key(|&n| tables[n].until);
    if let Some(n) = known.or_else(next) {
        tables[n] = table;
    }
}

/// Whether workers pass over a table of this database now.
pub fn is_passed_over(oid: pg_sys::Oid) -> bool {
    let (database, now) = (own_database(), now());
    let tables = &DELAYS.share().0;
    tables
        .iter()
        .any(|known| (known.database, known.oid) == (database, oid) && known.until > now)
}

fn now() -> pg_sys::TimestampTz {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}
