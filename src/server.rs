//! What the running server says about itself and about the current user, and what it asks of those who work long or
//! start threads.

use pgrx::pg_sys;
use std::{
    ffi::{CStr, OsStr, c_char},
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    ptr,
};

/// The data directory, absolute.
pub fn data_directory() -> PathBuf {
    // SAFETY: the server sets it at start, before it loads libraries, and never again.
    unsafe { path(pg_sys::DataDir) }
}

/// Where extensions' libraries are installed (`pg_config --pkglibdir`), absolute.
pub fn library_directory() -> PathBuf {
    // SAFETY: an array of MAXPGPATH that the server fills at start.
    unsafe { path((&raw const pg_sys::pkglib_path).cast()) }
}

/// Where extensions' data files are installed (`pg_config --sharedir`), absolute.
pub fn share_directory() -> PathBuf {
    let mut buffer: [c_char; pg_sys::MAXPGPATH as usize] = [0; pg_sys::MAXPGPATH as usize];
    // SAFETY: my_exec_path is filled at start; the function writes at most MAXPGPATH bytes, the closing 0 included.
    unsafe {
        pg_sys::get_share_path(
            (&raw const pg_sys::my_exec_path).cast(),
            buffer.as_mut_ptr(),
        );
        path(buffer.as_ptr())
    }
}

/// Whether the current user may read any file that the server may.
pub fn may_read_server_files() -> bool {
    // SAFETY: looks the current user up in the catalogs, which is possible wherever SQL calls a function.
    unsafe {
        pg_sys::has_privs_of_role(
            pg_sys::GetUserId(),
            pg_sys::Oid::from(pg_sys::ROLE_PG_READ_SERVER_FILES),
        )
    }
}

/// Where a vacuum or an ANALYZE serves interrupts, and sleeps when it has cost enough.
pub fn vacuum_delay_point() {
    // SAFETY: the caller holds nothing that minds being interrupted.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::vacuum_delay_point();
        #[cfg(feature = "pg18")]
        pg_sys::vacuum_delay_point(false);
    }
}

/// Runs `start` with all signals blocked, which threads that it starts inherit: handlers of the server's run on its own
/// thread only.
pub fn with_signals_blocked(start: &mut dyn FnMut()) {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the set it is given, pthread_sigmask writes the previous mask; neither fails with
    // these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    /// Puts the mask back, also when `start` panics.
    struct Unblock(libc::sigset_t);
    impl Drop for Unblock {
        fn drop(&mut self) {
            // SAFETY: the mask is the one that pthread_sigmask wrote.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, ptr::null_mut()) };
        }
    }
    // SAFETY: written above.
    let _unblock = Unblock(unsafe { before.assume_init() });
    start();
}

/// # Safety
/// `path` points to a string that ends with 0.
unsafe fn path(path: *const c_char) -> PathBuf {
    // SAFETY: as the caller promises.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    PathBuf::from(OsStr::from_bytes(bytes))
}
