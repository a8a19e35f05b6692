//! What the graph needs of whoever keeps its pages.
//!
//! The rules that every algorithm of this crate keeps, and that a store may rely on and assert:
//!
//! - A thread has at most one page locked at a time, and none while it asks for a gate, extends the
//!   store, looks for free pages or checks for interrupts.
//! - Everything that must be on disk together is on one page: a page's [`commit`](Write::commit) is
//!   one record of the log, and records may be torn apart by a crash at any point.
//! - A change that is not committed never happened.

use std::ops::{Deref, DerefMut};

use crate::error::Result;
use crate::exact::Sorter;
use crate::layout::Page;

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
/// In Postgres: `LockPage` on two page numbers. A standby takes none, so a reader relies on the
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

/// How a gate is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// With others who share it.
    Shared,
    /// Alone.
    Exclusive,
}

/// The pages of one index: a handle on them, as cheap to copy as a reference.
pub trait PageStore: Copy {
    /// A page pinned and locked against writers until it is dropped.
    type Read: Deref<Target = Page>;
    /// A page pinned and locked against everybody.
    type Write: Write;
    /// A gate, open to its holder until it is dropped.
    type Pass;

    /// Number of pages.
    fn blocks(self) -> Result<u32>;

    /// Says which pages will be read soon, the likeliest first, for a store that is slow to get them.
    fn expect(self, _soon: impl Iterator<Item = u32>) {}

    /// Locks a page for reading.
    fn read(self, block: u32) -> Result<Self::Read>;

    /// The same for somebody who reads all pages, each once: the store may keep them from taking the place of others
    /// in its cache.
    fn read_once(self, block: u32) -> Result<Self::Read> {
        self.read(block)
    }

    /// Locks a page for writing.
    fn write(self, block: u32) -> Result<Self::Write>;

    /// Changes the hints of a page by `change`, which returns whether it did. That is not logged, and
    /// every commit of the page forgets it.
    fn hint(self, block: u32, change: impl FnOnce(&mut Page) -> bool) -> Result<()>;

    /// Adds a page of zeros and locks it for writing. It stays, zeros, if that is not committed.
    ///
    /// Others may see the page before it is locked, and write to it: the caller looks.
    fn extend(self) -> Result<(u32, Self::Write)>;

    /// A page that [`note_free`](Self::note_free) was told of, at best: the hint may be stale.
    /// A page is handed out once per note.
    fn free_page(self) -> Result<Option<u32>>;

    /// Remembers that a page has a free slot. Not logged, so a crash may forget it.
    fn note_free(self, block: u32) -> Result<()>;

    /// What sorts up to `count` entries, or some more.
    fn sorter(self, count: usize) -> Result<Box<dyn Sorter>>;

    /// Takes a gate, waiting for it.
    fn pass(self, gate: Gate, mode: Mode) -> Result<Self::Pass>;

    /// Returns an error if the operation should stop; also the place to sleep for those who are told
    /// to be gentle. Called between any two pages.
    fn interrupt(self) -> Result<()>;
}
