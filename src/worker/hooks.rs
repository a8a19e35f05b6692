//! Shared memory: asked for while the library is preloaded, laid out when the server has it.
//!
//! The postmaster runs the startup hook again after a crash, with new memory that holds only zeros.

use super::{memo, shared};
use pgrx::{pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

/// Name of the two locks.
const TRANCHE: &CStr = c"clip_pg";

/// Number of `AddinShmemInitLock` among the server's own locks, in all supported versions.
const ADDIN_SHMEM_INIT_LOCK: usize = 21;

type Hook = Option<unsafe extern "C-unwind" fn()>;

static mut NEXT_STARTUP: Hook = None;
#[cfg(not(feature = "pg14"))]
static mut NEXT_REQUEST: Hook = None;

/// Puts both hooks in place.
pub fn install() {
    // SAFETY: the postmaster is loading libraries, in its one thread.
    unsafe {
        #[cfg(feature = "pg14")]
        request();
        #[cfg(not(feature = "pg14"))]
        {
            NEXT_REQUEST = pg_sys::shmem_request_hook;
            pg_sys::shmem_request_hook = Some(request_hook);
        }
        NEXT_STARTUP = pg_sys::shmem_startup_hook;
        pg_sys::shmem_startup_hook = Some(startup_hook);
    }
}

/// # Safety
/// To be called when shared memory may be asked for.
unsafe fn request() {
    // SAFETY: as the caller promises.
    unsafe {
        pg_sys::RequestAddinShmemSpace(pg_sys::add_size(shared::bytes(), memo::bytes()));
        pg_sys::RequestNamedLWLockTranche(TRANCHE.as_ptr(), 2);
    }
}

#[cfg(not(feature = "pg14"))]
#[pg_guard]
unsafe extern "C-unwind" fn request_hook() {
    // SAFETY: the server calls the hook when memory may be asked for; the next hook was there before this one.
    unsafe {
        if let Some(next) = NEXT_REQUEST {
            pg_sys::ffi::pg_guard_ffi_boundary(|| next());
        }
        request();
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn startup_hook() {
    // SAFETY: the server calls the hook when shared memory is there, and what was asked for can be had; the next hook
    // was there before this one.
    unsafe {
        if let Some(next) = NEXT_STARTUP {
            pg_sys::ffi::pg_guard_ffi_boundary(|| next());
        }
        let init = &raw mut (*pg_sys::MainLWLockArray.add(ADDIN_SHMEM_INIT_LOCK)).lock;
        pg_sys::LWLockAcquire(init, pg_sys::LWLockMode::LW_EXCLUSIVE);
        let locks = pg_sys::GetNamedLWLockTranche(TRANCHE.as_ptr());
        let (start, found) = allocate(c"clip_pg seats", shared::bytes());
        shared::initialize(start, found, &raw mut (*locks).lock);
        let (start, found) = allocate(c"clip_pg memo", memo::bytes());
        memo::initialize(start, found, &raw mut (*locks.add(1)).lock);
        pg_sys::LWLockRelease(init);
    }
}

/// Shared memory under a name, all zeros where it is new, and whether it was there before.
///
/// # Safety
/// Called from the startup hook.
unsafe fn allocate(name: &CStr, bytes: usize) -> (*mut c_void, bool) {
    let mut found = false;
    // SAFETY: as the caller promises; the bytes are those asked for.
    unsafe {
        let start = pg_sys::ShmemInitStruct(name.as_ptr(), bytes, &mut found);
        if !found {
            start.cast::<u8>().write_bytes(0, bytes);
        }
        (start, found)
    }
}
