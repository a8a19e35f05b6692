//! Embeddings of texts that any session has asked for, in shared memory.
//!
//! ```text
//! Header | Set × sets, WAYS entries each
//! ```
//!
//! A key chooses a set; a new entry takes the place of the one in its set that was not asked for longest. Sets are
//! large enough to fill up evenly. The key holds the model's identity, so that an entry is right whatever name the model
//! has by now. Vectors are kept in half precision, in which SQL has them anyway.
//!
//! Invariant: entries are written under the lock held exclusively and read under it held by any number; what reading
//! changes is atomic.

use super::lock::Held;
use crate::{guc, model::Model};
use half::{f16, slice::HalfFloatSliceExt};
use pgrx::pg_sys;
use sha2::{Digest, Sha256};
use std::{
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed},
};

/// SHA-256 over what decides an embedding.
pub type Key = [u8; 32];

/// Entries of a set.
const WAYS: usize = 32;

/// Elements of a vector at most; longer ones are not remembered. Published models have up to 1536.
const MAX_DIMENSIONS: usize = 2048;

#[repr(C)]
struct Header {
    lock: *mut pg_sys::LWLock,
    /// Ticks with every use of an entry; 0 is before all.
    clock: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Entries, each spread over the arrays: keys are looked through, vectors are long.
#[repr(C)]
struct Set {
    keys: [Key; WAYS],
    /// When each was last asked for, 0 for an entry that is empty.
    used: [AtomicU64; WAYS],
    dimensions: [usize; WAYS],
    vectors: [[f16; MAX_DIMENSIONS]; WAYS],
}

impl Set {
    fn position(&self, key: &Key) -> Option<usize> {
        (0..WAYS).find(|&n| self.keys[n] == *key && self.used[n].load(Relaxed) != 0)
    }

    fn oldest(&self) -> Option<usize> {
        (0..WAYS).min_by_key(|&n| self.used[n].load(Relaxed))
    }
}

/// Written by the postmaster, inherited by its children.
static HEADER: AtomicPtr<Header> = AtomicPtr::new(ptr::null_mut());

const HEADER_BYTES: usize = size_of::<Header>().next_multiple_of(64);

fn sets() -> usize {
    guc::text_memo() / size_of::<Set>()
}

/// Bytes of shared memory for the memo.
pub fn bytes() -> usize {
    HEADER_BYTES + sets() * size_of::<Set>()
}

/// Makes the memory at `start` known to this process, after laying it out unless it is in use.
///
/// # Safety
/// `start` is aligned shared memory of [`bytes`], all zeros unless `found`, and `lock` is in shared memory.
pub unsafe fn initialize(start: *mut c_void, found: bool, lock: *mut pg_sys::LWLock) {
    let header: *mut Header = start.cast();
    if !found {
        // SAFETY: as the caller promises; zeros are valid for everything else.
        unsafe { (*header).lock = lock };
    }
    HEADER.store(header, Relaxed);
}

/// What stands for `text` as embedded by `model`.
pub fn key(model: &Model, text: &str) -> Key {
    let mut hasher = Sha256::new();
    hasher.update(&model.manifest.identity);
    // Ends the identity, which holds none.
    hasher.update([0]);
    hasher.update(text);
    hasher.finalize().into()
}

/// The embedding that is remembered under `key`, counted as a hit or a miss.
pub fn get(key: &Key) -> Option<Vec<f32>> {
    let header = header()?;
    // SAFETY: the lock was set when the memory was laid out, and is not held.
    let _held = unsafe { Held::shared(header.lock) };
    // SAFETY: the lock is held, so nobody writes; zeros and what was written are valid sets.
    let set = unsafe { &*set(header, key)? };
    let Some(index) = set.position(key) else {
        header.misses.fetch_add(1, Relaxed);
        return None;
    };
    header.hits.fetch_add(1, Relaxed);
    set.used[index].store(tick(header), Relaxed);
    Some(set.vectors[index][..set.dimensions[index]].to_f32_vec())
}

/// Remembers the embedding `row` under `key`.
pub fn put(key: &Key, row: &[f32]) {
    let Some(header) = header().filter(|_| row.len() <= MAX_DIMENSIONS) else {
        return;
    };
    // SAFETY: as above.
    let _held = unsafe { Held::exclusive(header.lock) };
    let Some(set) = set(header, key) else {
        return;
    };
    // SAFETY: the lock is held exclusively.
    let set = unsafe { &mut *set };
    // Another session may have been faster.
    let Some(index) = set.position(key).or_else(|| set.oldest()) else {
        return;
    };
    set.keys[index] = *key;
    set.dimensions[index] = row.len();
    set.vectors[index][..row.len()].convert_from_f32_slice(row);
    *set.used[index].get_mut() = tick(header);
}

/// Texts found here and texts not found, since the server was started.
pub fn counters() -> (u64, u64) {
    header().map_or((0, 0), |header| {
        (header.hits.load(Relaxed), header.misses.load(Relaxed))
    })
}

fn header() -> Option<&'static Header> {
    // SAFETY: the memory stays as long as the process; only atomics change after it was laid out.
    unsafe { HEADER.load(Relaxed).as_ref() }
}

fn tick(header: &Header) -> u64 {
    header.clock.fetch_add(1, Relaxed) + 1
}

/// The set that `key` belongs to; `None` where there are none.
fn set(header: &Header, key: &Key) -> Option<*mut Set> {
    let (hash, _) = key.split_first_chunk()?;
    let index = u64::from_ne_bytes(*hash).checked_rem(sets() as u64)? as usize;
    let start = ptr::from_ref(header).cast_mut();
    // SAFETY: the sets follow the header in the same piece of memory.
    Some(unsafe { start.byte_add(HEADER_BYTES).cast::<Set>().add(index) })
}
