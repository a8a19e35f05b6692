//! The process that starts workers for queues: one at a time for each database, where rows have come, and now and then
//! for every database that has the extension, because not all that waits is told.
//!
//! It runs on primaries only, from the end of recovery on.

use super::databases;
use crate::{background, guc};
use pgrx::{
    IntoDatum,
    bgworkers::{
        BackgroundWorkerBuilder, BackgroundWorkerStatus, BgWorkerStartTime, DynamicBackgroundWorker,
    },
    check_for_interrupts, pg_guard, pg_sys,
};
use std::{
    collections::{HashMap, HashSet},
    ptr,
    time::{Duration, Instant},
};

/// How long after a start of a database's worker the next one is started: one that fails must not keep the server busy.
const PAUSE: Duration = Duration::from_secs(1);

/// Claims the process; called while the library is preloaded.
pub fn register() {
    BackgroundWorkerBuilder::new("clip_pg queue launcher")
        .set_type("clip_pg queue launcher")
        .set_library("clip_pg")
        .set_function("clip_pg_queue_launcher")
        // No database is named: it reads the list of them.
        .enable_spi_access()
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .set_restart_time(Some(Duration::from_secs(5)))
        .load();
}

/// Entry point of the process; returns only by errors, SIGTERM included.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn clip_pg_queue_launcher(_argument: pg_sys::Datum) {
    background::begin(None);
    databases::enter_launcher();
    let mut workers = Workers::default();
    // In the order of their turns.
    let mut due: Vec<pg_sys::Oid> = Vec::new();
    let mut looked: Option<Instant> = None;
    // Without the extension, which tells when it comes.
    let mut absent: HashSet<pg_sys::Oid> = HashSet::new();
    loop {
        check_for_interrupts!();
        background::reload_settings();
        if guc::queue_workers() == 0 {
            background::wait(None);
            continue;
        }
        absent.extend(databases::take_absent());
        let mut new = databases::waiting();
        absent.retain(|database| !new.contains(database));
        if looked.is_none_or(|looked| looked.elapsed() >= guc::queue_naptime()) {
            let all = all_databases();
            // The number of one that is gone may become another's.
            absent.retain(|database| all.contains(database));
            new.extend(all.iter().filter(|database| !absent.contains(database)));
            looked = Some(Instant::now());
        }
        for database in new {
            if !due.contains(&database) {
                due.push(database);
            }
        }
        due.retain(|&database| !workers.start(database));
        databases::set_crowded(!due.is_empty());
        let rest = looked.map(|looked| guc::queue_naptime().saturating_sub(looked.elapsed()));
        background::wait(if due.is_empty() { rest } else { Some(PAUSE) });
    }
}

/// The workers that were started.
#[derive(Default)]
struct Workers {
    running: HashMap<pg_sys::Oid, DynamicBackgroundWorker>,
    started: HashMap<pg_sys::Oid, Instant>,
}

impl Workers {
    /// Starts a worker for a database, unless it has one; returns false where that must wait.
    fn start(&mut self, database: pg_sys::Oid) -> bool {
        self.running
            .retain(|_, worker| !matches!(worker.pid(), Err(BackgroundWorkerStatus::Stopped)));
        self.started.retain(|_, started| started.elapsed() < PAUSE);
        if self.running.contains_key(&database) {
            // It looks by itself at what comes, unless it is about to end.
            return !databases::waiting().contains(&database);
        }
        if self.running.len() >= guc::queue_workers() || self.started.contains_key(&database) {
            return false;
        }
        databases::starting(database);
        // SAFETY: reads a variable of this process.
        let me = unsafe { pg_sys::MyProcPid };
        let worker = BackgroundWorkerBuilder::new("clip_pg queue worker")
            .set_type("clip_pg queue worker")
            .set_library("clip_pg")
            .set_function("clip_pg_queue_worker")
            .set_argument(database.into_datum())
            .set_notify_pid(me)
            .enable_spi_access()
            .load_dynamic();
        // It fails where all of max_worker_processes are taken.
        let Ok(worker) = worker else {
            return false;
        };
        self.running.insert(database, worker);
        self.started.insert(database, Instant::now());
        true
    }
}

/// Databases that are no templates and can be connected to, which a DROP that was interrupted puts an end to.
fn all_databases() -> Vec<pg_sys::Oid> {
    let mut databases = Vec::new();
    // SAFETY: the server's way to read a catalog that all databases share, as the launcher of autovacuum does.
    unsafe {
        pg_sys::StartTransactionCommand();
        let relation = pg_sys::table_open(
            pg_sys::DatabaseRelationId,
            pg_sys::AccessShareLock as pg_sys::LOCKMODE,
        );
        let scan = pg_sys::table_beginscan_catalog(relation, 0, ptr::null_mut());
        loop {
            let row = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if row.is_null() {
                break;
            }
            let row = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_database>();
            if row.datallowconn
                && row.datconnlimit != pg_sys::DATCONNLIMIT_INVALID_DB
                && !row.datistemplate
            {
                databases.push(row.oid);
            }
        }
        pg_sys::table_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        pg_sys::CommitTransactionCommand();
    }
    databases
}
