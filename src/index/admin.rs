//! Functions for those who look after an index: what is in it, whether it is whole, and to have it cached.

use std::ffi::CStr;

use graph::census::census;
use graph::check::{Nodes, check, finds};
use graph::index::Index;
use graph::insert::NewRow;
use graph::layout::Tid;
use graph::random::Random;
use graph::store::PageStore;
use pgrx::pg_sys::SysCacheIdentifier::RELOID;
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};

use super::error::{Error, Result};
use super::filter::Columns;
use super::pages::Pages;
use super::relation;
use super::vectors::Vectors;
use super::walk::Walk;
use crate::error::{self, Returned};
use crate::guc;
use crate::role::As;

/// An index of this access method and its table, opened for somebody who may look into it, and locked against being
/// dropped or rebuilt, no more: others read and write them, and a standby allows no other lock. In the end they are
/// closed and the locks released.
pub struct Opened {
    /// The table.
    pub table: PgRelation,
    /// The index.
    pub index: PgRelation,
}

impl Opened {
    /// Opens an index; the user's right to look into it comes first.
    pub fn open(index: pg_sys::Oid) -> Result<Self> {
        // Who has no rights must not wait for the lock either: others would queue behind.
        let table = permitted(index)?;
        // SAFETY: opens relations, or raises an error. The table's lock comes first, as everywhere.
        let opened = unsafe {
            let lock = pg_sys::AccessShareLock as i32;
            Self {
                table: PgRelation::with_lock(table, lock),
                index: PgRelation::with_lock(index, lock),
            }
        };
        // While this waited, they may have changed hands, or the number may have become another index's.
        if permitted(index)? != table {
            return Err(Error::NotAnIndex(index.to_u32().to_string()));
        }
        // SAFETY: the index is open.
        unsafe {
            let relation = opened.index.as_ptr();
            let persistence = (*(*relation).rd_rel).relpersistence as u8;
            if persistence == pg_sys::RELPERSISTENCE_TEMP && !(*relation).rd_islocaltemp {
                return Err(Error::OtherSession);
            }
            if persistence == pg_sys::RELPERSISTENCE_UNLOGGED && pg_sys::RecoveryInProgress() {
                return Err(Error::Unlogged);
            }
            // It may have no pages yet.
            if !(*(*relation).rd_index).indisready {
                return Err(Error::Invalid(relation::name(relation)));
            }
        }
        Ok(opened)
    }

    /// The table's owner, with whose rights its indexes' expressions are evaluated.
    pub fn owner(&self) -> pg_sys::Oid {
        // SAFETY: the table is open.
        unsafe { (*(*self.table.as_ptr()).rd_rel).relowner }
    }

    fn pages(&self) -> Pages {
        // SAFETY: the index is open as long as this is.
        unsafe { Pages::new(self.index.as_ptr()) }
    }
}

/// The table of an index, which need not be locked, if it is of this access method and the user may look into it.
fn permitted(index: pg_sys::Oid) -> Result<pg_sys::Oid> {
    // SAFETY: looks into the catalogs; the tuple stays as it is until it is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(RELOID as i32, index.into());
        if tuple.is_null() {
            return Err(Error::NotAnIndex(index.to_u32().to_string()));
        }
        let class = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
        let name = CStr::from_ptr(class.relname.data.as_ptr());
        let name = crate::text::to_utf8(name.to_bytes());
        let (kind, method, owner) = (class.relkind as u8, class.relam, class.relowner);
        pg_sys::ReleaseSysCache(tuple);
        // An index of a partitioned table has no pages of its own.
        if kind != pg_sys::RELKIND_INDEX
            || method != pg_sys::get_index_am_oid(c"clip_hnsw".as_ptr(), true)
        {
            return Err(Error::NotAnIndex(name));
        }
        let user = pg_sys::GetUserId();
        let scan_tables = pg_sys::Oid::from(pg_sys::ROLE_PG_STAT_SCAN_TABLES);
        if !pg_sys::has_privs_of_role(user, owner) && !pg_sys::has_privs_of_role(user, scan_tables)
        {
            return Err(Error::PermissionDenied(name));
        }
        Ok(pg_sys::IndexGetRelation(index, false))
    }
}

/// The row of `clip_index_info`: its columns are described in `sql/index.sql`. Bytes are of whole blocks.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_index_info(
    index: pg_sys::Oid,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(version, i32),
            name!(metric, &'static str),
            name!(dimensions, i32),
            name!(m, i32),
            name!(ef_construction, i32),
            name!(epoch, i32),
            name!(code_bits, Option<i32>),
            name!(nodes, i64),
            name!(row_count, i64),
            name!(dead_rows, i64),
            name!(dying_nodes, i64),
            name!(free_slots, i64),
            name!(entries, i64),
            name!(truncated_scans, i64),
            name!(left_out, i64),
            name!(node_bytes, i64),
            name!(directory_bytes, i64),
            name!(basis_bytes, i64),
            name!(free_bytes, i64),
        ),
    >,
    pg_sys::panic::ErrorReport,
> {
    let describe = || -> Result<_> {
        let opened = Opened::open(index)?;
        let index = opened.pages().open()?;
        let census = census(&index)?;
        let meta = index.meta();
        let count = |number: u64| number as i64;
        let bytes = |pages: u64| (pages * u64::from(pg_sys::BLCKSZ)) as i64;
        Ok((
            i32::from(graph::layout::VERSION),
            index.metric().name(),
            i32::from(meta.dims),
            i32::from(meta.m),
            i32::from(meta.ef_construction),
            i32::from(meta.epoch),
            index.basis().map(|basis| basis.bits() as i32),
            count(census.live),
            count(census.rows),
            count(census.dead_rows),
            count(census.dying),
            count(census.free),
            count(census.entries),
            count(census.left_out.scans.into()),
            count(census.left_out.late.into()),
            bytes(census.node_pages),
            bytes(census.entry_pages + census.filter_pages),
            bytes(census.basis_pages),
            bytes(census.empty_pages),
        ))
    };
    Ok(TableIterator::once(describe().map_err(error::Error::from)?))
}

/// The row of `clip_index_check`: its columns are described in `sql/index.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_index_check(
    index: pg_sys::Oid,
    heap: bool,
    search: f64,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(nodes, i64),
            name!(row_count, i64),
            name!(unreachable, i64),
            name!(orphans, i64),
            name!(missing, Option<i64>),
            name!(searched, Option<i64>),
            name!(not_found, Option<i64>),
            name!(problems, Vec<String>),
        ),
    >,
    pg_sys::panic::ErrorReport,
> {
    let verify = || -> Result<_> {
        if !(0.0..=1.0).contains(&search) {
            return Err(Error::Search(search));
        }
        let opened = Opened::open(index)?;
        let with_table = heap || search > 0.0;
        // SAFETY: the index is open.
        unsafe {
            let relation = opened.index.as_ptr();
            if with_table && !(*(*relation).rd_index).indisvalid {
                return Err(Error::Invalid(relation::name(relation)));
            }
        }
        let index = opened.pages().open()?;
        let snapshot = with_table.then(Snapshot::take);
        let (report, rows) = check(&index)?;
        let mut problems = report.problems;
        let table = snapshot.map(|snapshot| -> Result<_> {
            // SAFETY: the index is open.
            let (columns, vectors) = unsafe {
                let relation = opened.index.as_ptr();
                (Columns::of(relation)?, Vectors::of(relation)?)
            };
            let mut scan = TableScan {
                nodes: Nodes::read(&index)?,
                columns,
                vectors,
                index: &index,
                rows: &rows,
                search,
                random: Random::new(rows.len() as u64),
                missing: 0,
                mistaken: 0,
                searched: 0,
                not_found: 0,
                problems: &mut problems,
            };
            scan.run(&opened, &snapshot);
            Ok((scan.missing, scan.searched, scan.not_found))
        });
        let table = table.transpose()?;
        Ok((
            report.live as i64,
            report.rows as i64,
            report.unreachable as i64,
            report.orphans as i64,
            table.map(|(missing, ..)| missing),
            table.map(|(_, searched, _)| searched),
            table.map(|(.., not_found)| not_found),
            problems,
        ))
    };
    Ok(TableIterator::once(verify().map_err(error::Error::from)?))
}

/// What is in a table at one time. A row that it sees was put into the index before it was taken, and can be removed from
/// neither while it lasts; rows that come later, or that are dead already, it does not see.
struct Snapshot(pg_sys::Snapshot);

impl Snapshot {
    /// One of now, also in a transaction that sees what was earlier: rows may have been put into the index since in other
    /// versions.
    fn take() -> Self {
        // SAFETY: a transaction is running; the server keeps what is registered until its resource owner goes.
        Self(unsafe { pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot()) })
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: this registered it.
            unsafe { pg_sys::UnregisterSnapshot(self.0) }
        }
    }
}

/// Reads a table as a concurrent build does, and compares.
struct TableScan<'a> {
    index: &'a Index<Pages>,
    /// In order.
    rows: &'a [Tid],
    nodes: Nodes,
    columns: Columns,
    vectors: Vectors,
    /// Share of the rows that are searched for.
    search: f64,
    random: Random,
    missing: i64,
    mistaken: i64,
    searched: i64,
    not_found: i64,
    problems: &'a mut Vec<String>,
}

impl TableScan<'_> {
    fn run(&mut self, opened: &Opened, snapshot: &Snapshot) {
        let (table, index) = (opened.table.as_ptr(), opened.index.as_ptr());
        // SAFETY: both relations are open, the columns are of this index, and the snapshot is registered; the walk ends the
        // scan. Of what the server keeps of an index, it hands out copies only.
        unsafe {
            let _owner = As::maintainer(opened.owner());
            // Planning a query has the server keep expressions with functions in SQL put in, which were looked up by the
            // search path of then.
            (*index).rd_indexprs = std::ptr::null_mut();
            (*index).rd_indpred = std::ptr::null_mut();
            let info = pg_sys::BuildIndexInfo(index);
            (*info).ii_Concurrent = true;
            let scan = pg_sys::table_beginscan_strat(
                table,
                snapshot.0,
                0,
                std::ptr::null_mut(),
                true,
                true,
            );
            self.walk(table, index, info, false, scan);
        }
    }
}

impl Walk for TableScan<'_> {
    fn columns(&self) -> (Vectors, &Columns) {
        (self.vectors, &self.columns)
    }

    fn row(&mut self, vector: &[half::f16], row: NewRow<'_>) -> Result<()> {
        let tid = row.tid;
        let place = || format!("row ({},{}) of the table", tid.block(), tid.offset());
        if !self.index.takes(vector) {
            return Ok(());
        }
        if self.rows.binary_search(&tid).is_err() {
            self.missing += 1;
            if self.missing <= 10 {
                self.problems
                    .push(format!("{} is not in the index", place()));
            }
            return Ok(());
        }
        if !self.nodes.fit(self.index, row)? {
            self.mistaken += 1;
            if self.mistaken <= 10 {
                self.problems.push(format!(
                    "{}: its filter columns are others in the index",
                    place()
                ));
            }
        }
        if f64::from(self.random.uniform()) < self.search {
            self.searched += 1;
            // As wide as a scan is that finds as many.
            let ef = guc::ef_search().saturating_mul(2);
            self.not_found += i64::from(!finds(self.index, vector, tid, ef)?);
        }
        Ok(())
    }
}

/// Reads all pages of an index, so that they are cached, and returns how many there are.
#[pg_extern(sql = false)]
fn clip_prewarm(index: pg_sys::Oid) -> Returned<i64> {
    let read = || -> Result<i64> {
        let opened = Opened::open(index)?;
        let pages = opened.pages();
        let blocks = pages.blocks()?;
        for block in 0..blocks {
            pages.interrupt()?;
            pages.read(block)?;
        }
        Ok(blocks.into())
    };
    Ok(read().map_err(error::Error::from)?)
}
