//! `VACUUM`, and the check of `CREATE INDEX CONCURRENTLY` that reads all rows of an index through it.

use std::ffi::c_void;

use graph::retrain::retrain;
use graph::store::PageStore;
use pgrx::{pg_guard, pg_sys};

use super::error::Result;
use super::pages::Pages;
use super::raise;
use super::tid::item_pointer;

#[pg_guard]
pub unsafe extern "C-unwind" fn bulk_delete(
    info: *mut pg_sys::IndexVacuumInfo,
    stats: *mut pg_sys::IndexBulkDeleteResult,
    callback: pg_sys::IndexBulkDeleteCallback,
    state: *mut c_void,
) -> *mut pg_sys::IndexBulkDeleteResult {
    let Some(callback) = callback else {
        return stats;
    };
    // SAFETY: the information, the callback and its state are the server's, the index is open.
    unsafe {
        let delete = || -> Result<_> {
            let mut index = Pages::new((*info).index)
                .for_vacuum((*info).strategy)
                .open()?;
            Ok(graph::vacuum::bulk_delete(&mut index, |tid| {
                let mut tid = item_pointer(tid);
                // The callback compares, or puts the row into a sort; it neither locks nor waits for a page.
                pg_sys::ffi::pg_guard_ffi_boundary(|| callback(&mut tid, state))
            })?)
        };
        let done = delete().unwrap_or_else(|error| raise(error));
        let stats = or_new(stats);
        (*stats).estimated_count = false;
        (*stats).num_index_tuples = done.rows as f64;
        (*stats).tuples_removed += done.removed as f64;
        stats
    }
}

/// Ends a vacuum. An index that has grown from nothing learns its codes here, and what searches may not reach is linked
/// again, also where no row was dead.
#[pg_guard]
pub unsafe extern "C-unwind" fn cleanup(
    info: *mut pg_sys::IndexVacuumInfo,
    stats: *mut pg_sys::IndexBulkDeleteResult,
) -> *mut pg_sys::IndexBulkDeleteResult {
    // SAFETY: the information is the server's, the index is open.
    unsafe {
        if (*info).analyze_only {
            return stats;
        }
        let pages = Pages::new((*info).index).for_vacuum((*info).strategy);
        let clean = || -> Result<_> {
            retrain(&mut pages.open()?)?;
            Ok(pages.blocks()?)
        };
        let blocks = clean().unwrap_or_else(|error| raise(error));
        pg_sys::IndexFreeSpaceMapVacuum((*info).index);
        if stats.is_null() {
            let stats = or_new(stats);
            (*stats).num_pages = blocks;
            (*stats).estimated_count = true;
            (*stats).num_index_tuples = (*info).num_heap_tuples;
            return stats;
        }
        (*stats).num_pages = blocks;
        stats
    }
}

/// # Safety
/// `stats` is null or the server's.
unsafe fn or_new(stats: *mut pg_sys::IndexBulkDeleteResult) -> *mut pg_sys::IndexBulkDeleteResult {
    if stats.is_null() {
        // SAFETY: allocates a struct for which zeros are valid.
        unsafe { pg_sys::palloc0(size_of::<pg_sys::IndexBulkDeleteResult>()).cast() }
    } else {
        stats
    }
}
