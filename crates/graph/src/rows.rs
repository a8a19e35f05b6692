//! The rows of a node: three in its slot, the others in a chain of overflow slots.
//!
//! Equal vectors are one node, so the chain can be long, and its slots are on pages that are locked
//! one at a time. A row is added to the first slot of the chain, or to a new one that is linked under
//! the lock of the node's page if the chain is still what it was. A slot that vacuum has closed takes
//! no rows any more: a node all of whose slots are closed or empty, seen under its page's lock, is
//! without rows and stays so. A crash between writing a slot and linking it leaves rows of a
//! transaction that never ended, which vacuum removes with the slot.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::graph::{Remember, Rows};
use crate::index::Index;
use crate::layout::{Pointer, State, Tid};
use crate::store::{PageStore, Write};

/// Adds a row to a node. Returns false when the node is gone.
pub(crate) fn add<S: PageStore>(index: &Index<S>, node: Pointer, tid: Tid) -> Result<bool> {
    let (block, slot) = index.shape.place(node.id);
    loop {
        index.store.interrupt()?;
        let mut page = index.store.write(block)?;
        let mut own = page.slot_mut(&index.shape, slot);
        if !own.get().is_node(node.version) || own.get().state() != State::Live {
            return Ok(false);
        }
        if own.push_tid(tid) {
            page.commit()?;
            return Ok(true);
        }
        let head = own.get().overflow();
        drop(page);
        if head.is_some() {
            let (block, slot) = index.shape.place(head.id);
            let mut page = index.store.write(block)?;
            let mut first = page.slot_mut(&index.shape, slot);
            if is_overflow_of(&first.get(), head, node) && first.push_tid(tid) {
                page.commit()?;
                return Ok(true);
            }
        }
        let new = index.allocate(|mut slot| {
            slot.init_overflow(node, head);
            slot.push_tid(tid);
        })?;
        let mut page = index.store.write(block)?;
        let mut own = page.slot_mut(&index.shape, slot);
        if own.get().is_node(node.version)
            && own.get().state() == State::Live
            && own.get().overflow() == head
        {
            own.set_overflow(new);
            page.commit()?;
            return Ok(true);
        }
        drop(page);
        let (block, slot) = index.shape.place(new.id);
        let mut page = index.store.write(block)?;
        page.slot_mut(&index.shape, slot).free();
        page.commit()?;
        index.store.note_free(block)?;
    }
}

/// Marks a row dead that a search has read from the node's own slot as one of `rows`, unless any row has
/// gone since: its number may belong to another one by now.
fn mark_dead<S: PageStore>(index: &Index<S>, node: Pointer, rows: &Rows, row: Tid) -> Result<()> {
    let (block, number) = index.shape.place(node.id);
    index.store.hint(block, |page| {
        if !page.has_slots() {
            return false;
        }
        let now = page.slot(&index.shape, number);
        now.is_node(node.version)
            && now.state() == State::Live
            && now.removals() == rows.removals
            && rows.tids().contains(&row)
            && page.mark_dead(&index.shape, number, row)
    })
}

fn is_overflow_of(slot: &crate::layout::Slot<'_>, at: Pointer, node: Pointer) -> bool {
    slot.header().version == at.version
        && matches!(slot.state(), State::Overflow | State::Closed)
        && slot.owner() == node
}

/// An overflow slot: its rows, whether it is closed, and the next one.
pub(crate) struct Chunk {
    pub(crate) tids: Vec<Tid>,
    pub(crate) closed: bool,
    pub(crate) next: Pointer,
}

/// Reads an overflow slot of `node`. `None` where it is one no more.
pub(crate) fn chunk<S: PageStore>(
    index: &Index<S>,
    at: Pointer,
    node: Pointer,
) -> Result<Option<Chunk>> {
    index.store.interrupt()?;
    let (block, slot) = index.shape.place(at.id);
    let page = index.store.read(block)?;
    if !page.has_slots() {
        return Ok(None);
    }
    let slot = page.slot(&index.shape, slot);
    Ok(is_overflow_of(&slot, at, node).then(|| Chunk {
        tids: slot.tids().to_vec(),
        closed: slot.state() == State::Closed,
        next: slot.overflow(),
    }))
}

/// The rows of a node, read as they are wanted, a slot of the chain at a time.
///
/// Vacuum may free a slot that this is about to read. The chain is then followed again from the node, past the slots
/// that were read already: a row stays in its slot until nobody can see it any more, only vacuum takes slots out of a
/// chain, and it does so before it frees them. So whoever saw a row when this began gets it once, and what came into
/// a slot that was read is too new for him.
pub(crate) struct Chain {
    node: Pointer,
    rows: Rows,
    /// How many of those in the node's own slot were passed.
    passed: usize,
    /// What is left of the slot that was read last.
    tids: std::vec::IntoIter<Tid>,
    next: Pointer,
    /// Slots that were read since the chain was last followed from the node, and before.
    read: HashSet<Pointer>,
    before: HashSet<Pointer>,
    /// The slot that was last found freed.
    lost: Pointer,
}

impl Chain {
    /// The rows of `node`, of which `rows` were remembered.
    pub(crate) fn new(node: Pointer, rows: Rows) -> Self {
        Self {
            node,
            passed: 0,
            tids: Vec::new().into_iter(),
            next: rows.overflow,
            rows,
            read: HashSet::new(),
            before: HashSet::new(),
            lost: Pointer::NONE,
        }
    }

    /// The next row, passing over those marked dead if `skip_dead`.
    pub(crate) fn next<S: PageStore>(
        &mut self,
        index: &Index<S>,
        skip_dead: bool,
    ) -> Result<Option<Tid>> {
        while let Some(&tid) = self.rows.tids().get(self.passed) {
            let dead = skip_dead && self.rows.dead >> self.passed & 1 == 1;
            self.passed += 1;
            if !dead {
                return Ok(Some(tid));
            }
        }
        loop {
            if let Some(tid) = self.tids.next() {
                return Ok(Some(tid));
            }
            if !self.next.is_some() {
                return Ok(None);
            }
            self.follow(index)?;
        }
    }

    fn follow<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        let at = self.next;
        let damaged = || {
            let (block, _) = index.shape.place(at.id);
            Error::corrupt(block, "chain of equal rows leads back or nowhere")
        };
        if let Some(chunk) = chunk(index, at, self.node)? {
            if !self.read.insert(at) {
                return Err(damaged());
            }
            if !self.before.contains(&at) {
                self.tids = chunk.tids.into_iter();
            }
            self.next = chunk.next;
            return Ok(());
        }
        if at == self.lost {
            return Err(damaged());
        }
        self.lost = at;
        self.before.extend(self.read.drain());
        // Of a node that is gone nobody sees a row.
        let rows = remembered(index, self.node, false)?;
        self.next = rows.map_or(Pointer::NONE, |rows| rows.overflow);
        Ok(())
    }

    /// Marks a row dead that this has returned.
    pub(crate) fn mark_dead<S: PageStore>(&self, index: &Index<S>, row: Tid) -> Result<()> {
        mark_dead(index, self.node, &self.rows, row)
    }

    /// Bytes of memory in use, nearly.
    pub(crate) fn bytes(&self) -> usize {
        self.tids.len() * size_of::<Tid>()
            + (self.read.capacity() + self.before.capacity()) * size_of::<Pointer>()
    }
}

/// What is to be remembered of the rows of a node: `None` where it has none any more, or only some that are marked
/// dead, if `skip_dead`.
pub(crate) fn remembered<S: PageStore>(
    index: &Index<S>,
    node: Pointer,
    skip_dead: bool,
) -> Result<Option<Rows>> {
    index.store.interrupt()?;
    let (block, number) = index.shape.place(node.id);
    let page = index.store.read(block)?;
    if !page.has_slots() {
        return Ok(None);
    }
    let slot = page.slot(&index.shape, number);
    let there =
        slot.is_node(node.version) && slot.state() == State::Live && !(skip_dead && slot.is_dead());
    Ok(there.then(|| Rows::remember(&slot)))
}
