//! Refuses definitions that no index can be built by when they are made.
//!
//! The server asks an access method about a definition only when it builds an index. ALTER TABLE … TYPE keeps an index's
//! file where values stay as they are, and ALTER INDEX … SET builds nothing: what they accept would fail with the next
//! REINDEX, VACUUM FULL or TRUNCATE, and when a dump is restored. So the definition is looked at as it is written to the
//! catalogs, by the hook that the server has for that. Whoever opens an index has loaded this library.

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;

use pgrx::{pg_guard, pg_sys};

use super::error::{Error, Result};
use super::{filter, options, raise};
use crate::vector::base_type;

static mut NEXT: pg_sys::object_access_hook_type = None;

/// Puts the hook in place, once per process.
pub fn install() {
    // SAFETY: called while the library is loaded, in the process's one thread.
    unsafe {
        NEXT = pg_sys::object_access_hook;
        pg_sys::object_access_hook = Some(object_access);
    }
}

/// Called by the server when it has written an object to the catalogs, which does not see it yet.
#[pg_guard]
unsafe extern "C-unwind" fn object_access(
    access: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    part: c_int,
    argument: *mut c_void,
) {
    use pg_sys::ObjectAccessType::{OAT_POST_ALTER, OAT_POST_CREATE};
    // SAFETY: the hook that was there before gets what the server gave; the object is one of pg_class.
    unsafe {
        if let Some(next) = NEXT {
            pg_sys::ffi::pg_guard_ffi_boundary(|| next(access, class, object, part, argument));
        }
        if matches!(access, OAT_POST_CREATE | OAT_POST_ALTER)
            && class == pg_sys::RelationRelationId
            && part == 0
        {
            check(object).unwrap_or_else(|error| raise(error));
        }
    }
}

/// Fails where a relation is an index of this access method, of a partitioned table or not, that cannot be built.
///
/// # Safety
/// To be called where the catalogs can be read.
unsafe fn check(relation: pg_sys::Oid) -> Result<()> {
    // SAFETY: the rows are of the catalogs that they are taken for; an index has a first column.
    unsafe {
        let class = find(
            pg_sys::RelationRelationId,
            pg_sys::ClassOidIndexId,
            &mut [key(
                pg_sys::Anum_pg_class_oid,
                pg_sys::F_OIDEQ,
                relation.into(),
            )],
            |row, description| {
                let class = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_class>();
                let kind = class.relkind as u8;
                let ours = matches!(
                    kind,
                    pg_sys::RELKIND_INDEX | pg_sys::RELKIND_PARTITIONED_INDEX
                ) && class.relam
                    == pg_sys::get_index_am_oid(c"clip_hnsw".as_ptr(), true);
                ours.then(|| {
                    let options = pg_sys::extractRelOptions(row, description, Some(options::parse));
                    let name = CStr::from_ptr(class.relname.data.as_ptr());
                    (
                        options,
                        class.relnatts,
                        crate::text::to_utf8(name.to_bytes()),
                    )
                })
            },
        );
        let Some((options, columns, name)) = class.flatten() else {
            return Ok(());
        };
        let columns = filter::count(columns)?;
        let first = 1i16;
        let column = find(
            pg_sys::AttributeRelationId,
            pg_sys::AttributeRelidNumIndexId,
            &mut [
                key(
                    pg_sys::Anum_pg_attribute_attrelid,
                    pg_sys::F_OIDEQ,
                    relation.into(),
                ),
                key(
                    pg_sys::Anum_pg_attribute_attnum,
                    pg_sys::F_INT2EQ,
                    first.into(),
                ),
            ],
            |row, _| {
                let column = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_attribute>();
                (column.atttypid, column.atttypmod)
            },
        );
        let Some((r#type, modifier)) = column else {
            return Ok(());
        };
        // The server's own types have no class of vectors.
        if base_type(r#type, modifier).0.to_u32() < pg_sys::FirstNormalObjectId {
            return Err(Error::FirstColumn(name));
        }
        options::dimensions_and_options(options.cast(), r#type, modifier, columns).map(drop)
    }
}

/// A condition that a column of a catalog equals a value.
fn key(column: u32, function: u32, value: pg_sys::Datum) -> pg_sys::ScanKeyData {
    let mut key = MaybeUninit::zeroed();
    // SAFETY: fills the key that it is given; the function is one of the server's own.
    unsafe {
        pg_sys::ScanKeyInit(
            key.as_mut_ptr(),
            column as i16,
            pg_sys::BTEqualStrategyNumber as u16,
            function.into(),
            value,
        );
        key.assume_init()
    }
}

/// Reads the row of a catalog that has the `keys`, as the current command has written it.
///
/// # Safety
/// `index` is one of the catalog's, and on the columns of `keys`.
unsafe fn find<T>(
    catalog: pg_sys::Oid,
    index: u32,
    keys: &mut [pg_sys::ScanKeyData],
    read: impl FnOnce(pg_sys::HeapTuple, pg_sys::TupleDesc) -> T,
) -> Option<T> {
    // SAFETY: the keys are on the columns of the index, as the caller vouches; a row of a catalog stays as it is until the
    // scan ends, and `read` is done with it by then.
    unsafe {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::table_open(catalog, lock);
        let scan = pg_sys::systable_beginscan(
            relation,
            index.into(),
            true,
            &raw mut pg_sys::SnapshotSelfData,
            keys.len() as c_int,
            keys.as_mut_ptr(),
        );
        let row = pg_sys::systable_getnext(scan);
        let found = (!row.is_null()).then(|| read(row, (*relation).rd_att));
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, lock);
        found
    }
}
