//! CLIP embeddings and vector search inside PostgreSQL.
//!
//! A thin shell around the crates below `crates/`, which know nothing of PostgreSQL. What a user can call is declared where
//! it is implemented, or in `sql/` where the macros of pgrx cannot say it.

mod aggregate;
mod array;
mod background;
mod classify;
mod datum;
mod duplicates;
mod embed;
mod error;
mod evaluate;
mod formats;
mod gallery;
mod guc;
mod index;
mod inference;
mod ingest;
mod json;
mod learn;
mod message;
mod model;
mod registration;
mod role;
mod search;
mod server;
mod shards;
mod shmem;
mod sql;
mod subtransaction;
mod text;
mod vector;

/// The crate's version, as `pg_get_loaded_modules()` tells it.
const VERSION: &std::ffi::CStr = match std::ffi::CStr::from_bytes_with_nul(
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes(),
) {
    Ok(version) => version,
    Err(_) => panic!("a version holds no 0"),
};

// Both in full: of the macro's short forms, the second one takes the place of the first.
::pgrx::pg_module_magic!(name = c"clip_pg", version = crate::VERSION);

// Before anything else in the script.
pgrx::extension_sql_file!("../sql/bootstrap.sql", name = "bootstrap", bootstrap);

/// Runs once per process, when the library is loaded.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    guc::define();
    index::define();
    // SAFETY: reads a variable of this process.
    if unsafe { pgrx::pg_sys::process_shared_preload_libraries_in_progress } {
        guc::define_worker();
        inference::register();
        ingest::register();
    }
    guc::reserve_prefix();
}
