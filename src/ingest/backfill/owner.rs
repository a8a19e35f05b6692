//! Acting as the owner of a table whose rows are read and written.

use crate::{
    ingest::{limit::Limit, table::Table},
    role::{As, Setting},
};
use pgrx::pg_sys;
use std::cell::Cell;

/// Until it is dropped, statements run as a table's owner, and in a worker for a limited time.
pub struct Owner {
    _limit: Option<Limit>,
    _role: As,
}

thread_local! {
    /// The owner that this process has acted as last.
    static LAST_OWNER: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

impl Owner {
    /// The owner of a table, with `settings` in force besides the usual.
    pub fn of(table: &Table, settings: impl IntoIterator<Item = &'static Setting>) -> Self {
        if LAST_OWNER.replace(table.owner) != table.owner {
            // Of indexes the server keeps expressions with functions in SQL put in, whose names were looked up by the search
            // path of whoever first had a query on the table planned. Those who had their code run before must not have
            // chosen what is called as this owner.
            // SAFETY: what the server does itself wherever it has missed too many changes of the catalogs, as when it opens
            // a table.
            unsafe { pg_sys::InvalidateSystemCaches() };
        }
        Self {
            _limit: Limit::begin(table.relation),
            _role: As::role(table.owner, settings),
        }
    }
}
