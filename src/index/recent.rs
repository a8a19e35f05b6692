//! Where this process found pages before: the buffers that had them, and whether it finds what it reads.
//!
//! A page that is where it was takes neither the server's table of buffers nor its locks, all of which are far from the
//! processor by the time of the next page: searches take a tenth less time. Whether a page is still there, the server
//! looks under its own lock, so what is remembered here may be wrong.

use std::cell::Cell;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use pgrx::pg_sys;

/// One read of so many looks its page up, which counts as a use of the buffer that holds it: it is what keeps pages that
/// are read all the time from being replaced.
const LOOK_UP: u32 = 8;
/// Hits in a row after which none are: to ask for a page that is there costs half as much as reading it.
const WARM: u32 = 32;

thread_local! {
    /// Pages found in shared buffers since one that was not.
    static HITS: Cell<u32> = const { Cell::new(WARM) };
}

/// Buffers that pages were in when this process last read them.
static BUFFERS: [AtomicI32; 1 << 18] = [const { AtomicI32::new(0) }; 1 << 18];

/// Where it is remembered which buffer had a page of a relation.
#[inline]
fn slot(relation: pg_sys::Oid, block: u32) -> &'static AtomicI32 {
    let hash = block.wrapping_add(relation.to_u32().wrapping_mul(0x9e37_79b9));
    &BUFFERS[hash as usize % BUFFERS.len()]
}

/// Whether pages have been in shared buffers for so long that none need be asked for ahead of time.
#[inline]
pub fn is_warm() -> bool {
    HITS.get() >= WARM
}

/// The buffer that may have a page still; `None` where the page is to be looked up.
#[inline]
pub fn candidate(relation: pg_sys::Oid, block: u32) -> Option<pg_sys::Buffer> {
    let again = HITS.get().wrapping_add(1);
    last(relation, block).filter(|_| !again.is_multiple_of(LOOK_UP))
}

/// The shared buffer that a page was in when it was last looked up.
#[inline]
pub fn last(relation: pg_sys::Oid, block: u32) -> Option<pg_sys::Buffer> {
    let buffer = slot(relation, block).load(Relaxed);
    (buffer > 0).then_some(buffer)
}

/// Notes that a page was where it was expected.
#[inline]
pub fn found() {
    HITS.set(HITS.get().wrapping_add(1));
}

/// Notes where a page that was looked up is, and whether it was in shared buffers.
#[inline]
pub fn looked_up(relation: pg_sys::Oid, block: u32, buffer: pg_sys::Buffer, hit: bool) {
    HITS.set(if hit { HITS.get().wrapping_add(1) } else { 0 });
    slot(relation, block).store(buffer, Relaxed);
}
