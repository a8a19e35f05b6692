//! Marking rows as pending that are embedded already: with an unchanged source a trigger does not let go of an embedding
//! otherwise.

use crate::{error::Returned, ingest::table::report, sql, text::Text};
use pgrx::{pg_sys, prelude::*};
use std::cell::RefCell;

thread_local! {
    /// Tables in which an UPDATE that is being run marks rows.
    static TABLES: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

/// Runs an UPDATE, with the caller's rights, that marks rows of some tables by a target that is NULL; returns how many.
#[pg_extern(sql = false)]
fn mark(tables: Vec<Option<pg_sys::Oid>>, statement: Text) -> Returned<i64> {
    sql::connect(|client| {
        let _marking = Marking::begin(tables.into_iter().flatten());
        let marked = report(client.update(statement.as_str(), &[]))?;
        Ok(marked.len() as i64)
    })
}

/// Whether an UPDATE that sets the target of rows in a table to NULL marks them.
pub fn is_marking(table: pg_sys::Oid) -> bool {
    TABLES.with_borrow(|tables| tables.contains(&table))
}

/// Rows are marked in some tables until it is dropped, be it by an error.
struct Marking {
    before: usize,
}

impl Marking {
    fn begin(tables: impl Iterator<Item = pg_sys::Oid>) -> Self {
        TABLES.with_borrow_mut(|marked| {
            let before = marked.len();
            marked.extend(tables);
            Self { before }
        })
    }
}

impl Drop for Marking {
    fn drop(&mut self) {
        TABLES.with_borrow_mut(|marked| marked.truncate(self.before));
    }
}
