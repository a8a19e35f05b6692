//! Marking rows as pending that are embedded already: with an unchanged source a trigger does not let go of an embedding
//! otherwise.

use crate::{
    error::{self, Returned},
    ingest::{
        error::Error,
        nodes::{cast, nth},
        table::report,
    },
    sql,
    text::Text,
};
use pgrx::{pg_sys, prelude::*};
use std::cell::RefCell;

thread_local! {
    /// Tables in which an UPDATE that is being run marks rows.
    static TABLES: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

/// Runs an UPDATE, with the caller's rights, that marks rows of some tables by a target that is NULL; returns how many.
#[pg_extern(sql = false)]
fn mark(tables: Vec<Option<pg_sys::Oid>>, statement: Text) -> Returned<i64> {
    if !is_update(&statement) {
        return Err(error::Error::from(Error::NotACondition).into());
    }
    sql::connect(|client| {
        let _marking = Marking::begin(tables.into_iter().flatten());
        let marked = report(client.update(statement.as_str(), &[]))?;
        Ok(marked.len() as i64)
    })
}

/// Whether it is one UPDATE and nothing else: the condition in it is whatever a user has written.
fn is_update(statement: &Text) -> bool {
    let statement = sql::encoded(statement.as_str());
    let mode = pg_sys::RawParseMode::RAW_PARSE_DEFAULT;
    // SAFETY: the server reads a string that ends with 0, or raises an error, and returns a list of statements as they were
    // written, each of them a node.
    unsafe {
        let statements = pg_sys::raw_parser(statement.as_ptr(), mode);
        let first: Option<&pg_sys::RawStmt> = nth(statements, 0).and_then(|node| cast(node));
        nth(statements, 1).is_none()
            && first.is_some_and(|first| cast::<pg_sys::UpdateStmt>(first.stmt).is_some())
    }
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
