//! Which databases have rows waiting in queues: transactions tell as they commit, the launcher starts a worker for a
//! database, and the worker looks again as long as there was something.
//!
//! In shared memory, if the library is preloaded. It only makes things quick: what is not told here, because the server
//! was restarted, say, or a transaction was prepared, is found when the launcher looks at all databases.

use super::delays;
use crate::{ingest::limit, server::own_database, shmem::Shared};
use pgrx::prelude::*;
use std::{cell::Cell, ffi::c_void, ptr, sync::Once};

/// Databases that can be told of at a time.
const DATABASES: usize = 64;

static QUEUES: Shared<Queues> = Shared::new(c"clip_pg queues");

/// All is plain data; latches are those of the server's processes, in shared memory as long as the server runs.
#[derive(Clone, Copy)]
struct Queues {
    /// What wakes the launcher, null while there is none.
    launcher: *mut pg_sys::Latch,
    /// Whether databases wait for another one's worker to end.
    crowded: bool,
    databases: [Database; DATABASES],
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            launcher: ptr::null_mut(),
            crowded: false,
            databases: [Database::NONE; DATABASES],
        }
    }
}

#[derive(Clone, Copy)]
struct Database {
    /// Invalid where nothing is known of a database.
    oid: pg_sys::Oid,
    /// Whether rows came since its worker, if there is one, last began to look.
    wanted: bool,
    /// Whether its last worker found that the extension is not there.
    absent: bool,
    /// What wakes its worker, null while there is none.
    worker: *mut pg_sys::Latch,
}

impl Database {
    const NONE: Self = Self {
        oid: pg_sys::InvalidOid,
        wanted: false,
        absent: false,
        worker: ptr::null_mut(),
    };
}

impl Queues {
    /// The entry of a database; a new one if there is room.
    fn database(&mut self, oid: pg_sys::Oid) -> Option<&mut Database> {
        let known = self.databases.iter().position(|known| known.oid == oid);
        let free = || {
            self.databases
                .iter()
                .position(|known| known.oid == pg_sys::InvalidOid)
        };
        let database = known.or_else(free).map(|n| &mut self.databases[n])?;
        database.oid = oid;
        Some(database)
    }
}

/// Claims the shared memory; called while the library is preloaded.
pub fn register() {
    QUEUES.register();
}

thread_local! {
    /// Whether the current transaction is to be told of.
    static PENDING: Cell<bool> = const { Cell::new(false) };
}

/// To be called when a transaction has written pending rows, or has brought the extension into the database.
#[pg_extern(sql = false)]
pub fn tell_at_commit() {
    static REGISTERED: Once = Once::new();
    if !QUEUES.is_shared() {
        return;
    }
    // SAFETY: the callback stays in place as long as the library.
    REGISTERED.call_once(|| unsafe {
        pg_sys::RegisterXactCallback(Some(at_end_of_transaction), ptr::null_mut());
    });
    PENDING.set(true);
}

#[pg_guard]
unsafe extern "C-unwind" fn at_end_of_transaction(
    event: pg_sys::XactEvent::Type,
    _argument: *mut c_void,
) {
    use pg_sys::XactEvent::*;
    if !matches!(
        event,
        XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE
    ) {
        return;
    }
    if PENDING.take() && event == XACT_EVENT_COMMIT {
        tell(own_database());
    }
}

/// Wakes whoever looks after the queues of a database, unless that was done already.
fn tell(database: pg_sys::Oid) {
    let mut queues = QUEUES.exclusive();
    let launcher = queues.launcher;
    let Some(database) = queues.database(database) else {
        return;
    };
    if database.wanted {
        return;
    }
    database.wanted = true;
    wake(match database.worker.is_null() {
        true => launcher,
        false => database.worker,
    });
}

fn wake(latch: *mut pg_sys::Latch) {
    if !latch.is_null() {
        // SAFETY: latches of processes stay in shared memory; one that has a new owner is set for nothing.
        unsafe { pg_sys::SetLatch(latch) };
    }
}

/// Makes this process the launcher, until it ends.
pub fn enter_launcher() {
    // SAFETY: the callback runs while the process can still take locks; the rest reads a variable of this process.
    let latch = unsafe {
        pg_sys::before_shmem_exit(Some(leave_launcher), pg_sys::Datum::null());
        pg_sys::MyLatch
    };
    QUEUES.exclusive().launcher = latch;
}

#[pg_guard]
unsafe extern "C-unwind" fn leave_launcher(_code: i32, _argument: pg_sys::Datum) {
    QUEUES.exclusive().launcher = ptr::null_mut();
}

/// Databases with rows waiting and without a worker.
pub fn waiting() -> Vec<pg_sys::Oid> {
    let queues = QUEUES.share();
    let databases = queues.databases.iter();
    databases
        .filter(|database| database.wanted && database.worker.is_null())
        .map(|database| database.oid)
        .collect()
}

/// Databases whose worker found that the extension is not there, since this was last asked.
pub fn take_absent() -> Vec<pg_sys::Oid> {
    let mut queues = QUEUES.exclusive();
    let databases = queues.databases.iter_mut();
    databases
        .filter(|database| database.absent && database.worker.is_null() && !database.wanted)
        .map(|database| std::mem::replace(database, Database::NONE).oid)
        .collect()
}

/// Notes that a worker is started for a database, which will look whether it is told to or not. It makes an entry of its
/// own: where it cannot connect, because the database is gone, none is left.
pub fn starting(database: pg_sys::Oid) {
    let mut queues = QUEUES.exclusive();
    for known in &mut queues.databases {
        if known.oid == database && known.worker.is_null() {
            *known = Database::NONE;
        }
    }
}

/// Notes whether databases wait for another one's worker to end.
pub fn set_crowded(crowded: bool) {
    QUEUES.exclusive().crowded = crowded;
}

/// Whether databases wait for another one's worker to end.
pub fn is_crowded() -> bool {
    QUEUES.share().crowded
}

/// Makes this process the worker of the database that it is connected to, until it ends.
pub fn enter_worker() {
    // SAFETY: the callback runs while the process can still take locks; the rest reads a variable of this process.
    let latch = unsafe {
        pg_sys::before_shmem_exit(Some(leave_worker), pg_sys::Datum::null());
        pg_sys::MyLatch
    };
    let mut queues = QUEUES.exclusive();
    if let Some(database) = queues.database(own_database()) {
        database.worker = latch;
    }
}

/// Notes that the extension is not in the database that this process is the worker of.
pub fn set_absent() {
    let mut queues = QUEUES.exclusive();
    if let Some(database) = queues.database(own_database()) {
        database.absent = true;
    }
}

/// Whether rows came since the worker last asked.
pub fn came() -> bool {
    let mut queues = QUEUES.exclusive();
    let database = queues.database(own_database());
    database.is_some_and(|database| std::mem::take(&mut database.wanted))
}

/// Rows that come from now on, or came lately, are for the next worker. Code that did not let itself be canceled is not.
#[pg_guard]
unsafe extern "C-unwind" fn leave_worker(_code: i32, _argument: pg_sys::Datum) {
    if let Some((table, since)) = limit::at_hand() {
        delays::pass_over(table, since);
    }
    let mut queues = QUEUES.exclusive();
    let launcher = queues.launcher;
    let Some(database) = queues.database(own_database()) else {
        return;
    };
    database.worker = ptr::null_mut();
    if database.wanted || database.absent {
        wake(launcher);
    } else {
        *database = Database::NONE;
    }
}
