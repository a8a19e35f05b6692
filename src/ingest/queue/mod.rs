//! Queues: what is pending in tables of mode queue is embedded by processes of the server's, if the library is preloaded.
//!
//! Transactions tell which [databases] rows wait in, the [launcher] starts a [worker] where there are any, and tables that hold
//! one up are passed over for a while, after [delays].

mod databases;
mod delays;
mod launcher;
mod worker;

pub use databases::tell_at_commit;

/// Claims shared memory and processes; called while the library is preloaded.
pub fn register() {
    // SAFETY: reads a variable of this process. What pg_upgrade's servers write could not be read afterwards.
    if unsafe { pgrx::pg_sys::IsBinaryUpgrade } {
        return;
    }
    databases::register();
    delays::register();
    launcher::register();
}
