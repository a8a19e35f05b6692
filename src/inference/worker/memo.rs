//! Embeddings of texts that any session has asked for, in shared memory.
//!
//! ```text
//! Header | Set × sets
//! ```
//!
//! Keys are those of the session's own [memo](crate::inference::memo), with one text each. They hold the model's identity, so
//! that an entry is right whatever name the model has by now.
//!
//! Invariant: entries are written under the lock held exclusively and read under it held by any number; what reading
//! changes is atomic.

use crate::{guc, model::Model, shmem::Piece};
use exchange::{
    key::{Digest, Key, Kind},
    memo,
};
use half::slice::HalfFloatSliceExt;
use std::{
    ffi::c_void,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Elements of a vector at most; longer ones are not remembered. Published models have up to 1536.
const MAX_DIMENSIONS: usize = 2048;

type Set = memo::Set<MAX_DIMENSIONS>;

/// Zeros are that of an empty memo.
#[repr(C)]
struct Header {
    /// Ticks with every use of an entry; 0 is before all.
    clock: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

const HEADER_BYTES: usize = size_of::<Header>().next_multiple_of(64);

static MEMO: Piece = Piece::new(c"clip_pg memo", bytes, leave_empty);

fn sets() -> usize {
    guc::text_memo() / size_of::<Set>()
}

fn bytes() -> usize {
    HEADER_BYTES + sets() * size_of::<Set>()
}

/// # Safety
/// None is needed: zeros are an empty memo.
unsafe fn leave_empty(_start: NonNull<c_void>) {}

/// Claims the memory; called while the library is preloaded.
pub fn register() {
    MEMO.register();
}

/// What stands for `text` as embedded by `model`.
pub fn digest(model: &Model, text: &str) -> Digest {
    Key::new(Kind::Text, &model.manifest.identity, [text.as_bytes()]).digest()
}

/// The embedding that is remembered under `key`, counted as a hit or a miss.
pub fn get(key: &Digest) -> Option<Vec<f32>> {
    let header = header()?;
    let held = MEMO.shared()?;
    let set = set(held.start(), key)?;
    // SAFETY: the lock is held, so nobody writes; zeros and what was written are valid sets.
    let row = unsafe { set.as_ref() }.get(key, tick(header));
    let counter = match row {
        Some(_) => &header.hits,
        None => &header.misses,
    };
    counter.fetch_add(1, Relaxed);
    row.map(HalfFloatSliceExt::to_f32_vec)
}

/// Remembers the embedding `row` under `key`.
pub fn put(key: &Digest, row: &[f32]) {
    let (Some(header), Some(held)) = (header(), MEMO.exclusive()) else {
        return;
    };
    if let Some(mut set) = set(held.start(), key) {
        // SAFETY: the lock is held exclusively; zeros and what was written are valid sets.
        unsafe { set.as_mut() }.put(key, row, tick(header));
    }
}

/// Texts found here and texts not found, since the server was started.
pub fn counters() -> (u64, u64) {
    header().map_or((0, 0), |header| {
        (header.hits.load(Relaxed), header.misses.load(Relaxed))
    })
}

fn header() -> Option<&'static Header> {
    let start = MEMO.start()?;
    // SAFETY: the memory stays as long as the process, begins with a header, and all of that is atomic.
    Some(unsafe { start.cast().as_ref() })
}

fn tick(header: &Header) -> u64 {
    header.clock.fetch_add(1, Relaxed) + 1
}

/// The set that `key` belongs to; `None` where there are none.
fn set(start: NonNull<c_void>, key: &Digest) -> Option<NonNull<Set>> {
    let index = memo::set_of(key, sets())?;
    // SAFETY: the sets follow the header in the same piece of memory, and this is one of them.
    Some(unsafe { start.byte_add(HEADER_BYTES).cast::<Set>().add(index) })
}
