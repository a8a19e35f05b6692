//! `clip_build_estimate`: what building an index takes, told from what anybody may read in the catalogs.

use std::ffi::{CStr, CString};
use std::ptr;

use graph::build::estimate;
use graph::index::Parameters;
use graph::layout::MAX_COLUMNS;
use graph::space::Metric;
use pgrx::pg_sys;
use pgrx::pg_sys::SysCacheIdentifier::RELOID;
use pgrx::prelude::*;

use super::error::{Error, Result};
use super::options::{self, DEFAULT_EF_CONSTRUCTION};
use crate::text::{Text, to_utf8};
use crate::vector::base_type;
use crate::{error, sql};

/// Least `maintenance_work_mem`, in kilobytes.
const LEAST: i32 = 1024;

/// The row of `clip_build_estimate`: its columns are described in `sql/index.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_build_estimate(
    relation: pg_sys::Oid,
    target: &CStr,
    m: i32,
    filters: i32,
    maintenance_work_mem: Text,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(row_count, i64),
            name!(whole_bytes, i64),
            name!(memory_bytes, i64),
            name!(parts, i64),
            name!(temporary_bytes, i64),
            name!(index_bytes, i64),
        ),
    >,
    pg_sys::panic::ErrorReport,
> {
    let estimated = || -> Result<_> {
        let rows = rows(relation)?;
        let dims = dimensions(relation, target)?;
        let budget = kilobytes(maintenance_work_mem.as_str())?;
        let columns = match usize::try_from(filters) {
            Ok(columns) if columns <= MAX_COLUMNS => columns,
            _ => return Err(Error::Filters(filters)),
        };
        let parameters = Parameters {
            // It makes no difference.
            metric: Metric::Cosine,
            dims,
            m: usize::try_from(m).map_err(|_| Error::M(m))?,
            ef_construction: DEFAULT_EF_CONSTRUCTION as usize,
            columns,
        };
        let estimate = estimate(&parameters, rows, budget as usize * 1024)?;
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        Ok((
            bytes(rows),
            bytes(estimate.whole_bytes),
            bytes(estimate.memory_bytes),
            bytes(estimate.parts),
            bytes(estimate.aside_bytes),
            bytes(estimate.index_bytes),
        ))
    };
    let row = estimated().map_err(error::Error::from)?;
    Ok(TableIterator::once(row))
}

/// How many rows a table has, as `ANALYZE` or a vacuum counted last.
fn rows(relation: pg_sys::Oid) -> Result<u64> {
    // SAFETY: looks into the catalogs; the tuple stays as it is until it is released.
    let (name, kind, rows) = unsafe {
        let tuple = pg_sys::SearchSysCache1(RELOID as i32, relation.into());
        if tuple.is_null() {
            return Err(Error::NoTable(relation.to_u32().to_string()));
        }
        let class = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
        let name = to_utf8(CStr::from_ptr(class.relname.data.as_ptr()).to_bytes());
        let found = (name, class.relkind as u8, class.reltuples);
        pg_sys::ReleaseSysCache(tuple);
        found
    };
    if kind != pg_sys::RELKIND_RELATION && kind != pg_sys::RELKIND_MATVIEW {
        return Err(Error::NoTable(name));
    }
    if rows < 0.0 {
        return Err(Error::NotAnalyzed(name));
    }
    Ok(rows as u64)
}

/// The dimensions of a column of vectors.
fn dimensions(relation: pg_sys::Oid, column: &CStr) -> Result<usize> {
    let (mut r#type, mut modifier, mut collation) = (pg_sys::InvalidOid, -1, pg_sys::InvalidOid);
    // SAFETY: looks into the catalogs; the server raises an error where the table is gone meanwhile.
    unsafe {
        let number = pg_sys::get_attnum(relation, column.as_ptr());
        if number <= 0 {
            return Err(Error::NoColumn(to_utf8(column.to_bytes())));
        }
        pg_sys::get_atttypetypmodcoll(relation, number, &mut r#type, &mut modifier, &mut collation);
    }
    let base = base_type(r#type, modifier);
    if !has_distances(base.0)? {
        return Err(Error::NoColumn(to_utf8(column.to_bytes())));
    }
    options::dimensions(base)
}

/// Whether an operator class of the access method orders values of a type, those of clip_pgvector included.
fn has_distances(r#type: pg_sys::Oid) -> Result<bool> {
    const STATEMENT: &str = "SELECT EXISTS (
        SELECT FROM pg_catalog.pg_amop o JOIN pg_catalog.pg_am m ON m.oid OPERATOR(pg_catalog.=) o.amopmethod
        WHERE m.amname OPERATOR(pg_catalog.=) 'clip_hnsw' AND o.amoppurpose OPERATOR(pg_catalog.=) 'o'
            AND o.amoplefttype OPERATOR(pg_catalog.=) $1)";
    sql::connect(|client| {
        let found = client.select(STATEMENT, Some(1), &[r#type.into()])?;
        Ok(found.first().get::<bool>(1)?.unwrap_or(false))
    })
}

/// A value of `maintenance_work_mem` as `SET` reads it.
fn kilobytes(setting: &str) -> Result<i32> {
    let mut kilobytes = 0;
    let wrong = || Error::Memory(setting.to_owned());
    let text = CString::new(setting).map_err(|_| wrong())?;
    // SAFETY: reads a string that ends with 0, and writes a number.
    let read = unsafe {
        pg_sys::parse_int(
            text.as_ptr(),
            &mut kilobytes,
            pg_sys::GUC_UNIT_KB as i32,
            ptr::null_mut(),
        )
    };
    match read && kilobytes >= LEAST {
        true => Ok(kilobytes),
        false => Err(wrong()),
    }
}
