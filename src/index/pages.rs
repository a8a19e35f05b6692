//! An index's pages on the buffer manager: the [`PageStore`] of PostgreSQL.
//!
//! Every change is one record of generic WAL about one page, also while an index is built, where it is an image of the
//! page. The area between PostgreSQL's page header and the end of the block belongs to the graph. To the server, zeros at
//! its end are unused space, and so are the hints behind them: it logs neither, and clears both when it logs a change.
//!
//! The server's errors unwind as panics. Guards that are dropped by one do nothing: the server releases buffer pins,
//! content locks and page locks itself when it aborts the transaction, and its count of held-off interrupts is no more
//! what they would expect.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::{ptr, slice, thread};

use graph::basis::Basis;
use graph::error::Result;
use graph::sort::Sorter;
use graph::index::Index;
use graph::layout::{Page, Tid};
use graph::store::{Gate, Mode, PageStore, Write};
use pgrx::{PgMemoryContexts, PgRelation, check_for_interrupts, pg_sys};

use super::sort::Sort;

/// The pages of an open index, or of one of its forks.
#[derive(Clone, Copy)]
pub struct Pages {
    relation: pg_sys::Relation,
    fork: pg_sys::ForkNumber::Type,
    strategy: pg_sys::BufferAccessStrategy,
    /// Vacuum, which sleeps when it has cost enough.
    gentle: bool,
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
            gentle: false,
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
            gentle: true,
            ..self
        }
    }

    /// Opens the index on its pages, with what this process knows of it already.
    ///
    /// # Errors
    /// When its first page is not that of such an index, or of another version.
    pub fn open(self) -> Result<Index<Self>> {
        // SAFETY: the relation is open.
        let id = unsafe { (*self.relation).rd_id };
        let known = known_basis(id);
        let index = Index::open(self, known.clone())?;
        if let Some(basis) = index.basis()
            && known.is_none_or(|known| !Arc::ptr_eq(&known, basis))
        {
            remember_basis(id, basis.clone());
        }
        Ok(index)
    }

    /// A page pinned, and locked in `mode`.
    fn lock(self, block: u32, mode: u32) -> pg_sys::Buffer {
        let recent = self.recent(block);
        let known = recent.load(Relaxed);
        let again = HITS.get().wrapping_add(1);
        // SAFETY: the relation is open; what was the number of a shared buffer is one; the counter is this process's own.
        unsafe {
            // Vacuum is to pay for what it reads.
            let try_known = known > 0 && !self.gentle && !again.is_multiple_of(LOOK_UP);
            let buffer = if try_known && self.is_in(known, block) {
                HITS.set(again);
                known
            } else {
                let misses = pg_sys::pgBufferUsage.shared_blks_read;
                let buffer = pg_sys::ReadBufferExtended(
                    self.relation,
                    self.fork,
                    block,
                    pg_sys::ReadBufferMode::RBM_NORMAL,
                    self.strategy,
                );
                let hit = pg_sys::pgBufferUsage.shared_blks_read == misses;
                HITS.set(if hit { again } else { 0 });
                recent.store(buffer, Relaxed);
                buffer
            };
            pg_sys::LockBuffer(buffer, mode as i32);
            buffer
        }
    }

    /// Pins a shared buffer if it has a page. That takes neither the server's table of buffers nor its locks, all of
    /// which are far from the processor by the time of the next page: searches take a tenth less time.
    ///
    /// # Safety
    /// `buffer` is the number of a shared buffer.
    unsafe fn is_in(self, buffer: pg_sys::Buffer, block: u32) -> bool {
        // SAFETY: the contract, and the relation is open; statistics are there or null.
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

    /// Where it is remembered which buffer had a page.
    #[inline]
    fn recent(self, block: u32) -> &'static AtomicI32 {
        // SAFETY: the relation is open.
        let id = unsafe { (*self.relation).rd_id.to_u32() };
        &RECENT[block.wrapping_add(id.wrapping_mul(0x9e37_79b9)) as usize % RECENT.len()]
    }

    /// A page that is locked exclusively, on its way into the log.
    fn change(self, buffer: pg_sys::Buffer) -> WritePage {
        // SAFETY: the buffer is pinned and locked exclusively. The server hands out a copy of the whole block, which is
        // aligned like a block.
        unsafe {
            let new = pg_sys::PageIsNew(pg_sys::BufferGetPage(buffer));
            let state = pg_sys::GenericXLogStart(self.relation);
            let flags = if new {
                pg_sys::GENERIC_XLOG_FULL_IMAGE
            } else {
                0
            };
            let copy = pg_sys::GenericXLogRegisterBuffer(state, buffer, flags as i32);
            if new {
                pg_sys::PageInit(copy, BLOCK_BYTES, 0);
            }
            WritePage {
                buffer,
                state,
                page: contents(copy),
            }
        }
    }
}

/// One read of so many looks its page up, which counts as a use of the buffer that holds it: it is what keeps pages that
/// are read all the time from being replaced.
const LOOK_UP: u32 = 8;
/// Most pages that are asked for ahead of time; `effective_io_concurrency` may want fewer.
const AHEAD: usize = 8;
/// Hits in a row after which none are: to ask for a page that is there costs half as much as reading it.
const WARM: u32 = 32;

thread_local! {
    /// Pages found in shared buffers since one that was not.
    static HITS: Cell<u32> = const { Cell::new(WARM) };
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

/// Buffers that pages were in when this process last read them.
static RECENT: [AtomicI32; 1 << 18] = [const { AtomicI32::new(0) }; 1 << 18];

const BLOCK_BYTES: usize = pg_sys::BLCKSZ as usize;
/// Bytes of the server's own header of a page.
const HEADER_BYTES: usize = std::mem::offset_of!(pg_sys::PageHeaderData, pd_linp);

/// What follows the server's header of a page.
///
/// # Safety
/// `page` points to a block.
unsafe fn contents(page: pg_sys::Page) -> *mut Page {
    const {
        assert!(HEADER_BYTES.is_multiple_of(align_of::<Page>()));
    }
    // SAFETY: the contract.
    unsafe { page.byte_add(HEADER_BYTES).cast() }
}

/// A page pinned, and locked against writers.
pub struct ReadPage {
    buffer: pg_sys::Buffer,
    page: *const Page,
}

impl Deref for ReadPage {
    type Target = Page;

    #[inline]
    fn deref(&self) -> &Page {
        // SAFETY: the lock keeps the page as it is, the pin keeps it where it is.
        unsafe { &*self.page }
    }
}

impl Drop for ReadPage {
    fn drop(&mut self) {
        if !thread::panicking() {
            // SAFETY: this pinned and locked the buffer.
            unsafe { pg_sys::UnlockReleaseBuffer(self.buffer) }
        }
    }
}

/// A page pinned and locked, and a copy of it that is to replace it.
pub struct WritePage {
    buffer: pg_sys::Buffer,
    /// Null when it has been written to the log.
    state: *mut pg_sys::GenericXLogState,
    page: *mut Page,
}

impl Deref for WritePage {
    type Target = Page;

    #[inline]
    fn deref(&self) -> &Page {
        // SAFETY: the copy is this value's alone.
        unsafe { &*self.page }
    }
}

impl DerefMut for WritePage {
    #[inline]
    fn deref_mut(&mut self) -> &mut Page {
        // SAFETY: the copy is this value's alone.
        unsafe { &mut *self.page }
    }
}

impl Write for WritePage {
    fn commit(mut self) -> Result<()> {
        let state = std::mem::replace(&mut self.state, ptr::null_mut());
        let used = self.used_bytes();
        // The server does so only where changes are logged.
        self.clear_hints();
        // SAFETY: the buffer is still pinned and locked; the page is part of the copy of a block.
        unsafe {
            let header: *mut pg_sys::PageHeaderData = self.page.byte_sub(HEADER_BYTES).cast();
            (*header).pd_lower = (HEADER_BYTES + used) as u16;
            pg_sys::GenericXLogFinish(state);
        }
        Ok(())
    }
}

impl Drop for WritePage {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        // SAFETY: this pinned and locked the buffer, and started the record unless it is null.
        unsafe {
            if !self.state.is_null() {
                pg_sys::GenericXLogAbort(self.state);
            }
            pg_sys::UnlockReleaseBuffer(self.buffer);
        }
    }
}

/// A gate, held.
pub struct GateLock {
    relation: pg_sys::Relation,
    gate: Gate,
    mode: i32,
}

impl Drop for GateLock {
    fn drop(&mut self) {
        if !thread::panicking() {
            // SAFETY: this locked it, and the relation is still open.
            unsafe { pg_sys::UnlockPage(self.relation, self.gate as u32, self.mode) }
        }
    }
}

impl PageStore for Pages {
    const PAGE_BYTES: usize = BLOCK_BYTES - HEADER_BYTES;

    type Read = ReadPage;
    type Write = WritePage;
    type GateLock = Option<GateLock>;

    fn blocks(self) -> Result<u32> {
        // SAFETY: the relation is open.
        Ok(unsafe { pg_sys::RelationGetNumberOfBlocksInFork(self.relation, self.fork) })
    }

    #[inline]
    fn expect(self, soon: impl Iterator<Item = u32>) {
        if HITS.get() >= WARM {
            return;
        }
        // SAFETY: the relation is open. The server looks whether it has the page before it asks for it.
        unsafe {
            for block in soon.take(self.ahead) {
                pg_sys::PrefetchBuffer(self.relation, self.fork, block);
            }
        }
    }

    #[inline]
    fn read(self, block: u32) -> Result<ReadPage> {
        let buffer = self.lock(block, pg_sys::BUFFER_LOCK_SHARE);
        // SAFETY: the buffer holds a block.
        let page = unsafe { contents(pg_sys::BufferGetPage(buffer)) };
        Ok(ReadPage { buffer, page })
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

    fn write(self, block: u32) -> Result<WritePage> {
        Ok(self.change(self.lock(block, pg_sys::BUFFER_LOCK_EXCLUSIVE)))
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
        // after it is added and before it is locked, callers look out for.
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
            Ok((pg_sys::BufferGetBlockNumber(buffer), self.change(buffer)))
        }
    }

    fn free_page(self) -> Result<Option<u32>> {
        // SAFETY: the relation is open.
        let block = unsafe { pg_sys::GetFreeIndexPage(self.relation) };
        Ok((block != pg_sys::InvalidBlockNumber).then_some(block))
    }

    fn note_free(self, block: u32) -> Result<()> {
        // SAFETY: the relation is open.
        unsafe {
            pg_sys::RecordFreeIndexPage(self.relation, block);
            // Without it nobody would find the page before the next vacuum: the map is a tree whose upper levels do not
            // follow by themselves.
            pg_sys::FreeSpaceMapVacuumRange(self.relation, block, block + 1);
        }
        Ok(())
    }

    fn lock_gate(self, gate: Gate, mode: Mode) -> Result<Option<GateLock>> {
        // SAFETY: the relation is open.
        unsafe {
            if pg_sys::RecoveryInProgress() {
                // Vacuum on the primary knows nothing of locks here.
                return Ok(None);
            }
            let mode = match mode {
                Mode::Shared => pg_sys::ShareLock,
                Mode::Exclusive => pg_sys::ExclusiveLock,
            } as i32;
            pg_sys::LockPage(self.relation, gate as u32, mode);
            let relation = self.relation;
            Ok(Some(GateLock {
                relation,
                gate,
                mode,
            }))
        }
    }

    fn interrupt(self) -> Result<()> {
        if self.gentle {
            crate::server::vacuum_delay_point();
        } else {
            check_for_interrupts!();
        }
        Ok(())
    }
}

/// Bases kept per process. One takes a few hundred kilobytes, and reading one takes longer than a search.
const KNOWN: usize = 32;

thread_local! {
    /// By the index's OID, the last used first. The graph finds out itself when one is no more the index's.
    static BASES: RefCell<Vec<(pg_sys::Oid, Arc<Basis>)>> = const { RefCell::new(Vec::new()) };
}

fn known_basis(index: pg_sys::Oid) -> Option<Arc<Basis>> {
    BASES.with_borrow_mut(|bases| {
        let at = bases.iter().position(|&(id, _)| id == index)?;
        bases[..=at].rotate_right(1);
        Some(bases[0].1.clone())
    })
}

fn remember_basis(index: pg_sys::Oid, basis: Arc<Basis>) {
    BASES.with_borrow_mut(|bases| {
        bases.retain(|&(id, _)| id != index);
        bases.insert(0, (index, basis));
        bases.truncate(KNOWN);
    });
}

/// The row that the server calls `tid`.
///
/// # Safety
/// `tid` points to a valid one.
pub unsafe fn tid(tid: pg_sys::ItemPointer) -> Tid {
    // SAFETY: the contract.
    let pg_sys::ItemPointerData { ip_blkid, ip_posid } = unsafe { *tid };
    Tid::new(
        u32::from(ip_blkid.bi_hi) << 16 | u32::from(ip_blkid.bi_lo),
        ip_posid,
    )
}

/// What the server calls a row.
pub fn item_pointer(tid: Tid) -> pg_sys::ItemPointerData {
    pg_sys::ItemPointerData {
        ip_blkid: pg_sys::BlockIdData {
            bi_hi: (tid.block() >> 16) as u16,
            bi_lo: tid.block() as u16,
        },
        ip_posid: tid.offset(),
    }
}

/// Type and type modifier of an index's one column.
///
/// # Safety
/// `index` is an open index of this access method.
pub unsafe fn column(index: pg_sys::Relation) -> (pg_sys::Oid, i32) {
    // SAFETY: the contract; the relation outlives its description.
    let index = unsafe { PgRelation::from_pg(index) };
    index
        .tuple_desc()
        .get(0)
        .map_or((pg_sys::InvalidOid, -1), |column| {
            (column.atttypid, column.atttypmod)
        })
}

/// The name of a relation.
///
/// # Safety
/// `relation` is open.
pub unsafe fn name(relation: pg_sys::Relation) -> String {
    // SAFETY: the contract.
    let name = unsafe { CStr::from_ptr((*(*relation).rd_rel).relname.data.as_ptr()) };
    crate::text::to_utf8(name.to_bytes())
}

/// The vectors of an index tuple's one column, or none where it is null.
///
/// # Safety
/// `values` and `nulls` have one element, of type `clip_vector`.
pub unsafe fn vector<'a>(
    values: *mut pg_sys::Datum,
    nulls: *mut bool,
) -> Option<crate::vector::Stored<'a>> {
    // SAFETY: the contract.
    unsafe {
        let (values, nulls) = (
            slice::from_raw_parts(values, 1),
            slice::from_raw_parts(nulls, 1),
        );
        pgrx::FromDatum::from_datum(values[0], nulls[0])
    }
}
