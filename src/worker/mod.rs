//! One process that runs models for all sessions, where the library is in `shared_preload_libraries`.
//!
//! A [client] puts a text or the pixels of an image into a [seat](shared), the [worker process](process) embeds what
//! it finds in the seats, batch by batch, and the client takes the vector out. Images are decoded and resized by the
//! client: in parallel, within its limits, cancellable. Without preloading nothing of this exists, and sessions run
//! models themselves.
//!
//! Locks: one for the seats, one for the [memo] of texts; no process ever holds both. The postmaster only reserves
//! memory and registers the process; nothing of ONNX Runtime is touched there.

mod client;
mod error;
mod hooks;
mod lock;
mod memo;
mod process;
mod shared;
mod stats;

pub use client::{encode_images, encode_texts};
pub use error::Error;

use crate::guc;
use pgrx::{
    bgworkers::{BackgroundWorkerBuilder, BgWorkerStartTime},
    pg_sys,
};
use std::time::Duration;

/// Claims shared memory and the process; called while the library is preloaded.
pub fn register() {
    hooks::install();
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
}

/// Whether models run in the worker, not in this process.
pub fn serves() -> bool {
    // SAFETY: reads a variable of this process; in single-user mode there are no other processes.
    shared::Shared::get().is_some() && unsafe { pg_sys::IsUnderPostmaster }
}

/// Whether the worker has loaded a tower of the model with this identity.
pub fn is_loaded(identity: &str) -> bool {
    let (Some(shared), Some(identity)) = (
        shared::Shared::get(),
        shared::fixed::<{ shared::IDENTITY_BYTES }>(identity),
    ) else {
        return false;
    };
    let mut locked = shared.lock();
    let state = locked.state();
    state.loaded[..state.loaded_count].contains(&identity)
}

/// Bytes of a seat's payload.
fn payload_bytes() -> usize {
    guc::seat_payload()
}
