//! What is read of an open index, and of the values that are put into it.

use std::ffi::CStr;

use pgrx::{PgRelation, pg_sys};

/// Type and type modifier of an index's column of vectors, its first.
///
/// # Safety
/// `index` is an open index of this access method.
pub unsafe fn column(index: pg_sys::Relation) -> (pg_sys::Oid, i32) {
    // SAFETY: the index is open, as the caller vouches, and it is not closed here: the value only borrows it.
    let index = unsafe { PgRelation::from_pg(index) };
    index
        .tuple_desc()
        .get(0)
        .map_or((pg_sys::InvalidOid, -1), |column| {
            (column.atttypid, column.atttypmod)
        })
}

/// The name of a relation.
///
/// # Safety
/// `relation` is open.
pub unsafe fn name(relation: pg_sys::Relation) -> String {
    // SAFETY: an open relation has its row of pg_class, and a name of that type ends with 0.
    let name = unsafe { CStr::from_ptr((*(*relation).rd_rel).relname.data.as_ptr()) };
    crate::text::to_utf8(name.to_bytes())
}
