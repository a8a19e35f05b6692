//! The rows of an index's table, as the server finds them for a build.

use std::ffi::c_void;

use graph::insert::NewRow;
use half::f16;
use pgrx::{pg_guard, pg_sys};

use super::error::Result;
use super::filter::Columns;
use super::vectors::Vectors;
use super::{raise, tid};

/// What is handed the rows of a table, those whose vector is null left out.
pub trait Walk: Sized {
    /// How the index's values are read.
    fn columns(&self) -> (Vectors, &Columns);

    /// Takes a row.
    ///
    /// # Errors
    /// Whatever ends the walk; it is raised.
    fn row(&mut self, vector: &[f16], row: NewRow<'_>) -> Result<()>;

    /// Hands over all rows: with a `scan` those that it finds, and ends it. Returns how many rows the table has, by the
    /// server's count.
    ///
    /// # Safety
    /// The relations are open, `info` is on this index, and [`Self::columns`] are of it. The scan is null or one of the
    /// table that has begun.
    unsafe fn walk(
        &mut self,
        table: pg_sys::Relation,
        index: pg_sys::Relation,
        info: *mut pg_sys::IndexInfo,
        progress: bool,
        scan: pg_sys::TableScanDesc,
    ) -> f64 {
        let state: *mut Self = self;
        // SAFETY: as the caller vouches; the callback gets the state it expects.
        unsafe {
            pg_sys::table_index_build_scan(
                table,
                index,
                info,
                true,
                progress,
                Some(each::<Self>),
                state.cast(),
                scan,
            )
        }
    }
}

/// Called by the server for each row.
#[pg_guard]
unsafe extern "C-unwind" fn each<W: Walk>(
    _index: pg_sys::Relation,
    tid: pg_sys::ItemPointer,
    values: *mut pg_sys::Datum,
    nulls: *mut bool,
    _alive: bool,
    state: *mut c_void,
) {
    // SAFETY: the state is what `walk` gave along, and the index has one column of vectors, the first; the values are of its
    // columns.
    unsafe {
        let walk = &mut *state.cast::<W>();
        let (vectors, columns) = walk.columns();
        let vector = vectors.first(values, nulls);
        if let Some(vector) = vector.unwrap_or_else(|error| raise(error)) {
            let words = columns.words(values, nulls);
            let row = NewRow {
                tid: tid::tid(tid),
                words: words.as_slice(),
            };
            walk.row(&vector, row).unwrap_or_else(|error| raise(error));
        }
    }
}
