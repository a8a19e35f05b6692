//! One process that runs models for all sessions, where the library is in `shared_preload_libraries`.
//!
//! A [client] puts a text or the pixels of an image into a [seat](seats), the [worker process](process) embeds what
//! it finds in the seats, batch by batch, and the client takes the vector out. Images are decoded and resized by the
//! client: in parallel, within its limits, cancellable. Without preloading nothing of this exists, and sessions run
//! models themselves; so they do while there is no worker and none is to be expected.
//!
//! Locks: one for the seats, one for the [memo] of texts; no process ever holds both. The postmaster only reserves
//! memory and registers the process; nothing of ONNX Runtime is touched there.

mod client;
mod memo;
mod process;
mod seats;
mod stats;

use super::{Engine, Inputs};
use crate::{
    error::Result,
    model::{Identity, Model},
};
use pgrx::{
    PgLogLevel, PgSqlErrorCode,
    bgworkers::{BackgroundWorkerBuilder, BgWorkerStartTime},
    pg_sys::{self, panic::ErrorReport},
};
use seats::{Seats, State};
use std::{
    ptr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

/// How long sessions wait for a worker that is missing before they run models themselves. It is started again after a
/// second, unless the server cannot start it at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the server has taken the worker in; written by the postmaster, inherited by its children.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Runs models in the worker process.
pub struct Worker;

impl Engine for Worker {
    fn name(&self) -> &'static str {
        "worker"
    }

    fn has_loaded(&self, identity: &str) -> bool {
        let (Some(seats), Some(identity)) = (Seats::get(), Identity::new(identity.as_bytes()))
        else {
            return false;
        };
        seats.lock().state().loaded().contains(&identity)
    }

    fn embed(&self, model: &Model, inputs: Inputs) -> Result<Option<Vec<f32>>> {
        match inputs {
            _ if !serves() => Ok(None),
            Inputs::Texts(texts) => client::encode_texts(model, texts),
            Inputs::Images(images) => client::encode_images(model, images),
        }
    }
}

/// Claims shared memory and the process; called while the library is preloaded.
pub fn register() {
    seats::register();
    memo::register();
    let before = last_registered();
    BackgroundWorkerBuilder::new("clip_pg worker")
        .set_type("clip_pg worker")
        .set_library("clip_pg")
        .set_function("clip_pg_worker")
        // Also on a standby. No database is named, but a connection makes the process show in pg_stat_activity.
        .enable_shmem_access(None)
        .enable_spi_access()
        .set_start_time(BgWorkerStartTime::ConsistentState)
        .set_restart_time(Some(Duration::from_secs(1)))
        .load();
    REGISTERED.store(last_registered() != before, Relaxed);
}

/// What was registered last. A server that has no place for a worker tells so in its log, and nobody else: but its list has
/// not changed then.
fn last_registered() -> *mut pg_sys::slist_node {
    /// The head of the server's list, singly linked up to version 17. The last registered worker comes first.
    #[repr(C)]
    struct Head {
        #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
        _previous: *mut pg_sys::slist_node,
        next: *mut pg_sys::slist_node,
    }
    unsafe extern "C" {
        static mut BackgroundWorkerList: Head;
    }
    // SAFETY: the variable of the server's, of this layout; the postmaster, which alone changes it, is here.
    unsafe { ptr::read(&raw const BackgroundWorkerList.next) }
}

/// Whether models run in the worker, not in this process.
///
/// A session that has to do without one says so in the server's log, once until there is a worker again.
fn serves() -> bool {
    static TOLD: AtomicBool = AtomicBool::new(false);
    // SAFETY: reads a variable of this process; in single-user mode there are no other processes.
    let processes = unsafe { pg_sys::IsUnderPostmaster };
    let Some(seats) = Seats::get().filter(|_| processes) else {
        return false;
    };
    let serves = is_expected(seats.lock().state());
    if !TOLD.swap(!serves, Relaxed) && !serves {
        ErrorReport::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_RESOURCES,
            "background worker of clip_pg is not running, models run in the session",
            "",
        )
        .set_hint("It takes one of \"max_worker_processes\"; what the log says before tells why it could not be started.")
        .report(PgLogLevel::LOG);
    }
    serves
}

/// Whether the worker is there, or will be before long.
fn is_expected(state: &State) -> bool {
    if state.worker().is_some() {
        return true;
    }
    // SAFETY: reads the clock.
    let missing = unsafe { pg_sys::GetCurrentTimestamp() }.saturating_sub(state.missing_since());
    REGISTERED.load(Relaxed) && u128::from(missing.max(0).unsigned_abs()) < PATIENCE.as_micros()
}
