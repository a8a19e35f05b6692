//! Pages pinned and locked, and gates: what is given back when a value goes.
//!
//! The server's errors unwind as panics. Guards that are dropped by one do nothing: the server releases buffer pins,
//! content locks and page locks itself when it aborts the transaction, and its count of held-off interrupts is no more
//! what they would expect.

use std::ops::{Deref, DerefMut};
use std::{ptr, thread};

use graph::error::Result;
use graph::layout::Page;
use graph::store::{Gate, Mode, Write};
use pgrx::pg_sys;

pub const BLOCK_BYTES: usize = pg_sys::BLCKSZ as usize;
/// Bytes of the server's own header of a page.
pub const HEADER_BYTES: usize = std::mem::offset_of!(pg_sys::PageHeaderData, pd_linp);

/// What follows the server's header of a page.
///
/// # Safety
/// `page` points to a block.
pub unsafe fn contents(page: pg_sys::Page) -> *mut Page {
    const {
        assert!(HEADER_BYTES.is_multiple_of(align_of::<Page>()));
    }
    // SAFETY: what follows the header is inside the block, as the caller vouches that there is one.
    unsafe { page.byte_add(HEADER_BYTES).cast() }
}

/// A page pinned, and locked against writers.
pub struct ReadPage {
    buffer: pg_sys::Buffer,
    page: *const Page,
}

impl ReadPage {
    /// # Safety
    /// The buffer is one that this process has pinned, and locked against writers, for this value alone.
    #[inline]
    pub unsafe fn new(buffer: pg_sys::Buffer) -> Self {
        // SAFETY: a pinned buffer holds a block.
        let page = unsafe { contents(pg_sys::BufferGetPage(buffer)) };
        Self { buffer, page }
    }
}

impl Deref for ReadPage {
    type Target = Page;

    #[inline]
    fn deref(&self) -> &Page {
        // SAFETY: until this is dropped, the lock keeps the page as it is, and the pin keeps it where it is.
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

impl WritePage {
    /// Begins a record of the log about a page.
    ///
    /// # Safety
    /// The relation is open, and the buffer has a page of it that this process has pinned and locked exclusively, for this
    /// value alone.
    pub unsafe fn new(relation: pg_sys::Relation, buffer: pg_sys::Buffer) -> Self {
        // SAFETY: the buffer is pinned and locked, as the caller vouches. The server hands out a copy of the whole block,
        // aligned like a block, which it keeps until the record is finished or given up.
        unsafe {
            let new = pg_sys::PageIsNew(pg_sys::BufferGetPage(buffer));
            let state = pg_sys::GenericXLogStart(relation);
            let flags = if new {
                pg_sys::GENERIC_XLOG_FULL_IMAGE
            } else {
                0
            };
            let copy = pg_sys::GenericXLogRegisterBuffer(state, buffer, flags as i32);
            if new {
                pg_sys::PageInit(copy, BLOCK_BYTES, 0);
            }
            Self {
                buffer,
                state,
                page: contents(copy),
            }
        }
    }
}

impl Deref for WritePage {
    type Target = Page;

    #[inline]
    fn deref(&self) -> &Page {
        // SAFETY: the server keeps the copy until the record is finished or given up, which takes this value; nobody else has
        // its address.
        unsafe { &*self.page }
    }
}

impl DerefMut for WritePage {
    #[inline]
    fn deref_mut(&mut self) -> &mut Page {
        // SAFETY: the server keeps the copy until the record is finished or given up, which takes this value; nobody else has
        // its address.
        unsafe { &mut *self.page }
    }
}

impl Write for WritePage {
    fn commit(mut self) -> Result<()> {
        let state = std::mem::replace(&mut self.state, ptr::null_mut());
        let used = self.used_bytes();
        // The server does so only where changes are logged.
        self.clear_hints();
        // SAFETY: the buffer is still pinned and locked, and the record not finished; the page follows the header in the
        // copy of a block.
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

/// A gate, locked.
pub struct GateLock {
    relation: pg_sys::Relation,
    gate: Gate,
    mode: i32,
}

impl GateLock {
    /// Waits for a gate.
    ///
    /// # Safety
    /// The relation is open and stays so as long as the value is used.
    pub unsafe fn new(relation: pg_sys::Relation, gate: Gate, mode: Mode) -> Self {
        let mode = match mode {
            Mode::Shared => pg_sys::ShareLock,
            Mode::Exclusive => pg_sys::ExclusiveLock,
        } as i32;
        // SAFETY: the relation is open, as the caller vouches.
        unsafe { pg_sys::LockPage(relation, gate as u32, mode) };
        Self {
            relation,
            gate,
            mode,
        }
    }
}

impl Drop for GateLock {
    fn drop(&mut self) {
        if !thread::panicking() {
            // SAFETY: this value has locked it, and the relation is still open, as the caller of `new` vouched.
            unsafe { pg_sys::UnlockPage(self.relation, self.gate as u32, self.mode) }
        }
    }
}
