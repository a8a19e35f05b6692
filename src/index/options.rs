//! Storage parameters of an index, and what it takes from its definition.

use std::ffi::CStr;
use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use graph::index::Parameters;
use graph::layout::{MAX_M, Shape};
use graph::space::Metric;
use pgrx::{pg_guard, pg_sys};

use super::error::{Error, Result};
use super::{SUPPORT_METRIC, filter, relation};
use crate::vector::base_type;

/// `m` where it is not set.
pub const DEFAULT_M: i32 = 16;
pub const DEFAULT_EF_CONSTRUCTION: i32 = 64;

/// `WITH (m = …, ef_construction = …)`, as the server keeps it with the index.
#[repr(C)]
struct Options {
    varlena: i32,
    m: i32,
    ef_construction: i32,
}

/// What the server calls the set of parameters; each process asks for a number of its own.
static KIND: AtomicU32 = AtomicU32::new(0);

/// Declares the parameters; once per process.
pub fn declare() {
    let lock = pg_sys::AccessExclusiveLock as i32;
    // SAFETY: called while the library is loaded, with strings that end with 0.
    unsafe {
        let kind = pg_sys::add_reloption_kind();
        pg_sys::add_int_reloption(
            kind,
            c"m".as_ptr(),
            c"Half the number of neighbours of a node".as_ptr(),
            DEFAULT_M,
            2,
            MAX_M as i32,
            lock,
        );
        pg_sys::add_int_reloption(
            kind,
            c"ef_construction".as_ptr(),
            c"Number of candidates among which a new node's neighbours are chosen".as_ptr(),
            DEFAULT_EF_CONSTRUCTION,
            4,
            1000,
            lock,
        );
        KIND.store(kind, Relaxed);
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn parse(
    options: pg_sys::Datum,
    validate: bool,
) -> *mut pg_sys::bytea {
    let element = |name: &'static CStr, offset: usize| pg_sys::relopt_parse_elt {
        optname: name.as_ptr(),
        opttype: pg_sys::relopt_type::RELOPT_TYPE_INT,
        offset: offset as i32,
        #[cfg(feature = "pg18")]
        isset_offset: 0,
    };
    let elements = [
        element(c"m", offset_of!(Options, m)),
        element(c"ef_construction", offset_of!(Options, ef_construction)),
    ];
    // SAFETY: the elements describe the struct whose size is given.
    unsafe {
        pg_sys::build_reloptions(
            options,
            validate,
            KIND.load(Relaxed),
            size_of::<Options>(),
            elements.as_ptr(),
            elements.len() as i32,
        )
        .cast()
    }
}

/// What the definition of an index says of it.
///
/// # Safety
/// `index` is an open index of this access method.
pub unsafe fn parameters(index: pg_sys::Relation) -> Result<Parameters> {
    // SAFETY: the index is open and of this access method, as the caller vouches: so its options are null or what `parse`
    // made, and it has a first column.
    unsafe {
        let (r#type, modifier) = relation::column(index);
        let options = (*index).rd_options.cast();
        let columns = filter::count((*(*index).rd_index).indnkeyatts)?;
        let (dims, m, ef_construction) =
            dimensions_and_options(options, r#type, modifier, columns)?;
        Ok(Parameters {
            columns,
            metric: metric(index)?,
            dims,
            m,
            ef_construction,
        })
    }
}

/// Dimensions, `m` and `ef_construction` of an index with these options, a column of this type and so many filter columns,
/// if there can be one.
///
/// # Safety
/// The options are null or what [`parse`] made.
pub unsafe fn dimensions_and_options(
    options: *const pg_sys::bytea,
    r#type: pg_sys::Oid,
    modifier: i32,
    columns: usize,
) -> Result<(usize, usize, usize)> {
    // SAFETY: the options are null or what `parse` made, as the caller vouches: it makes an `Options`.
    let options = unsafe { options.cast::<Options>().as_ref() };
    let (m, ef_construction) = options.map_or((DEFAULT_M, DEFAULT_EF_CONSTRUCTION), |options| {
        (options.m, options.ef_construction)
    });
    if ef_construction < 2 * m {
        return Err(Error::EfConstruction { ef_construction, m });
    }
    let (_, modifier) = base_type(r#type, modifier);
    let dims = usize::try_from(modifier).map_err(|_| Error::NoDimensions)?;
    Shape::new(dims, m as usize, columns)?;
    Ok((dims, m as usize, ef_construction as usize))
}

/// Half the number of neighbours of a node.
///
/// # Safety
/// `index` is an open index of this access method.
pub unsafe fn m(index: pg_sys::Relation) -> usize {
    // SAFETY: the index is open and of this access method, as the caller vouches: so its options are null or what `parse`
    // made.
    let options = unsafe { (*index).rd_options.cast::<Options>().as_ref() };
    options.map_or(DEFAULT_M, |options| options.m) as usize
}

/// What a distance is.
///
/// # Safety
/// As for [`parameters`].
pub unsafe fn metric(index: pg_sys::Relation) -> Result<Metric> {
    // SAFETY: the index is open, as the caller vouches; its operator class has a function of this number that takes no
    // argument and returns an integer, see `validate`.
    let number = unsafe {
        let function = pg_sys::index_getprocinfo(index, 1, SUPPORT_METRIC);
        pg_sys::FunctionCall0Coll(function, pg_sys::InvalidOid).value()
    };
    u8::try_from(number)
        .ok()
        .and_then(Metric::from_number)
        // SAFETY: the index is open, as the caller vouches.
        .ok_or_else(|| Error::Metric(unsafe { relation::name(index) }))
}
