//! An index's pages on the buffer manager: the [`PageStore`] of PostgreSQL.
//!
//! Every change is one record of generic WAL about one page, also while an index is built, where it is an image of the
//! page. The area between PostgreSQL's page header and the end of the block belongs to the graph. To the server, zeros at
//! its end are unused space, and so are the hints behind them: it logs neither, and clears both when it logs a change.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;

use graph::error::Result;
use graph::index::Index;
use graph::layout::Page;
use graph::sort::Sorter;
use graph::spool::Spool;
use graph::store::{Gate, Mode, PageStore};
use pgrx::{PgMemoryContexts, check_for_interrupts, pg_sys};

use super::buffer::{BLOCK_BYTES, GateLock, HEADER_BYTES, ReadPage, WritePage, contents};
use super::error::Error;
use super::sort::Sort;
use super::spool::TempFile;
use super::{bases, recent, relation};

/// Most pages that are asked for ahead of time; `effective_io_concurrency` may want fewer.
const AHEAD: usize = 8;

/// The pages of an open index, or of one of its forks.
#[derive(Clone, Copy)]
pub struct Pages {
    relation: pg_sys::Relation,
    fork: pg_sys::ForkNumber::Type,
    strategy: pg_sys::BufferAccessStrategy,
    /// Vacuum, which sleeps when it has cost enough.
    in_vacuum: bool,
    /// Most pages to ask for ahead of time.
    ahead: usize,
}

impl Pages {
    /// The pages of `index`.
    ///
    /// # Safety
    /// `index` is an open index of this access method, and stays open as long as the value is used.
    pub unsafe fn new(index: pg_sys::Relation) -> Self {
        // SAFETY: the index is open. Asked for later, the answer might take a lock in the catalogs while a gate is held.
        let ahead =
            unsafe { pg_sys::get_tablespace_io_concurrency((*(*index).rd_rel).reltablespace) };
        Self {
            relation: index,
            fork: pg_sys::ForkNumber::MAIN_FORKNUM,
            strategy: ptr::null_mut(),
            in_vacuum: false,
            ahead: AHEAD.min(usize::try_from(ahead).unwrap_or(0)),
        }
    }

    /// The same, of what an unlogged index starts with after a crash.
    pub fn of_init_fork(self) -> Self {
        Self {
            fork: pg_sys::ForkNumber::INIT_FORKNUM,
            ..self
        }
    }

    /// The same, read by `strategy` and in a vacuum's pace.
    pub fn for_vacuum(self, strategy: pg_sys::BufferAccessStrategy) -> Self {
        Self {
            strategy,
            in_vacuum: true,
            ..self
        }
    }

    /// Opens the index on its pages, with what this process knows of it already.
    ///
    /// # Errors
    /// When its first page is not that of such an index, or of another version.
    pub fn open(self) -> super::error::Result<Index<Self>> {
        let id = self.id();
        let known = bases::known(id);
        let index = Index::open(self, known.clone()).map_err(|error| match error {
            graph::error::Error::Version { found, expected } => Error::Version {
                // SAFETY: the relation is open, as the caller of `new` vouched.
                index: unsafe { relation::name(self.relation) },
                found,
                expected,
            },
            error => error.into(),
        })?;
        if let Some(basis) = index.basis()
            && known.is_none_or(|known| !Arc::ptr_eq(&known, basis))
        {
            bases::remember(id, basis.clone());
        }
        Ok(index)
    }

    fn id(self) -> pg_sys::Oid {
        // SAFETY: the relation is open, as the caller of `new` vouched.
        unsafe { (*self.relation).rd_id }
    }

    /// A page pinned, and locked in `mode`.
    fn lock(self, block: u32, mode: u32) -> pg_sys::Buffer {
        // Vacuum is to pay for what it reads.
        let known = match self.in_vacuum {
            true => None,
            false => recent::candidate(self.id(), block),
        };
        // SAFETY: what was the number of a shared buffer is one for ever.
        let buffer = match known.filter(|&known| unsafe { self.pin_if_in(known, block) }) {
            Some(buffer) => {
                recent::found();
                buffer
            }
            None => self.pin(block),
        };
        // SAFETY: the buffer is pinned, and this process has no lock on it. The mode is an enum's since version 19.
        unsafe { pg_sys::LockBuffer(buffer, mode as _) };
        buffer
    }

    /// A page pinned, wherever it is.
    fn pin(self, block: u32) -> pg_sys::Buffer {
        // SAFETY: the relation is open; the counter is this process's own.
        let (buffer, hit) = unsafe {
            let misses = pg_sys::pgBufferUsage.shared_blks_read;
            let buffer = pg_sys::ReadBufferExtended(
                self.relation,
                self.fork,
                block,
                pg_sys::ReadBufferMode::RBM_NORMAL,
                self.strategy,
            );
            (buffer, pg_sys::pgBufferUsage.shared_blks_read == misses)
        };
        recent::looked_up(self.id(), block, buffer, hit);
        buffer
    }

    /// Has the processor fetch some bytes of a page, and what is needed to lock it, from where the page was last. They are
    /// under way then while another page is worked on, which saves a search a tenth of its time.
    #[inline]
    fn touch(self, block: u32, bytes: Range<usize>) {
        let Some(buffer) = recent::last(self.id(), block) else {
            return;
        };
        let place = buffer as usize - 1;
        // SAFETY: both are set when the process starts. What they point to is not read here.
        let (descriptors, blocks) = unsafe { (pg_sys::BufferDescriptors, pg_sys::BufferBlocks) };
        let page = blocks.wrapping_add(place * BLOCK_BYTES + HEADER_BYTES);
        kernels::prefetch::bytes(descriptors.wrapping_add(place), 1);
        kernels::prefetch::bytes(page, 1);
        kernels::prefetch::bytes(page.wrapping_add(bytes.start), bytes.len());
    }

    /// Pins a shared buffer if it has a page.
    ///
    /// # Safety
    /// `buffer` is the number of a shared buffer.
    unsafe fn pin_if_in(self, buffer: pg_sys::Buffer, block: u32) -> bool {
        // SAFETY: the relation is open; the server looks under its own lock what is in the buffer, which there is, as the
        // caller vouches. Statistics are null or this process's own.
        unsafe {
            #[cfg(any(feature = "pg14", feature = "pg15"))]
            let file = (*self.relation).rd_node;
            #[cfg(not(any(feature = "pg14", feature = "pg15")))]
            let file = (*self.relation).rd_locator;
            let is = pg_sys::ReadRecentBuffer(file, self.fork, block, buffer);
            if is && let Some(statistics) = (*self.relation).pgstat_info.as_mut() {
                #[cfg(any(feature = "pg14", feature = "pg15"))]
                {
                    statistics.t_counts.t_blocks_fetched += 1;
                    statistics.t_counts.t_blocks_hit += 1;
                }
                #[cfg(not(any(feature = "pg14", feature = "pg15")))]
                {
                    statistics.counts.blocks_fetched += 1;
                    statistics.counts.blocks_hit += 1;
                }
            }
            is
        }
    }
}

/// What is read beyond this part of shared buffers by somebody who reads all pages goes through a few buffers, as
/// in a sequential scan of a table that is as large.
const LARGE: u32 = 4;

/// The few buffers, which all such readers in this process share one after the other.
fn bulk_strategy() -> pg_sys::BufferAccessStrategy {
    thread_local! {
        static STRATEGY: Cell<pg_sys::BufferAccessStrategy> = const { Cell::new(ptr::null_mut()) };
    }
    if STRATEGY.get().is_null() {
        // SAFETY: allocates it in a context that is never deleted.
        STRATEGY.set(unsafe {
            PgMemoryContexts::TopMemoryContext.switch_to(|_| {
                pg_sys::GetAccessStrategy(pg_sys::BufferAccessStrategyType::BAS_BULKREAD)
            })
        });
    }
    STRATEGY.get()
}

impl PageStore for Pages {
    const PAGE_BYTES: usize = BLOCK_BYTES - HEADER_BYTES;

    type Read = ReadPage;
    type Write = WritePage;
    type GateLock = Option<GateLock>;

    fn blocks(self) -> Result<u32> {
        // SAFETY: the relation is open, as the caller of `new` vouched.
        Ok(unsafe { pg_sys::RelationGetNumberOfBlocksInFork(self.relation, self.fork) })
    }

    #[inline]
    fn expect(self, mut soon: impl Iterator<Item = (u32, Range<usize>)>) {
        if recent::is_warm() {
            if let Some((block, bytes)) = soon.next() {
                self.touch(block, bytes);
            }
            return;
        }
        // SAFETY: the relation is open. The server looks whether it has the page before it asks for it.
        unsafe {
            for (block, _) in soon.take(self.ahead) {
                pg_sys::PrefetchBuffer(self.relation, self.fork, block);
            }
        }
    }

    #[inline]
    fn read(self, block: u32) -> Result<ReadPage> {
        let buffer = self.lock(block, pg_sys::BUFFER_LOCK_SHARE);
        // SAFETY: it is pinned and locked for this.
        Ok(unsafe { ReadPage::new(buffer) })
    }

    fn read_once(self, block: u32) -> Result<ReadPage> {
        // SAFETY: the number of shared buffers is set when the server starts.
        let many = unsafe { pg_sys::NBuffers } as u32 / LARGE;
        if block < many || !self.strategy.is_null() {
            return self.read(block);
        }
        let strategy = bulk_strategy();
        Self { strategy, ..self }.read(block)
    }

    fn sorter(self, count: usize) -> Result<Box<dyn Sorter>> {
        Ok(Box::new(Sort::new(count)?))
    }

    fn spool(self) -> Result<Box<dyn Spool>> {
        Ok(Box::new(TempFile::create()))
    }

    fn write(self, block: u32) -> Result<WritePage> {
        let buffer = self.lock(block, pg_sys::BUFFER_LOCK_EXCLUSIVE);
        // SAFETY: the relation is open; its page is pinned and locked for this.
        Ok(unsafe { WritePage::new(self.relation, buffer) })
    }

    fn hint(self, block: u32, change: impl FnOnce(&mut Page) -> bool) -> Result<()> {
        let buffer = self.lock(block, pg_sys::BUFFER_LOCK_EXCLUSIVE);
        // SAFETY: the buffer is pinned and locked exclusively; a page that nobody has written yet is none of ours.
        unsafe {
            let page = pg_sys::BufferGetPage(buffer);
            if !pg_sys::PageIsNew(page) && change(&mut *contents(page)) {
                pg_sys::MarkBufferDirtyHint(buffer, true);
            }
            pg_sys::UnlockReleaseBuffer(buffer);
        }
        Ok(())
    }

    fn extend(self) -> Result<(u32, WritePage)> {
        // SAFETY: the relation is open. The lock on it keeps others from adding the same page; what happens to the page
        // after it is added and before it is locked, callers look out for. It is pinned and locked for the record.
        unsafe {
            #[cfg(any(feature = "pg14", feature = "pg15"))]
            let buffer = {
                let lock = pg_sys::ExclusiveLock as i32;
                pg_sys::LockRelationForExtension(self.relation, lock);
                let buffer = self.lock(pg_sys::InvalidBlockNumber, pg_sys::BUFFER_LOCK_EXCLUSIVE);
                pg_sys::UnlockRelationForExtension(self.relation, lock);
                buffer
            };
            #[cfg(not(any(feature = "pg14", feature = "pg15")))]
            let buffer = pg_sys::ExtendBufferedRel(
                pg_sys::BufferManagerRelation {
                    rel: self.relation,
                    ..Default::default()
                },
                self.fork,
                self.strategy,
                pg_sys::ExtendBufferedFlags::EB_LOCK_FIRST,
            );
            let block = pg_sys::BufferGetBlockNumber(buffer);
            Ok((block, WritePage::new(self.relation, buffer)))
        }
    }

    fn free_page(self) -> Result<Option<u32>> {
        // SAFETY: the relation is open, as the caller of `new` vouched.
        let block = unsafe { pg_sys::GetFreeIndexPage(self.relation) };
        Ok((block != pg_sys::InvalidBlockNumber).then_some(block))
    }

    fn note_free(self, block: u32) -> Result<()> {
        // SAFETY: the relation is open, as the caller of `new` vouched.
        unsafe {
            pg_sys::RecordFreeIndexPage(self.relation, block);
            // Without it nobody would find the page before the next vacuum: the map is a tree whose upper levels do not
            // follow by themselves.
            pg_sys::FreeSpaceMapVacuumRange(self.relation, block, block + 1);
        }
        Ok(())
    }

    fn lock_gate(self, gate: Gate, mode: Mode) -> Result<Option<GateLock>> {
        // SAFETY: the relation is open. Whether the server recovers is in shared memory.
        unsafe {
            // There vacuum, which runs on the primary, knows nothing of locks.
            let standby = pg_sys::RecoveryInProgress();
            Ok((!standby).then(|| GateLock::new(self.relation, gate, mode)))
        }
    }

    fn interrupt(self) -> Result<()> {
        if self.in_vacuum {
            crate::server::vacuum_delay_point();
        } else {
            check_for_interrupts!();
        }
        Ok(())
    }
}
