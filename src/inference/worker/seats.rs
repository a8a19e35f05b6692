//! The seats in shared memory, and what all processes know of the worker.
//!
//! ```text
//! Header | Seat × worker_seats | payload × worker_seats, seat_payload bytes each
//! ```
//!
//! Invariant: the state, the seats and the payloads are read and written under the one lock only; copying an image
//! takes tens of microseconds, embedding it milliseconds. The rules by which seats change are those of
//! [`exchange::seats`].

use crate::{
    guc,
    model::{Identity, Locator},
    shmem::{Held, Piece},
};
use exchange::{
    key::Kind,
    seats::{Place, Pool, Seat},
};
use pgrx::pg_sys;
use std::{ffi::c_void, ptr::NonNull, slice, sync::atomic::AtomicU64};

/// Loaded models that other processes are told of at most.
const MAX_LOADED: usize = 64;

/// By what an input is to be embedded. Zeros are valid.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Request {
    /// What it is: a text in UTF-8, or an image, RGB, at the model's size.
    pub kind: Kind,
    /// The model.
    pub model: Locator,
}

/// Who waits for an answer. Zeros are valid.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Client {
    process: i32,
    /// What wakes it; in shared memory as long as the server runs, whoever owns it.
    latch: *mut pg_sys::Latch,
}

impl Client {
    /// This process.
    pub fn this() -> Self {
        // SAFETY: both are set for every process that can run SQL, and stay as they are.
        let (process, latch) = unsafe { (pg_sys::MyProcPid, pg_sys::MyLatch) };
        Self { process, latch }
    }

    /// Whether it is this process.
    pub fn is_this(&self) -> bool {
        self.process == Self::this().process
    }

    /// Has it look at how things are.
    pub fn wake(self) {
        // SAFETY: latches of processes stay in shared memory; one that has a new owner is set for nothing.
        unsafe { pg_sys::SetLatch(self.latch) };
    }
}

/// What all processes know of the worker.
#[repr(C)]
pub struct State {
    /// The worker, while there is one.
    worker: Client,
    /// When it was started, as a timestamp of the server's.
    started: i64,
    /// Where there is none: since when.
    missing_since: i64,
    /// Counts the requests.
    tickets: u64,
    /// Identities of the models that it has used last and still has loaded; the first `loaded_count` count.
    loaded: [Identity; MAX_LOADED],
    loaded_count: usize,
}

impl State {
    /// The worker's process, and when it was started; none while there is none.
    pub fn worker(&self) -> Option<(i32, i64)> {
        (self.worker.process != 0).then_some((self.worker.process, self.started))
    }

    /// Has the worker look for requests.
    pub fn wake_worker(&self) {
        if self.worker.process != 0 {
            self.worker.wake();
        }
    }

    /// Since when there has been none, where there is none.
    pub fn missing_since(&self) -> i64 {
        self.missing_since
    }

    /// Makes this process the worker.
    pub fn enter(&mut self, now: i64) {
        (self.worker, self.started) = (Client::this(), now);
    }

    /// Leaves the place of the worker to the next one.
    pub fn leave(&mut self, now: i64) {
        self.worker = Client {
            process: 0,
            latch: std::ptr::null_mut(),
        };
        (self.loaded_count, self.missing_since) = (0, now);
    }

    /// The models that the worker has loaded.
    pub fn loaded(&self) -> &[Identity] {
        &self.loaded[..self.loaded_count]
    }

    /// Tells of the models that the worker has loaded.
    pub fn set_loaded(&mut self, identities: impl Iterator<Item = Identity>) {
        self.loaded_count = 0;
        for (slot, identity) in self.loaded.iter_mut().zip(identities) {
            *slot = identity;
            self.loaded_count += 1;
        }
    }
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
    /// What clients wait on for a free seat; has a spinlock of its own.
    freed: pg_sys::ConditionVariable,
    counters: Counters,
    state: State,
}

type OneSeat = Seat<Request, Client>;

/// The header's bytes, so that what follows is aligned.
const HEADER_BYTES: usize = size_of::<Header>().next_multiple_of(64);

static SEATS: Piece = Piece::new(c"clip_pg seats", bytes, initialize);

fn bytes() -> usize {
    HEADER_BYTES + guc::worker_seats() * (size_of::<OneSeat>() + payload_bytes())
}

/// # Safety
/// `start` is aligned memory of [`bytes`], all zeros.
unsafe fn initialize(start: NonNull<c_void>) {
    let header: *mut Header = start.as_ptr().cast();
    // SAFETY: the header is at the start; zeros are valid for everything in it but these, and for free seats.
    unsafe {
        pg_sys::ConditionVariableInit(&raw mut (*header).freed);
        (*header).state.missing_since = pg_sys::GetCurrentTimestamp();
    }
}

/// Claims the memory; called while the library is preloaded.
pub fn register() {
    SEATS.register();
}

/// Bytes of a seat's payload.
pub fn payload_bytes() -> usize {
    guc::seat_payload()
}

/// Access to the seats.
#[derive(Clone, Copy)]
pub struct Seats(NonNull<Header>);

impl Seats {
    /// The seats, where the library was preloaded.
    pub fn get() -> Option<Self> {
        SEATS.start().map(|start| Self(start.cast()))
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        // SAFETY: the memory stays as long as the process; the counters are atomic, and no reference to the whole header is
        // ever made.
        unsafe { &(*self.0.as_ptr()).counters }
    }

    /// Waits for the lock, which this process does not hold.
    pub fn lock(self) -> Locked {
        Locked {
            header: self.0,
            // It is there where the memory is.
            _held: SEATS.exclusive(),
        }
    }

    /// Makes the seats at `places` free, and has those who wait for one look.
    pub fn leave(self, places: &[Place]) {
        self.lock().pool().leave(places);
        self.wake_waiting();
    }

    /// Makes all seats of this process free.
    pub fn leave_all(self) {
        self.lock().pool().leave_all(Client::is_this);
        self.wake_waiting();
    }

    /// Sleeps until a seat may have become free; the first of several calls only prepares. Serves interrupts.
    pub fn wait_for_free(self) {
        // SAFETY: the variable was initialised with the memory, and the lock is not held: a sleep may end in an error.
        unsafe {
            let freed = &raw mut (*self.0.as_ptr()).freed;
            pg_sys::ConditionVariableSleep(freed, pg_sys::PG_WAIT_EXTENSION);
        }
    }

    fn wake_waiting(self) {
        // SAFETY: the variable was initialised with the memory; waking takes only its own spinlock and those of latches.
        unsafe { pg_sys::ConditionVariableBroadcast(&raw mut (*self.0.as_ptr()).freed) };
    }
}

/// Everything that the lock protects.
pub struct Locked {
    header: NonNull<Header>,
    _held: Option<Held>,
}

impl Locked {
    /// What all processes know of the worker.
    pub fn state(&mut self) -> &mut State {
        // SAFETY: the lock is held exclusively, and the reference borrows what holds it.
        unsafe { &mut (*self.header.as_ptr()).state }
    }

    /// All seats.
    pub fn pool(&mut self) -> Pool<'_, Request, Client> {
        let count = guc::worker_seats();
        // SAFETY: the lock is held exclusively, and the pool borrows what holds it. The seats follow the header and hold
        // valid values from the start, the payloads follow the seats, one for each; none of the three overlaps another.
        unsafe {
            let header = self.header.as_ptr();
            let first: *mut OneSeat = header.byte_add(HEADER_BYTES).cast();
            let payloads: *mut u8 = first.add(count).cast();
            Pool::new(
                &mut (*header).state.tickets,
                slice::from_raw_parts_mut(first, count),
                slice::from_raw_parts_mut(payloads, count * payload_bytes()),
            )
        }
    }
}
