//! The rows of a node: three in its slot, the others in a chain of overflow slots.
//!
//! Equal vectors are one node, so the chain can be long, and its slots are on pages that are locked
//! one at a time. A row is added to the first slot of the chain, or to a new one that is linked under
//! the lock of the node's page if the chain is still what it was. A slot that vacuum has closed takes
//! no rows any more: a node all of whose slots are closed or empty, seen under its page's lock, is
//! without rows and stays so. A crash between writing a slot and linking it leaves rows of a
//! transaction that never ended, which vacuum removes with the slot.

use crate::error::Result;
use crate::graph::{Remember, Rows};
use crate::index::Index;
use crate::layout::{Pointer, State, Tid};
use crate::store::{PageStore, Write};

/// Times that a reader starts over because a slot of the chain was reused, which takes a whole vacuum
/// each.
const PATIENCE: usize = 16;

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
pub(crate) fn mark_dead<S: PageStore>(
    index: &Index<S>,
    node: Pointer,
    rows: &Rows,
    row: Tid,
) -> Result<()> {
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

/// All rows of a node, of which a search has remembered `rows`; without those marked dead, if
/// `skip_dead`.
pub(crate) fn all<S: PageStore>(
    index: &Index<S>,
    node: Pointer,
    rows: &Rows,
    skip_dead: bool,
) -> Result<Vec<Tid>> {
    let dead = if skip_dead { rows.dead } else { 0 };
    let inline = rows.tids().iter().enumerate();
    let mut tids: Vec<Tid> = inline
        .filter(|&(at, _)| dead >> at & 1 == 0)
        .map(|(_, &tid)| tid)
        .collect();
    let mut next = rows.overflow;
    for _ in 0..PATIENCE {
        while next.is_some() {
            let Some(chunk) = chunk(index, next, node)? else {
                break;
            };
            tids.extend(chunk.tids);
            next = chunk.next;
        }
        if !next.is_some() {
            break;
        }
        // The slot was reused after the node was read: what the node says now is right.
        let (block, slot) = index.shape.place(node.id);
        let page = index.store.read(block)?;
        let slot = page.slot(&index.shape, slot);
        if !page.has_slots() || !slot.is_node(node.version) {
            break;
        }
        let rows = Rows::remember(&slot);
        tids.extend(rows.tids());
        next = rows.overflow;
    }
    if rows.overflow.is_some() {
        tids.sort_unstable();
        tids.dedup();
    }
    Ok(tids)
}
