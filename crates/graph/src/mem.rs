//! A store in memory that models what can go wrong with pages on disk.
//!
//! It asserts the rules of [`crate::store`], and on request
//!
//! - crashes after a number of commits: every later call fails, and [`MemStore::restart`] brings back
//!   exactly the committed pages, without free-space map;
//! - forgets free pages and offers wrong ones;
//! - is read as a standby reads it, without gates, by [`Standby`];
//! - runs threads one at a time in an order drawn from a seed ([`interleave`]), so that a race that a
//!   test finds once is found again.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use crate::error::{Error, Result};
use crate::layout::Page;
use crate::random::Random;
use crate::sort::{HeapSorter, Sorter};
use crate::spool::{MemSpool, Spool};
use crate::store::{Gate, Mode, PageStore, Write};

/// A lock of many readers or one writer, around a page or a gate.
#[derive(Default)]
struct Latch<T> {
    state: Mutex<LatchState<T>>,
    changed: Condvar,
}

#[derive(Default)]
struct LatchState<T> {
    readers: usize,
    writer: bool,
    /// Writers come before new readers, or a stream of readers would starve them.
    waiting: usize,
    value: T,
}

/// A thread that panics while it holds a mutex is a failed test; others may still report theirs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Clone> Latch<T> {
    fn acquire(&self, mode: Mode) -> T {
        turns::pause();
        let free = |state: &LatchState<T>| match mode {
            Mode::Shared => !state.writer && state.waiting == 0,
            Mode::Exclusive => !state.writer && state.readers == 0,
        };
        let exclusive = usize::from(mode == Mode::Exclusive);
        let mut state = lock(&self.state);
        state.waiting += exclusive;
        while !free(&state) {
            if turns::taken() {
                drop(state);
                turns::blocked();
                state = lock(&self.state);
            } else {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.waiting -= exclusive;
        match mode {
            Mode::Shared => state.readers += 1,
            Mode::Exclusive => state.writer = true,
        }
        state.value.clone()
    }

    fn release(&self, mode: Mode, value: Option<T>) {
        let mut state = lock(&self.state);
        match mode {
            Mode::Shared => state.readers -= 1,
            Mode::Exclusive => state.writer = false,
        }
        if let Some(value) = value {
            state.value = value;
        }
        drop(state);
        self.changed.notify_all();
    }
}

thread_local! {
    /// Pages this thread has locked.
    static LOCKED: Cell<usize> = const { Cell::new(0) };
}

/// Asserts that this thread has no page locked.
fn assert_unlocked(what: &str) {
    assert_eq!(LOCKED.get(), 0, "{what} with a page locked");
}

type PageLatch = Latch<Arc<Page>>;

/// Pages in memory.
#[derive(Default)]
pub struct MemStore {
    pages: RwLock<Vec<Arc<PageLatch>>>,
    free: Mutex<VecDeque<u32>>,
    gates: [Latch<()>; 2],
    crashed: AtomicBool,
    /// Commits until the crash.
    fuse: Mutex<Option<u64>>,
    liar: Mutex<Option<Random>>,
    reads: AtomicU64,
    writes: AtomicU64,
    commits: AtomicU64,
}

impl MemStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `commits` more commits succeed, and then nothing.
    pub fn crash_after(&self, commits: u64) {
        *lock(&self.fuse) = Some(commits);
    }

    /// Offers wrong pages and forgets right ones, as a free-space map may after a crash.
    pub fn lie_about_free_pages(&self, seed: u64) {
        *lock(&self.liar) = Some(Random::new(seed));
    }

    /// A store as recovery would find this one: what was committed, and no free-space map.
    pub fn restart(&self) -> Self {
        let pages = self
            .page_list()
            .iter()
            .map(|latch| {
                Arc::new(Latch {
                    state: Mutex::new(LatchState {
                        value: lock(&latch.state).value.clone(),
                        ..LatchState::default()
                    }),
                    changed: Condvar::new(),
                })
            })
            .collect();
        Self {
            pages: RwLock::new(pages),
            ..Self::default()
        }
    }

    /// The same pages, read without gates.
    pub fn standby(&self) -> Standby<'_> {
        Standby(self)
    }

    /// Pages locked for reading so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Pages locked for writing so far.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Changes committed so far.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Overwrites a page behind everyone's back.
    pub fn spoil(&self, block: u32, change: impl FnOnce(&mut Page)) {
        let latch = self.page_list()[block as usize].clone();
        let mut page = Page::clone(&latch.acquire(Mode::Exclusive));
        change(&mut page);
        latch.release(Mode::Exclusive, Some(Arc::new(page)));
    }

    fn page_list(&self) -> Vec<Arc<PageLatch>> {
        self.pages
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn alive(&self) -> Result<()> {
        if self.crashed.load(Ordering::Relaxed) {
            Err(Error::Store("crashed".into()))
        } else {
            Ok(())
        }
    }

    fn lock_page(&self, block: u32, mode: Mode) -> Result<(Arc<PageLatch>, Arc<Page>)> {
        self.alive()?;
        let latch = self
            .pages
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(block as usize)
            .cloned()
            .ok_or_else(|| Error::corrupt(block, "beyond the last page"))?;
        assert_unlocked("locking a page");
        let page = latch.acquire(mode);
        LOCKED.set(1);
        Ok((latch, page))
    }
}

/// A page locked for reading.
pub struct MemRead {
    latch: Arc<PageLatch>,
    page: Arc<Page>,
}

impl Deref for MemRead {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Drop for MemRead {
    fn drop(&mut self) {
        LOCKED.set(0);
        self.latch.release(Mode::Shared, None);
    }
}

/// A copy of a page that replaces it when committed.
pub struct MemWrite<'s> {
    store: &'s MemStore,
    latch: Arc<PageLatch>,
    page: Page,
    committed: bool,
    hinted: bool,
}

impl Deref for MemWrite<'_> {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl DerefMut for MemWrite<'_> {
    fn deref_mut(&mut self) -> &mut Page {
        &mut self.page
    }
}

impl Write for MemWrite<'_> {
    fn commit(mut self) -> Result<()> {
        self.store.alive()?;
        if let Some(left) = lock(&self.store.fuse).as_mut() {
            if *left == 0 {
                self.store.crashed.store(true, Ordering::Relaxed);
                return self.store.alive();
            }
            *left -= 1;
        }
        self.store.commits.fetch_add(1, Ordering::Relaxed);
        self.committed = true;
        Ok(())
    }
}

impl Drop for MemWrite<'_> {
    fn drop(&mut self) {
        LOCKED.set(0);
        if self.committed {
            self.page.clear_hints();
        }
        let page =
            (self.committed || self.hinted).then(|| Arc::new(std::mem::take(&mut self.page)));
        self.latch.release(Mode::Exclusive, page);
    }
}

/// A gate, held.
pub struct MemGate<'s> {
    latch: &'s Latch<()>,
    mode: Mode,
}

impl Drop for MemGate<'_> {
    fn drop(&mut self) {
        self.latch.release(self.mode, None);
    }
}

impl<'s> PageStore for &'s MemStore {
    const PAGE_BYTES: usize = size_of::<Page>();

    type Read = MemRead;
    type Write = MemWrite<'s>;
    type GateLock = MemGate<'s>;

    fn blocks(self) -> Result<u32> {
        self.alive()?;
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        Ok(pages.len() as u32)
    }

    fn read(self, block: u32) -> Result<MemRead> {
        let (latch, page) = self.lock_page(block, Mode::Shared)?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(MemRead { latch, page })
    }

    fn write(self, block: u32) -> Result<MemWrite<'s>> {
        let (latch, page) = self.lock_page(block, Mode::Exclusive)?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(MemWrite {
            store: self,
            latch,
            page: Page::clone(&page),
            committed: false,
            hinted: false,
        })
    }

    fn hint(self, block: u32, change: impl FnOnce(&mut Page) -> bool) -> Result<()> {
        let mut page = self.write(block)?;
        page.hinted = change(&mut page);
        Ok(())
    }

    fn extend(self) -> Result<(u32, MemWrite<'s>)> {
        self.alive()?;
        assert_unlocked("extending");
        turns::pause();
        let mut pages = self.pages.write().unwrap_or_else(PoisonError::into_inner);
        pages.push(Arc::default());
        let block = pages.len() as u32 - 1;
        drop(pages);
        Ok((block, self.write(block)?))
    }

    fn free_page(self) -> Result<Option<u32>> {
        self.alive()?;
        assert_unlocked("looking for a free page");
        let noted = lock(&self.free).pop_front();
        if let Some(random) = lock(&self.liar).as_mut() {
            let blocks = self.blocks()? as usize;
            return Ok(match random.below(3) {
                0 => noted,
                1 => None,
                _ => Some(random.below(blocks) as u32),
            });
        }
        Ok(noted)
    }

    fn note_free(self, block: u32) -> Result<()> {
        assert_unlocked("noting a free page");
        let mut free = lock(&self.free);
        if !free.contains(&block) {
            free.push_back(block);
        }
        Ok(())
    }

    fn sorter(self, _: usize) -> Result<Box<dyn Sorter>> {
        self.alive()?;
        Ok(Box::new(HeapSorter::default()))
    }

    fn spool(self) -> Result<Box<dyn Spool>> {
        self.alive()?;
        assert_unlocked("putting bytes aside");
        Ok(Box::new(MemSpool::default()))
    }

    fn lock_gate(self, gate: Gate, mode: Mode) -> Result<MemGate<'s>> {
        self.alive()?;
        assert_unlocked("passing a gate");
        let latch = &self.gates[gate as usize];
        latch.acquire(mode);
        Ok(MemGate { latch, mode })
    }

    fn interrupt(self) -> Result<()> {
        assert_unlocked("checking for interrupts");
        self.alive()
    }
}

/// A [`MemStore`] as a standby has it: its pages change under the reader, who takes no gate.
#[derive(Clone, Copy)]
pub struct Standby<'s>(&'s MemStore);

impl<'s> PageStore for Standby<'s> {
    const PAGE_BYTES: usize = size_of::<Page>();

    type Read = MemRead;
    type Write = MemWrite<'s>;
    type GateLock = ();

    fn blocks(self) -> Result<u32> {
        self.0.blocks()
    }

    fn read(self, block: u32) -> Result<MemRead> {
        self.0.read(block)
    }

    fn write(self, _: u32) -> Result<MemWrite<'s>> {
        Err(Error::Store("a standby is read only".into()))
    }

    fn hint(self, _: u32, _: impl FnOnce(&mut Page) -> bool) -> Result<()> {
        Ok(())
    }

    fn extend(self) -> Result<(u32, MemWrite<'s>)> {
        Err(Error::Store("a standby is read only".into()))
    }

    fn free_page(self) -> Result<Option<u32>> {
        Ok(None)
    }

    fn note_free(self, _: u32) -> Result<()> {
        Ok(())
    }

    fn sorter(self, count: usize) -> Result<Box<dyn Sorter>> {
        self.0.sorter(count)
    }

    fn spool(self) -> Result<Box<dyn Spool>> {
        self.0.spool()
    }

    fn lock_gate(self, _: Gate, _: Mode) -> Result<()> {
        Ok(())
    }

    fn interrupt(self) -> Result<()> {
        self.0.interrupt()
    }
}

/// Runs `tasks` as threads of which one runs at a time, and lets `seed` draw which goes on whenever
/// one is about to lock a page or a gate.
///
/// # Panics
/// When a task does, and when all of them wait for each other.
pub fn interleave(seed: u64, tasks: Vec<Box<dyn FnOnce() + Send + '_>>) {
    turns::interleave(seed, tasks);
}

mod turns {
    use super::*;

    struct Turns {
        state: Mutex<TurnsState>,
        changed: Condvar,
    }

    struct TurnsState {
        running: usize,
        alive: Vec<usize>,
        random: Random,
        /// Turns in a row that a lock was waited for in vain.
        idle: usize,
    }

    thread_local! {
        static MINE: Cell<Option<(usize, &'static Turns)>> = const { Cell::new(None) };
    }

    impl Turns {
        /// Draws who runs next and waits for the next turn of `me`.
        fn pass_on(&self, me: usize) {
            let mut state = lock(&self.state);
            self.draw(&mut state);
            while state.running != me {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }

        fn draw(&self, state: &mut TurnsState) {
            let alive = state.alive.len();
            if alive > 0 {
                state.running = state.alive[state.random.below(alive)];
                self.changed.notify_all();
            }
        }

        fn leave(&self, me: usize) {
            let mut state = lock(&self.state);
            state.alive.retain(|&task| task != me);
            self.draw(&mut state);
        }
    }

    /// Leaves when the task ends, also by panic: the others must go on for the test to end.
    struct Leave(usize, &'static Turns);

    impl Drop for Leave {
        fn drop(&mut self) {
            MINE.set(None);
            self.1.leave(self.0);
        }
    }

    pub(super) fn interleave(seed: u64, tasks: Vec<Box<dyn FnOnce() + Send + '_>>) {
        let count = tasks.len();
        // Threads keep it in a thread-local; a few bytes per call in a test are not worth an Arc there.
        let turns: &'static Turns = Box::leak(Box::new(Turns {
            state: Mutex::new(TurnsState {
                running: usize::MAX,
                alive: (0..count).collect(),
                random: Random::new(seed),
                idle: 0,
            }),
            changed: Condvar::new(),
        }));
        std::thread::scope(|scope| {
            for (me, task) in tasks.into_iter().enumerate() {
                scope.spawn(move || {
                    MINE.set(Some((me, turns)));
                    let _leave = Leave(me, turns);
                    let mut state = lock(&turns.state);
                    while state.running != me {
                        state = turns
                            .changed
                            .wait(state)
                            .unwrap_or_else(PoisonError::into_inner);
                    }
                    drop(state);
                    task();
                });
            }
            turns.draw(&mut lock(&turns.state));
        });
    }

    /// Whether this thread takes turns.
    pub(super) fn taken() -> bool {
        MINE.get().is_some()
    }

    /// A point at which another thread may go on.
    pub(super) fn pause() {
        if let Some((me, turns)) = MINE.get() {
            lock(&turns.state).idle = 0;
            turns.pass_on(me);
        }
    }

    /// Lets others go on until a lock may have come free.
    pub(super) fn blocked() {
        if let Some((me, turns)) = MINE.get() {
            {
                let mut state = lock(&turns.state);
                state.idle += 1;
                assert!(state.idle < 100_000, "all threads wait for each other");
            }
            turns.pass_on(me);
        }
    }
}
