//! Work that the threads of a build share.
//!
//! Where the system has no more threads to give, those there are do it, the caller's alone if need be.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Result;
use crate::store::PageStore;

/// Items that a thread takes at a time.
const CHUNK: usize = 16;

/// Threads of a build.
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    /// How many at most, the caller's included.
    pub count: usize,
    /// Calls what it is given, which starts the others; may block signals meanwhile, which they inherit.
    pub spawning: fn(&mut dyn FnMut()),
}

/// Stops the other threads when one fails, by an error or a panic: a store may raise its own that way.
struct StopOthers<'s>(&'s AtomicBool);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls `work` for each of `items`, on several threads, each of which has something of its own to work
/// with; the caller's checks for interrupts meanwhile and tells `progress` how far they are.
pub(crate) fn in_parallel<S: PageStore, T: Default>(
    store: S,
    threads: Threads,
    items: std::ops::Range<usize>,
    work: impl Fn(&mut T, usize) -> Result<()> + Sync,
    mut progress: impl FnMut(usize),
) -> Result<()> {
    let (next, stop) = (AtomicUsize::new(items.start), AtomicBool::new(false));
    let run = |between: &mut dyn FnMut() -> Result<()>| -> Result<()> {
        let others = StopOthers(&stop);
        let mut own = T::default();
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            for item in first..(first + CHUNK).min(items.end) {
                work(&mut own, item)?;
                between()?;
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            if first + CHUNK >= items.end {
                break;
            }
        }
        std::mem::forget(others);
        Ok(())
    };
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        (threads.spawning)(&mut || {
            let start = |_| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, || run(&mut || Ok(())))
                    .ok()
            };
            others.extend((1..threads.count).map_while(start));
        });
        let mine = run(&mut || {
            progress(next.load(Ordering::Relaxed).min(items.end));
            store.interrupt()
        });
        for other in others {
            match other.join() {
                Ok(done) => done?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        mine
    })
}
