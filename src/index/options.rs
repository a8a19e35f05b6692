//! Storage parameters of an index, and what it takes from its definition.

use std::ffi::{CStr, c_char};
use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use graph::index::Parameters;
use graph::layout::{MAX_M, Shape};
use graph::space::Metric;
use pgrx::pg_sys::SysCacheIdentifier::TYPEOID;
use pgrx::{pg_guard, pg_sys};
use retrieval::calibration::Calibration;

use super::error::{Error, Result};
use super::{SUPPORT_METRIC, filter, raise, relation};
use crate::text::to_utf8;
use crate::vector::base_type;

/// `m` where it is not set.
pub const DEFAULT_M: i32 = 16;
pub const DEFAULT_EF_CONSTRUCTION: i32 = 64;

/// `WITH (m = …, ef_construction = …, calibration = …)`, as the server keeps it with the index.
#[repr(C)]
struct Options {
    varlena: i32,
    m: i32,
    ef_construction: i32,
    /// Where the text of the calibration is, from the beginning of this; 0 where there is none.
    calibration: i32,
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
        pg_sys::add_string_reloption(
            kind,
            c"calibration".as_ptr(),
            c"Share of the nearest rows that scans find, as clip_index_calibrate() has measured it"
                .as_ptr(),
            std::ptr::null(),
            Some(check_calibration),
            // It is for scans that begin later, and keeps nobody waiting.
            pg_sys::ShareUpdateExclusiveLock as i32,
        );
        KIND.store(kind, Relaxed);
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn parse(
    options: pg_sys::Datum,
    validate: bool,
) -> *mut pg_sys::bytea {
    use pg_sys::relopt_type::{RELOPT_TYPE_INT, RELOPT_TYPE_STRING};
    let element = |name: &'static CStr, kind, offset: usize| pg_sys::relopt_parse_elt {
        optname: name.as_ptr(),
        opttype: kind,
        offset: offset as i32,
        #[cfg(feature = "pg18")] // No other version has it.
        isset_offset: 0,
    };
    let ef_construction = offset_of!(Options, ef_construction);
    let calibration = offset_of!(Options, calibration);
    let elements = [
        element(c"m", RELOPT_TYPE_INT, offset_of!(Options, m)),
        element(c"ef_construction", RELOPT_TYPE_INT, ef_construction),
        element(c"calibration", RELOPT_TYPE_STRING, calibration),
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

/// Refuses what is no calibration; the server passes what was written, or NULL for none.
#[pg_guard]
unsafe extern "C-unwind" fn check_calibration(value: *const c_char) {
    if value.is_null() {
        return;
    }
    // SAFETY: the server passes a string that lives longer than this call.
    let text = to_utf8(unsafe { CStr::from_ptr(value) }.to_bytes());
    if text.parse::<Calibration>().is_err() {
        raise(Error::Calibration(text));
    }
}

/// What [`clip_index_calibrate`](super::calibrate) has measured, where it has.
///
/// # Safety
/// `index` is an open index of this access method.
pub unsafe fn calibration(index: pg_sys::Relation) -> Option<Calibration> {
    // SAFETY: the index is open and of this access method, as the caller vouches: so its options are null or what `parse`
    // made, with a string at this place where it is not 0.
    unsafe {
        let options = (*index).rd_options;
        let offset = options.cast::<Options>().as_ref()?.calibration;
        let text = (offset > 0).then(|| options.cast::<c_char>().add(offset as usize))?;
        CStr::from_ptr(text).to_str().ok()?.parse().ok()
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
    let dims = dimensions(base_type(r#type, modifier))?;
    Shape::new(dims, m as usize, columns)?;
    Ok((dims, m as usize, ef_construction as usize))
}

/// The dimensions of a type of vectors with this modifier.
pub fn dimensions((r#type, modifier): (pg_sys::Oid, i32)) -> Result<usize> {
    usize::try_from(modifier).map_err(|_| {
        // Without its schema, which the server would name where it builds an index, for its search path is empty then.
        // SAFETY: a tuple that is found is a row of this catalog; the name in it is a string that ends with 0, and is copied
        // before the tuple is released.
        let kind = unsafe {
            let tuple = pg_sys::SearchSysCache1(TYPEOID as i32, r#type.into());
            if tuple.is_null() {
                return Error::NoDimensions {
                    kind: r#type.to_u32().to_string(),
                };
            }
            let row = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_type>();
            let name = to_utf8(CStr::from_ptr(row.typname.data.as_ptr()).to_bytes());
            pg_sys::ReleaseSysCache(tuple);
            name
        };
        Error::NoDimensions { kind }
    })
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
