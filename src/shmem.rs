//! Memory that all processes of the server share: asked for while the library is preloaded, laid out when the server has it.
//!
//! Every piece has a name and a lock of its own. The postmaster alone lays it out, and again after a crash, with new memory
//! that holds only zeros; so nobody has to be kept out meanwhile. All processes are forked from the postmaster: they inherit
//! what it writes into statics, and an address means the same in each.
//!
//! pgrx has the same for values of a fixed size. Seats and memos are as large as settings say.

use pgrx::{pg_guard, pg_sys};
use std::{
    ffi::{CStr, c_void},
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicPtr, Ordering::Relaxed},
    },
};

/// A piece of shared memory.
pub struct Piece {
    /// Of the memory and of its lock, which waiting processes are said to wait for.
    name: &'static CStr,
    bytes: fn() -> usize,
    initialize: unsafe fn(NonNull<c_void>),
    start: AtomicPtr<c_void>,
    lock: AtomicPtr<pg_sys::LWLock>,
}

impl Piece {
    /// A piece of as many bytes as `bytes` says when settings are known. `initialize` is given as many, aligned for any type
    /// and all zeros, where they make no valid value.
    pub const fn new(
        name: &'static CStr,
        bytes: fn() -> usize,
        initialize: unsafe fn(NonNull<c_void>),
    ) -> Self {
        Self {
            name,
            bytes,
            initialize,
            start: AtomicPtr::new(ptr::null_mut()),
            lock: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Has the memory claimed; called while the library is preloaded.
    pub fn register(&'static self) {
        let mut pieces = pieces();
        if pieces.is_empty() {
            install();
        }
        pieces.push(self);
        #[cfg(feature = "pg14")]
        self.request();
    }

    /// Where it is; none where the library was not preloaded.
    pub fn start(&self) -> Option<NonNull<c_void>> {
        NonNull::new(self.start.load(Relaxed))
    }

    /// Waits for its lock; none where the library was not preloaded. The caller does not hold it already.
    pub fn exclusive(&self) -> Option<Held> {
        self.acquire(pg_sys::LWLockMode::LW_EXCLUSIVE)
    }

    /// Waits for its lock, to be held together with others that only read.
    pub fn shared(&self) -> Option<Held> {
        self.acquire(pg_sys::LWLockMode::LW_SHARED)
    }

    fn acquire(&self, mode: pg_sys::LWLockMode::Type) -> Option<Held> {
        let start = self.start()?;
        let lock = self.lock.load(Relaxed);
        // SAFETY: the lock was set before the start was, to one of the server's that lives as long as the memory.
        unsafe { pg_sys::LWLockAcquire(lock, mode) };
        Some(Held { start, lock })
    }

    fn request(&self) {
        // SAFETY: the server allows it while it calls the hook for that, in version 14 while it preloads libraries.
        unsafe {
            pg_sys::RequestAddinShmemSpace((self.bytes)());
            pg_sys::RequestNamedLWLockTranche(self.name.as_ptr(), 1);
        }
    }

    /// # Safety
    /// Called from the startup hook, with the memory requested.
    unsafe fn lay_out(&self) {
        let bytes = (self.bytes)();
        let mut found = false;
        // SAFETY: as the caller promises, as many bytes and one lock were requested under the name. What the server gives is
        // not null, and new memory is nobody else's.
        let (start, lock) = unsafe {
            let start = pg_sys::ShmemInitStruct(self.name.as_ptr(), bytes, &mut found);
            if !found {
                start.cast::<u8>().write_bytes(0, bytes);
                (self.initialize)(NonNull::new_unchecked(start));
            }
            let locks = pg_sys::GetNamedLWLockTranche(self.name.as_ptr());
            (start, &raw mut (*locks).lock)
        };
        self.lock.store(lock, Relaxed);
        self.start.store(start, Relaxed);
    }
}

/// The lock of a piece, held until this is dropped. Nothing that can raise an error should be called meanwhile; interrupts are
/// held off by the server.
pub struct Held {
    start: NonNull<c_void>,
    lock: *mut pg_sys::LWLock,
}

impl Held {
    /// Where the memory is that the lock protects.
    pub fn start(&self) -> NonNull<c_void> {
        self.start
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the lock was acquired when this was made. After an error of the server's, which lets interrupts in again,
        // the end of the transaction or of the process releases it.
        unsafe {
            if pg_sys::InterruptHoldoffCount > 0 {
                pg_sys::LWLockRelease(self.lock);
            }
        }
    }
}

/// A value in shared memory: plain data, of which copies mean the same in every process.
pub struct Shared<T> {
    piece: Piece,
    value: PhantomData<fn() -> T>,
}

impl<T: Copy + Default + 'static> Shared<T> {
    /// The default value of `T`, in memory of this name.
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            piece: Piece::new(name, size_of_value::<T>, initialize::<T>),
            value: PhantomData,
        }
    }

    /// See [`Piece::register`].
    pub fn register(&'static self) {
        self.piece.register();
    }

    /// Whether the library was preloaded, and there are other processes to share the value with.
    pub fn is_shared(&self) -> bool {
        // SAFETY: reads a variable of this process; in single-user mode there are no other processes.
        self.piece.start().is_some() && unsafe { pg_sys::IsUnderPostmaster }
    }

    /// The value, for this process alone.
    ///
    /// # Panics
    /// Where the library was not preloaded.
    pub fn exclusive(&self) -> Exclusive<T> {
        Exclusive(Read::new(self.piece.exclusive()))
    }

    /// The value, to be read at the same time as by others.
    ///
    /// # Panics
    /// Where the library was not preloaded.
    pub fn share(&self) -> Read<T> {
        Read::new(self.piece.shared())
    }
}

const fn size_of_value<T>() -> usize {
    size_of::<T>()
}

/// # Safety
/// `start` is aligned memory for a `T`.
unsafe fn initialize<T: Default>(start: NonNull<c_void>) {
    // SAFETY: as the caller promises; zeros need no drop.
    unsafe { start.cast::<T>().write(T::default()) };
}

/// A value that this process reads.
pub struct Read<T> {
    held: Held,
    value: PhantomData<T>,
}

impl<T> Read<T> {
    fn new(held: Option<Held>) -> Self {
        Self {
            held: held.expect("the library was preloaded"),
            value: PhantomData,
        }
    }
}

impl<T> Deref for Read<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the memory holds a T from its initialization on; its lock is held, at least with others that read.
        unsafe { self.held.start.cast().as_ref() }
    }
}

/// A value that this process alone reads and writes.
pub struct Exclusive<T>(Read<T>);

impl<T> Deref for Exclusive<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Exclusive<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the memory holds a T from its initialization on; its lock is held by this process alone, for as long as the
        // reference lives.
        unsafe { self.0.held.start.cast().as_mut() }
    }
}

/// All pieces, in the order of their registration; written by the postmaster.
static PIECES: Mutex<Vec<&'static Piece>> = Mutex::new(Vec::new());

fn pieces() -> MutexGuard<'static, Vec<&'static Piece>> {
    PIECES.lock().unwrap_or_else(PoisonError::into_inner)
}

type Hook = Option<unsafe extern "C-unwind" fn()>;

static mut NEXT_STARTUP: Hook = None;
#[cfg(not(feature = "pg14"))]
static mut NEXT_REQUEST: Hook = None;

/// Puts the hooks in place.
fn install() {
    // SAFETY: the postmaster is loading libraries, in its one thread.
    unsafe {
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
/// `next` is the hook that there was before this library's own, which the server calls now.
unsafe fn call(next: Hook) {
    if let Some(next) = next {
        // SAFETY: as the caller promises, the hook may be called; what it raises is handed on.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| next()) };
    }
}

#[cfg(not(feature = "pg14"))]
#[pg_guard]
unsafe extern "C-unwind" fn request_hook() {
    // SAFETY: the server calls this hook; the variable was set before it was in place.
    unsafe { call(NEXT_REQUEST) };
    for piece in pieces().iter() {
        piece.request();
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn startup_hook() {
    // SAFETY: the server calls this hook; the variable was set before it was in place.
    unsafe { call(NEXT_STARTUP) };
    for piece in pieces().iter() {
        // SAFETY: this is the startup hook, and every piece was requested.
        unsafe { piece.lay_out() };
    }
}
