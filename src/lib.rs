//! CLIP embeddings and vector search inside PostgreSQL.
//!
//! A thin shell around crates that know nothing of PostgreSQL: `clip` turns texts and images into embeddings, `hnsw` finds
//! neighbours, `kernels` computes distances. What a user can call is declared where it is implemented, or in `sql/` where the macros of pgrx
//! cannot say it.

mod background;
mod classify;
mod embed;
mod error;
mod guc;
mod index;
mod ingest;
mod model;
mod role;
mod server;
mod sql;
mod subtransaction;
mod vector;
mod worker;

::pgrx::pg_module_magic!(name, version);

/// Runs once per process, when the library is loaded.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    guc::define();
    index::define();
    // SAFETY: reads a variable of this process.
    if unsafe { pgrx::pg_sys::process_shared_preload_libraries_in_progress } {
        guc::define_worker();
        worker::register();
        ingest::register();
    }
    guc::reserve_prefix();
}
