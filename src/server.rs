//! What the running server says about itself and about the current user.

use pgrx::pg_sys;
use std::{
    ffi::{CStr, OsStr, c_char},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
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

/// # Safety
/// `path` points to a string that ends with 0.
unsafe fn path(path: *const c_char) -> PathBuf {
    // SAFETY: as the caller promises.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    PathBuf::from(OsStr::from_bytes(bytes))
}
