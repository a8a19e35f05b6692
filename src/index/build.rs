//! `CREATE INDEX` and `REINDEX`: rows out of the table into the graph's builder.
//!
//! The backend's own thread reads the table and does all that touches the server. The threads that link nodes beside it
//! know nothing of PostgreSQL and have all signals blocked; there are as many as `max_parallel_maintenance_workers`, or
//! the table's own `parallel_workers`, says, or fewer where the system has no more. Their memory is the builder's, counted
//! against `maintenance_work_mem`.

use std::ffi::{CStr, c_char};

use graph::build::{Builder, Phase};
use graph::index::Index;
use graph::insert::NewRow;
use graph::space::Metric;
use graph::store::PageStore;
use graph::threads::Threads;
use pgrx::{pg_guard, pg_sys};

use super::error::{Error, Result};
use super::filter::Columns;
use super::pages::Pages;
use super::vectors::Vectors;
use super::walk::Walk;
use super::{options, raise, relation};
use crate::server;

/// Phases of `pg_stat_progress_create_index`, by number. The first is the server's own.
const PHASES: [&CStr; 7] = [
    c"initializing",
    c"loading tuples",
    c"learning codes",
    c"dividing tuples",
    c"ordering tuples",
    c"linking nodes",
    c"writing pages",
];
const LOADING: i64 = 2;

#[pg_guard]
pub unsafe extern "C-unwind" fn phase_name(phase: i64) -> *mut c_char {
    let name = usize::try_from(phase - 1)
        .ok()
        .and_then(|at| PHASES.get(at));
    name.map_or(std::ptr::null_mut(), |name| name.as_ptr().cast_mut())
}

#[pg_guard]
pub unsafe extern "C-unwind" fn build(
    heap: pg_sys::Relation,
    index: pg_sys::Relation,
    info: *mut pg_sys::IndexInfo,
) -> *mut pg_sys::IndexBuildResult {
    // SAFETY: both relations are open, the information is on this index, and so are the build's columns.
    unsafe {
        let mut build = Build::begin(heap, index).unwrap_or_else(|error| raise(error));
        report_phase(LOADING);
        let rows = build.walk(heap, index, info, true, std::ptr::null_mut());
        let index_tuples = build.finish().unwrap_or_else(|error| raise(error));
        let result = pg_sys::palloc0(size_of::<pg_sys::IndexBuildResult>());
        let result: *mut pg_sys::IndexBuildResult = result.cast();
        (*result).heap_tuples = rows;
        (*result).index_tuples = index_tuples as f64;
        result
    }
}

/// Writes what an unlogged index is after a crash: one without rows, which the log has to have all the same.
#[pg_guard]
pub unsafe extern "C-unwind" fn build_empty(index: pg_sys::Relation) {
    // SAFETY: the index is open and its fork exists.
    unsafe {
        let pages = Pages::new(index).of_init_fork();
        let created = options::parameters(index)
            .and_then(|parameters| Ok(Index::create(pages, &parameters)?))
            .and_then(|_| Ok(pages.blocks()?));
        let blocks = created.unwrap_or_else(|error| raise(error));
        let fork = pg_sys::ForkNumber::INIT_FORKNUM;
        pg_sys::log_newpage_range(index, fork, 0, blocks, true);
    }
}

/// A build in progress.
struct Build {
    threads: Threads,
    metric: Metric,
    columns: Columns,
    vectors: Vectors,
    /// Rows on their way into the index.
    rows: u64,
    builder: Builder<Pages>,
}

impl Build {
    /// # Safety
    /// Both relations are open as long as the value is used.
    unsafe fn begin(heap: pg_sys::Relation, index: pg_sys::Relation) -> Result<Self> {
        // SAFETY: both relations are open as long as the value is used, as the caller vouches.
        let (pages, parameters, columns, vectors, threads) = unsafe {
            let pages = Pages::new(index);
            if pages.blocks()? > 0 {
                return Err(Error::NotEmpty(relation::name(index)));
            }
            let columns = Columns::of(index)?;
            let vectors = Vectors::of(index)?;
            (
                pages,
                options::parameters(index)?,
                columns,
                vectors,
                threads(heap),
            )
        };
        // SAFETY: reads a setting.
        let budget = unsafe { pg_sys::maintenance_work_mem } as usize * 1024;
        Ok(Self {
            threads,
            metric: parameters.metric,
            columns,
            vectors,
            rows: 0,
            builder: Builder::new(pages, parameters, budget)?,
        })
    }

    /// Links and writes what was collected. The number of rows in the index.
    fn finish(self) -> Result<u64> {
        let mut now = None;
        self.builder.finish(self.threads, |phase, done, total| {
            if now.replace(phase) != Some(phase) {
                report_phase(match phase {
                    Phase::Training => 3,
                    Phase::Dividing => 4,
                    Phase::Ordering => 5,
                    Phase::Linking => 6,
                    Phase::Writing => 7,
                });
                report(pg_sys::PROGRESS_CREATEIDX_TUPLES_TOTAL, total as i64);
            }
            report(pg_sys::PROGRESS_CREATEIDX_TUPLES_DONE, done as i64);
        })?;
        Ok(self.rows)
    }
}

impl Walk for Build {
    fn columns(&self) -> (Vectors, &Columns) {
        (self.vectors, &self.columns)
    }

    fn row(&mut self, vector: &[half::f16], row: NewRow<'_>) -> Result<()> {
        self.builder.push(vector, row)?;
        self.rows += u64::from(self.metric.takes(vector));
        Ok(())
    }
}

/// # Safety
/// The table is open.
unsafe fn threads(heap: pg_sys::Relation) -> Threads {
    // SAFETY: the table is open, as the caller vouches; its options, where it has any, begin with those of all tables.
    let workers = unsafe {
        let most = pg_sys::max_parallel_maintenance_workers;
        let options: *const pg_sys::StdRdOptions = (*heap).rd_options.cast();
        match options.as_ref().map(|options| options.parallel_workers) {
            Some(own) if own >= 0 => own.min(most),
            _ => most,
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Threads {
        count: (1 + workers as usize).min(processors),
        spawning: server::with_signals_blocked,
    }
}

fn report_phase(phase: i64) {
    report(pg_sys::PROGRESS_CREATEIDX_SUBPHASE, phase);
}

fn report(parameter: u32, value: i64) {
    // SAFETY: writes to this process's own entry, where it has one.
    unsafe { pg_sys::pgstat_progress_update_param(parameter as i32, value) }
}
