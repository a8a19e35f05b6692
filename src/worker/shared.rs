//! The seats in shared memory: one request each, a text or an image, and later its result.
//!
//! ```text
//! Header | Seat × worker_seats | payload × worker_seats, seat_payload bytes each
//! ```
//!
//! Invariant: the state, the seats and the payloads are read and written under the one lock only; copying an image
//! takes tens of microseconds, embedding it milliseconds. What is in here is plain data that no process allocated: a
//! process may end anywhere. All processes are forked from the postmaster, so an address means the same in each.
//!
//! A seat goes from `Free` to `Waiting` when a client takes it, to `Running` when the worker has copied the payload,
//! and to `Done`, `Failed` or `Lost`. Only its client makes it `Free` again, in whatever state it is, and then it has
//! another generation: a result for the one before finds no taker.

use super::{lock::Held, payload_bytes};
use crate::guc;
use pgrx::pg_sys;
use std::{
    ffi::c_void,
    ptr, slice,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed},
};

/// Bytes of a model's name and the closing 0.
pub const NAME_BYTES: usize = 64;

/// Hexadecimal digits of a model's identity.
pub const IDENTITY_BYTES: usize = 64;

/// Loaded models that other processes are told of at most.
const MAX_LOADED: usize = 64;

/// What is to be embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A text in UTF-8.
    Text,
    /// An image, RGB, at the model's size.
    Image,
}

/// Which way a request has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Phase {
    /// Nobody's. Zero, as new memory is.
    Free,
    /// For the worker to take.
    Waiting,
    /// With the worker.
    Running,
    /// The payload is the embedding, `f32` in the processor's order.
    Done,
    /// The payload is the error, as JSON.
    Failed,
    /// The worker ended before.
    Lost,
}

/// One seat.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Seat {
    /// Which way the request has gone.
    pub phase: Phase,
    /// What is to be embedded.
    pub kind: Kind,
    /// Counts the clients that have left the seat.
    pub generation: u64,
    /// Orders requests by their arrival.
    pub ticket: u64,
    /// When the request came, in microseconds of the server's clock.
    pub since: i64,
    /// Process of the client.
    pub client: i32,
    /// What wakes the client; in shared memory as long as the server runs, whoever owns it.
    pub latch: *mut pg_sys::Latch,
    /// Name of the model, filled up with zeros.
    pub model: [u8; NAME_BYTES],
    /// Identity of the model.
    pub identity: [u8; IDENTITY_BYTES],
    /// Bytes of the payload that count.
    pub length: usize,
}

/// What all processes know of the worker.
#[repr(C)]
pub struct State {
    /// Its process, 0 while there is none.
    pub worker: i32,
    /// What wakes it, null while there is none.
    pub latch: *mut pg_sys::Latch,
    /// When it was started, as a timestamp of the server's.
    pub started: i64,
    /// Where there is none: since when.
    pub missing_since: i64,
    /// The next request's.
    pub ticket: u64,
    /// Identities of the models that it has used last and still has loaded; the first [`State::loaded_count`] count.
    pub loaded: [[u8; IDENTITY_BYTES]; MAX_LOADED],
    /// How many these are.
    pub loaded_count: usize,
}

/// What has happened since the server was started; needs no lock.
#[repr(C)]
pub struct Counters {
    /// Texts and images that the worker has embedded, failures included.
    pub requests: AtomicU64,
    /// Runs of a model.
    pub batches: AtomicU64,
    /// Microseconds between a request and the start of its run, summed up.
    pub queued: AtomicU64,
    /// Microseconds that runs took.
    pub running: AtomicU64,
    /// Times that the worker was started.
    pub starts: AtomicU64,
}

#[repr(C)]
struct Header {
    lock: *mut pg_sys::LWLock,
    /// What clients wait on for a free seat; has a spinlock of its own.
    freed: pg_sys::ConditionVariable,
    counters: Counters,
    state: State,
}

/// Written by the postmaster, inherited by its children.
static HEADER: AtomicPtr<Header> = AtomicPtr::new(ptr::null_mut());

/// The header's bytes, so that what follows is aligned.
const HEADER_BYTES: usize = size_of::<Header>().next_multiple_of(64);

/// Bytes of shared memory for the seats.
pub fn bytes() -> usize {
    HEADER_BYTES + guc::worker_seats() * (size_of::<Seat>() + payload_bytes())
}

/// Makes the memory at `start` known to this process, after laying it out unless it is in use.
///
/// # Safety
/// `start` is aligned shared memory of [`bytes`], all zeros unless `found`, and `lock` is in shared memory.
pub unsafe fn initialize(start: *mut c_void, found: bool, lock: *mut pg_sys::LWLock) {
    let header: *mut Header = start.cast();
    if !found {
        // SAFETY: zeros are valid for everything else, free seats included.
        unsafe {
            (*header).lock = lock;
            pg_sys::ConditionVariableInit(&raw mut (*header).freed);
            (*header).state.missing_since = pg_sys::GetCurrentTimestamp();
        }
    }
    HEADER.store(header, Relaxed);
}

/// Access to the seats.
#[derive(Clone, Copy)]
pub struct Shared(*mut Header);

impl Shared {
    /// The seats, where the library was preloaded.
    pub fn get() -> Option<Self> {
        let header = HEADER.load(Relaxed);
        (!header.is_null()).then_some(Self(header))
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        // SAFETY: the memory stays as long as the process, and the counters are atomic.
        unsafe { &(*self.0).counters }
    }

    /// Waits for the lock.
    pub fn lock(self) -> Locked {
        // SAFETY: the lock was set when the memory was laid out; no code takes it twice.
        let held = unsafe { Held::exclusive((*self.0).lock) };
        Locked {
            header: self.0,
            _held: held,
        }
    }

    /// Sleeps until a seat may have become free; the first of several calls only prepares. Serves interrupts.
    pub fn wait_for_free(self) {
        // SAFETY: the variable was initialised with the memory, and the lock is not held.
        unsafe {
            pg_sys::ConditionVariableSleep(&raw mut (*self.0).freed, pg_sys::PG_WAIT_EXTENSION);
        }
    }

    /// To be called when seats were left.
    pub fn wake_waiting(self) {
        // SAFETY: as above.
        unsafe { pg_sys::ConditionVariableBroadcast(&raw mut (*self.0).freed) };
    }
}

/// Everything that the lock protects.
pub struct Locked {
    header: *mut Header,
    _held: Held,
}

impl Locked {
    /// What all processes know of the worker.
    pub fn state(&mut self) -> &mut State {
        // SAFETY: the lock is held exclusively.
        unsafe { &mut (*self.header).state }
    }

    /// All seats.
    pub fn seats(&mut self) -> &mut [Seat] {
        // SAFETY: the lock is held exclusively; the seats follow the header and hold valid values from the start.
        unsafe { slice::from_raw_parts_mut(self.first_seat(), guc::worker_seats()) }
    }

    /// The payload of a seat, all of it.
    pub fn payload(&mut self, seat: usize) -> &mut [u8] {
        assert!(seat < guc::worker_seats());
        // SAFETY: the lock is held exclusively; the payloads follow the seats, one for each.
        unsafe {
            let first: *mut u8 = self.first_seat().add(guc::worker_seats()).cast();
            slice::from_raw_parts_mut(first.add(seat * payload_bytes()), payload_bytes())
        }
    }

    /// Writes what comes out of a seat's request, cut where the payload ends, and wakes its client.
    pub fn finish(&mut self, seat: usize, phase: Phase, contents: &[u8]) {
        let length = contents.len().min(payload_bytes());
        self.payload(seat)[..length].copy_from_slice(&contents[..length]);
        let taken = &mut self.seats()[seat];
        (taken.phase, taken.length) = (phase, length);
        self.wake(seat);
    }

    /// Has the client of a seat that is taken look at how things are.
    pub fn wake(&mut self, seat: usize) {
        // SAFETY: latches of processes stay in shared memory; one that has a new owner is set for nothing.
        unsafe { pg_sys::SetLatch(self.seats()[seat].latch) };
    }

    fn first_seat(&self) -> *mut Seat {
        // SAFETY: the seats follow the header in the same piece of memory.
        unsafe { self.header.byte_add(HEADER_BYTES).cast() }
    }
}

/// `text` filled up with zeros, unless it is longer.
pub fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    bytes
        .get_mut(..text.len())?
        .copy_from_slice(text.as_bytes());
    Some(bytes)
}

/// What [`fixed`] was given.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}
