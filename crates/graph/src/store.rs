//! What the graph needs of whoever keeps its pages.
//!
//! The rules that every algorithm of this crate keeps, and that a store may rely on and assert:
//!
//! - A thread has at most one page locked at a time, and none while it asks for a gate, extends the
//!   store, looks for free pages or checks for interrupts.
//! - Everything that must be on disk together is on one page: a page's [`commit`](Write::commit) is
//!   one record of the log, and records may be torn apart by a crash at any point.
//! - A change that is not committed never happened.

use std::ops::{Deref, DerefMut, Range};

use crate::error::Result;
use crate::layout::Page;
use crate::sort::Sorter;
use crate::spool::Spool;

/// A page locked for writing. Dropping it without [`commit`](Write::commit) undoes every change.
pub trait Write: DerefMut<Target = Page> {
    /// Logs the change, makes it visible and unlocks the page.
    ///
    /// # Errors
    /// When the change cannot be logged; it has not happened then.
    fn commit(self) -> Result<()>;
}

/// Heavyweight locks by which vacuum waits for those who may still hold a pointer it wants to break.
///
/// In PostgreSQL: `LockPage` on two page numbers. A standby takes none, so a reader relies on the
/// versions of slots alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gate {
    /// Shared by inserts from their search to their last edge. Exclusive for the first node of an
    /// index, and for a moment in vacuum.
    Insert = 0,
    /// Shared by scans while they walk on the graph, a bounded number of pages at a time
    /// ([`crate::scan`]). Exclusive for a moment in vacuum.
    Scan = 1,
}

/// How a gate is locked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// With others who share it.
    Shared,
    /// Alone.
    Exclusive,
}

/// The pages of one index: a handle on them, as cheap to copy as a reference.
///
/// Each call says what its caller may hold: a *page* is one that was locked for reading or writing and not dropped
/// since, a *gate* a [`GateLock`](Self::GateLock). A call that may wait for others may wait for a page; only
/// [`lock_gate`](Self::lock_gate) waits for a gate. So whoever holds a page waits for nobody, and there is no circle of
/// those who wait.
pub trait PageStore: Copy {
    /// Bytes of a page, as the store makes them from its blocks: the format asks for [`crate::layout::PAGE_BYTES`].
    const PAGE_BYTES: usize;

    /// A page pinned and locked against writers until it is dropped.
    type Read: Deref<Target = Page>;
    /// A page pinned and locked against everybody until it is committed or dropped.
    type Write: Write;
    /// A gate, locked until it is dropped.
    type GateLock;

    /// Number of pages. It only grows, and may have grown by the time it is looked at.
    ///
    /// To be called with any number of gates, and with a page.
    ///
    /// # Errors
    /// When the store fails.
    fn blocks(self) -> Result<u32>;

    /// Says which pages will be read soon and which of their bytes, the likeliest first, for a store that is slow to get them.
    ///
    /// To be called with any number of gates, and with no page.
    fn expect(self, _soon: impl Iterator<Item = (u32, Range<usize>)>) {}

    /// Locks a page for reading, waiting for whoever has it locked for writing.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// When there is no such page, or it cannot be read.
    fn read(self, block: u32) -> Result<Self::Read>;

    /// [`read`](Self::read) for somebody who reads all pages, each once: the store may keep them from taking the place of
    /// others in its cache.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    fn read_once(self, block: u32) -> Result<Self::Read> {
        self.read(block)
    }

    /// Locks a page for writing, waiting for whoever has it locked.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and where pages cannot be written, as on a standby.
    fn write(self, block: u32) -> Result<Self::Write>;

    /// Changes the hints of a page, its last [`crate::layout::HINT_BYTES`], by `change`, which returns whether it did.
    /// That is not logged, and every commit of the page forgets it. Where pages cannot be written, it does nothing.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    fn hint(self, block: u32, change: impl FnOnce(&mut Page) -> bool) -> Result<()>;

    /// Adds a page of zeros and locks it for writing. It stays, zeros, if that is not committed.
    ///
    /// Others may see the page before it is locked, and write to it: the caller looks.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// When there is no space, and where pages cannot be written.
    fn extend(self) -> Result<(u32, Self::Write)>;

    /// A page that [`note_free`](Self::note_free) was told of, at best: the hint may be stale.
    /// A page is handed out once per note.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// When the store fails.
    fn free_page(self) -> Result<Option<u32>>;

    /// Remembers that a page has a free slot. Not logged, so a crash may forget it.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// When the store fails.
    fn note_free(self, block: u32) -> Result<()>;

    /// What sorts up to `count` nodes, or some more.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// When there is no memory.
    fn sorter(self, count: usize) -> Result<Box<dyn Sorter>>;

    /// Somewhere to put bytes aside that do not fit into memory, which nobody else sees and no crash leaves behind.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// When the store fails.
    fn spool(self) -> Result<Box<dyn Spool>>;

    /// Locks a gate, waiting for it.
    ///
    /// To be called with no page, and with no gate, its own least of all: vacuum may stand between.
    ///
    /// # Errors
    /// When the store fails or asks to stop.
    fn lock_gate(self, gate: Gate, mode: Mode) -> Result<Self::GateLock>;

    /// Returns an error if the operation should stop; also the place to sleep for those who are told to take their time.
    /// Called between any two pages.
    ///
    /// To be called with any number of gates, and with no page.
    ///
    /// # Errors
    /// When the operation should stop.
    fn interrupt(self) -> Result<()>;
}
