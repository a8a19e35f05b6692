//! A row more.

use graph::insert::{self, NewRow};
use pgrx::{pg_guard, pg_sys};

use super::error::Result;
use super::filter::Columns;
use super::pages::Pages;
use super::vectors::Vectors;
use super::{raise, tid};

/// Called for each row that is inserted, and for each new version of a row that is no heap-only tuple.
#[pg_guard]
#[allow(clippy::too_many_arguments)] // As the server calls it.
pub unsafe extern "C-unwind" fn insert(
    index: pg_sys::Relation,
    values: *mut pg_sys::Datum,
    nulls: *mut bool,
    tid: pg_sys::ItemPointer,
    _heap: pg_sys::Relation,
    _check: pg_sys::IndexUniqueCheck::Type,
    _unchanged: bool,
    _info: *mut pg_sys::IndexInfo,
) -> bool {
    let add = || -> Result<()> {
        // SAFETY: the index is open and has one column of vectors, the first; the values are of its columns.
        unsafe {
            if let Some(vector) = Vectors::of(index)?.first(values, nulls)? {
                let words = Columns::of(index)?.words(values, nulls);
                let row = NewRow {
                    tid: tid::tid(tid),
                    words: words.as_slice(),
                };
                let mut index = Pages::new(index).open()?;
                insert::insert(&mut index, &vector, row)?;
            }
        }
        Ok(())
    };
    add().unwrap_or_else(|error| raise(error));
    // Nothing is unique here.
    false
}
