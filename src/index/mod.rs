//! The access method `clip_hnsw`: the graph of the crate `graph` on the buffer manager.
//!
//! The crate has the algorithms, the page layout and the locking protocol; here is what PostgreSQL asks of an access
//! method, one file for each of its questions. `pages` and `buffer` alone touch buffers, take locks and write to the log.
//!
//! Locks, all of them: a content lock on one buffer at a time, none while anything else is waited for. The two page
//! locks of `graph::store::Gate`, of the lock manager's kind, which let vacuum wait for inserts and scans in flight. The
//! relation extension lock while a page is added.

mod admin;
mod arrays;
mod bases;
mod buffer;
mod build;
mod calibrate;
mod cost;
mod definition;
mod effort;
mod error;
mod estimate;
#[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
mod explain;
mod figures;
mod filter;
mod insert;
mod known;
mod options;
mod pages;
mod recall;
mod recent;
mod relation;
mod scan;
mod selectivity;
mod sort;
mod spool;
mod texts;
mod tid;
mod vacuum;
mod validate;
mod vectors;
mod walk;
mod within;

pub use error::Error;

use graph::space::Metric;
use pgrx::{Internal, pg_sys, prelude::*};

pgrx::extension_sql_file!("../../sql/index.sql", name = "index", requires = ["vector"]);
pgrx::extension_sql_file!(
    "../../sql/filters.sql",
    name = "filters",
    requires = ["index"]
);

/// The `ORDER BY` operator of an operator class.
const STRATEGY_DISTANCE: u16 = 1;
/// The operator of an index condition, see [`within`].
const STRATEGY_WITHIN: u16 = 2;
/// The function of an operator class that tells its metric.
const SUPPORT_METRIC: u16 = 1;
/// The function of an operator class that tells how values of a filter column become words, see [`filter`].
const SUPPORT_FILTER: u16 = 2;
/// The function of an operator class that tells what elements are, where they are no halves, see [`vectors`].
const SUPPORT_ELEMENTS: u16 = 3;
/// Operators of a filter column of arrays, besides `=`: `&&`, `@>` and `<@`. Those of others are a B-tree's, 1 to 5.
const STRATEGY_HAS_ONE: u16 = 6;
const STRATEGY_HAS: u16 = 7;
const STRATEGY_IN: u16 = 8;

#[pg_extern(sql = false)]
fn clip_hnsw_handler() -> Internal {
    // SAFETY: allocates a node of that type, in the memory context of the call, all zeros otherwise.
    let mut routine = unsafe {
        pgrx::PgBox::<pg_sys::IndexAmRoutine>::alloc_node(pg_sys::NodeTag::T_IndexAmRoutine)
    };
    routine.amstrategies = STRATEGY_IN;
    routine.amsupport = SUPPORT_ELEMENTS;
    routine.amcanorderbyop = true;
    routine.amcanmulticol = true;
    routine.amsearcharray = true;
    routine.amsearchnulls = true;
    routine.amoptionalkey = true;
    // Threads of the one process build, which core need not know of.
    #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16")))]
    {
        routine.amcanbuildparallel = false;
    }
    routine.amparallelvacuumoptions = pg_sys::VACUUM_OPTION_PARALLEL_BULKDEL as u8;
    routine.amkeytype = pg_sys::InvalidOid;
    routine.ambuild = Some(build::build);
    routine.ambuildempty = Some(build::build_empty);
    routine.ambuildphasename = Some(build::phase_name);
    routine.aminsert = Some(insert::insert);
    routine.ambulkdelete = Some(vacuum::bulk_delete);
    routine.amvacuumcleanup = Some(vacuum::cleanup);
    routine.amcostestimate = Some(cost::estimate);
    routine.amoptions = Some(options::parse);
    routine.amvalidate = Some(validate::validate);
    routine.ambeginscan = Some(scan::begin);
    routine.amrescan = Some(scan::rescan);
    routine.amgettuple = Some(scan::next);
    routine.amendscan = Some(scan::end);
    let routine: *mut pg_sys::IndexAmRoutine = routine.into_pg();
    Internal::from(Some(routine.into()))
}

#[pg_extern(sql = false)]
fn clip_hnsw_cosine() -> i32 {
    Metric::Cosine as i32
}

#[pg_extern(sql = false)]
fn clip_hnsw_inner_product() -> i32 {
    Metric::InnerProduct as i32
}

#[pg_extern(sql = false)]
fn clip_hnsw_l2() -> i32 {
    Metric::L2 as i32
}

/// Declares what belongs to the access method, when the library is loaded.
pub fn define() {
    options::declare();
    definition::install();
    #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
    explain::install();
}

/// Raises an error from a function that the server calls, which can return none.
fn raise(error: Error) -> ! {
    crate::error::Error::from(error).raise()
}
