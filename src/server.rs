//! What the running server says about itself and about the current user, and what it asks of those who work long or
//! start threads.

pub use imaging::signals::with_signals_blocked;
use pgrx::pg_sys::{self, SysCacheIdentifier::TYPENAMENSP};
use std::{
    ffi::{CStr, OsStr, OsString, c_char},
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    ptr, slice,
};

/// The data directory, absolute.
pub fn data_directory() -> PathBuf {
    // SAFETY: the server sets it at start, before it loads libraries, and never again.
    unsafe { path(pg_sys::DataDir) }
}

/// Where this library lies, absolute.
fn own_directory() -> PathBuf {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the address is one of this library, whose name stays where it is as long as the library is loaded.
    let name = unsafe {
        let found = libc::dladdr((own_directory as *const ()).cast(), info.as_mut_ptr());
        let name = info.assume_init().dli_fname;
        (found != 0 && !name.is_null()).then(|| path(name))
    };
    let file = name.and_then(|name| std::path::absolute(name).ok());
    let directory = file.as_deref().and_then(Path::parent);
    directory.map_or_else(library_directory, Path::to_owned)
}

/// Where the server has extensions' libraries (`pg_config --pkglibdir`), absolute.
fn library_directory() -> PathBuf {
    // SAFETY: an array of MAXPGPATH that the server fills at start.
    unsafe { path((&raw const pg_sys::pkglib_path).cast()) }
}

/// Where the server has extensions' data files (`pg_config --sharedir`), absolute.
fn share_directory() -> PathBuf {
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

/// A file that is installed beside this library, or else with the server's libraries.
pub fn library_file(file: &str) -> PathBuf {
    let own = own_directory().join(file);
    match own.exists() {
        true => own,
        false => library_directory().join(file),
    }
}

/// A file that is installed beside the extension's control file: where the server looks for that, or where it belongs to this
/// library, wherever the two were put.
pub fn extension_file(file: &str) -> PathBuf {
    let share = share_directory();
    let own = own_directory();
    let near = own.parent().into_iter();
    let near = near.flat_map(|folder| ["share", "share/postgresql"].map(|name| folder.join(name)));
    // The server may have another copy of the extension than the one that this library belongs to, which counts.
    let system = counterpart(&library_directory(), &share, &own).into_iter();
    let system: Vec<PathBuf> = system.chain(near).chain([share.clone()]).collect();
    let set = extension_control_path().unwrap_or_default();
    let set = set.as_bytes().split(|&byte| byte == b':');
    let set = set.filter(|folder| !folder.is_empty());
    set.flat_map(|folder| match folder {
        b"$system" => system.clone(),
        folder => vec![PathBuf::from(OsStr::from_bytes(folder))],
    })
    .chain(system.iter().cloned())
    .map(|folder| folder.join("extension").join(file))
    .find(|path| path.exists())
    .unwrap_or_else(|| share.join("extension").join(file))
}

/// The setting `extension_control_path`, which servers have from version 18 on.
fn extension_control_path() -> Option<OsString> {
    // SAFETY: returns a C string that stays as it is until the setting changes, or null.
    unsafe {
        let value = pg_sys::GetConfigOption(c"extension_control_path".as_ptr(), true, false);
        (!value.is_null()).then(|| OsStr::from_bytes(CStr::from_ptr(value).to_bytes()).to_owned())
    }
}

/// What `there` is to `here`, beside `other`, which lies elsewhere and ends like `here`: the same tree was put below
/// another directory.
fn counterpart(here: &Path, there: &Path, other: &Path) -> Option<PathBuf> {
    let common = here.components().zip(there.components());
    let common = common.take_while(|(a, b)| a == b).count();
    let rest: PathBuf = here.components().skip(common).collect();
    let depth = rest.components().count();
    let root = other
        .ends_with(&rest)
        .then(|| other.ancestors().nth(depth))??;
    Some(root.join(there.components().skip(common).collect::<PathBuf>()))
}

/// The database that this process is connected to.
pub fn own_database() -> pg_sys::Oid {
    // SAFETY: reads a variable of this process, which is set once, before there is SQL.
    unsafe { pg_sys::MyDatabaseId }
}

/// The type of that name that the extension has made, wherever the search path leads.
pub fn own_type(name: &CStr) -> pg_sys::Oid {
    let none = pg_sys::Datum::null();
    // SAFETY: the name ends with 0, and the cache looks types up by name and, where that is given, schema.
    let list = unsafe {
        let name = name.as_ptr().into();
        pg_sys::SearchSysCacheList(TYPENAMENSP as i32, 1, name, none, none)
    };
    // SAFETY: the list has as many members as it says, each with a row of pg_type, until it is released.
    let oids: Vec<pg_sys::Oid> = unsafe {
        let members = slice::from_raw_parts((*list).members.as_ptr(), (*list).n_members as usize);
        let oids = members.iter().map(|&member| {
            let row = ptr::addr_of_mut!((*member).tuple);
            (*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_type>()).oid
        });
        let oids = oids.collect();
        pg_sys::ReleaseCatCacheList(list);
        oids
    };
    // SAFETY: looks into the catalogs, which is possible wherever SQL calls a function; the name ends with 0.
    let is_own = |&oid: &pg_sys::Oid| unsafe {
        let extension = pg_sys::get_extension_oid(c"clip_pg".as_ptr(), false);
        pg_sys::getExtensionOfObject(pg_sys::TypeRelationId, oid) == extension
    };
    oids.into_iter().find(is_own).unwrap_or(pg_sys::InvalidOid)
}

/// Whether this server replays another one's log: it is a standby, or recovers from a backup.
pub fn in_recovery() -> bool {
    // SAFETY: reads shared memory, where a process has it.
    unsafe { pg_sys::RecoveryInProgress() }
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
        #[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17"))]
        pg_sys::vacuum_delay_point();
        #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
        pg_sys::vacuum_delay_point(false);
    }
}

/// # Safety
/// `path` points to a string that ends with 0.
unsafe fn path(path: *const c_char) -> PathBuf {
    // SAFETY: the string ends with 0, as the caller says, and is read before this returns.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    PathBuf::from(OsStr::from_bytes(bytes))
}
