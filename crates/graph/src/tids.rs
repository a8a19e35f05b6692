//! The heap TIDs of a node, its rows: three in its slot, the others in a chain of overflow slots.
//!
//! Equal vectors are one node, so the chain can be long, and its slots are on pages that are locked
//! one at a time. A row is added to the first slot of the chain, or to a new one that is linked under
//! the lock of the node's page if the chain is still what it was. A slot that vacuum has closed takes
//! no rows any more: a node all of whose slots are closed or empty, seen under its page's lock, is
//! without rows and stays so. A crash between writing a slot and linking it leaves rows of a
//! transaction that never ended, which vacuum removes with the slot.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::index::Index;
use crate::layout::{Pointer, Slot, SlotMut, State, Tid};
use crate::page_graph::{FromSlot, Tids};
use crate::store::PageStore;

/// A row of the heap with its words, on its way into an index.
#[derive(Clone, Copy, Debug)]
pub struct NewRow<'w> {
    /// The row.
    pub tid: Tid,
    /// A word for each filter column of the index.
    pub words: &'w [u64],
}

impl From<Tid> for NewRow<'_> {
    /// A row of an index without filter columns.
    fn from(tid: Tid) -> Self {
        Self { tid, words: &[] }
    }
}

/// Adds a row to a node. Returns false when the node is gone. `is_other` becomes true where the row's words are others than
/// the node's.
pub(crate) fn add<S: PageStore>(
    index: &Index<S>,
    node: Pointer,
    NewRow { tid, words }: NewRow<'_>,
    is_other: &mut bool,
) -> Result<bool> {
    loop {
        let (mut head, mut added) = (None, false);
        // The words say of all rows, also of those to come elsewhere: first the words, then the row.
        index.change_slot(node.id, |own| {
            if !own.get().is_live(node.version) {
                return false;
            }
            head = Some(own.get().overflow());
            *is_other |= own.get().words() != words;
            let widened = own.merge_words(words);
            added = own.push_tid(tid);
            added || widened
        })?;
        if added {
            return Ok(true);
        }
        let Some(head) = head else {
            return Ok(false);
        };
        let into_head = |first: &mut SlotMut<'_>| {
            is_overflow_of(&first.get(), head, node) && first.push_tid(tid)
        };
        if head.is_some() && index.change_slot(head.id, into_head)? {
            return Ok(true);
        }
        let new = index.allocate(|mut slot| {
            slot.init_overflow(node, head);
            slot.push_tid(tid);
        })?;
        let linked = index.change_slot(node.id, |own| {
            let same = own.get().is_live(node.version) && own.get().overflow() == head;
            if same {
                own.set_overflow(new);
            }
            same
        })?;
        if linked {
            return Ok(true);
        }
        index.change_slot(new.id, |slot| {
            slot.free();
            true
        })?;
        index.store.note_free(index.shape.place(new.id).0)?;
    }
}

/// Marks a row dead that a search has read from the node's own slot as one of `rows`, unless any row has
/// gone since: its TID may belong to another one by now.
fn mark_dead<S: PageStore>(index: &Index<S>, node: Pointer, tids: &Tids, row: Tid) -> Result<()> {
    let (block, number) = index.shape.place(node.id);
    index.store.hint(block, |page| {
        if !page.has_slots() {
            return false;
        }
        let now = page.slot(&index.shape, number);
        now.is_live(node.version)
            && now.removals() == tids.removals
            && tids.inline().contains(&row)
            && page.mark_dead(&index.shape, number, row)
    })
}

fn is_overflow_of(slot: &Slot<'_>, at: Pointer, node: Pointer) -> bool {
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
    let chunk = index.with_slot(at.id, |slot| {
        is_overflow_of(slot, at, node).then(|| Chunk {
            tids: slot.tids().to_vec(),
            closed: slot.state() == State::Closed,
            next: slot.overflow(),
        })
    });
    Ok(chunk?.flatten())
}

/// The rows of a node, read as they are wanted, a slot of the chain at a time.
///
/// Vacuum may free a slot that this is about to read. The chain is then followed again from the node, past the slots
/// that were read already: a row stays in its slot until nobody can see it any more, only vacuum takes slots out of a
/// chain, and it does so before it frees them. So whoever saw a row when this began gets it once, and what came into
/// a slot that was read is too new for him.
pub(crate) struct Chain {
    node: Pointer,
    own: Tids,
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
    /// The rows of `node`, of which `own` were found in its own slot.
    pub(crate) fn new(node: Pointer, own: Tids) -> Self {
        Self {
            node,
            passed: 0,
            tids: Vec::new().into_iter(),
            next: own.overflow,
            own,
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
        while let Some(&tid) = self.own.inline().get(self.passed) {
            let dead = skip_dead && self.own.dead >> self.passed & 1 == 1;
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
        let own = read(index, self.node, false)?;
        self.next = own.map_or(Pointer::NONE, |own| own.overflow);
        Ok(())
    }

    /// Whether the rows differ in a filter column.
    pub(crate) fn mixed(&self) -> bool {
        self.own.mixed
    }

    /// Marks a row dead that this has returned.
    pub(crate) fn mark_dead<S: PageStore>(&self, index: &Index<S>, row: Tid) -> Result<()> {
        mark_dead(index, self.node, &self.own, row)
    }

    /// Bytes of memory in use, nearly.
    pub(crate) fn bytes(&self) -> usize {
        self.tids.len() * size_of::<Tid>()
            + (self.read.capacity() + self.before.capacity()) * size_of::<Pointer>()
    }
}

/// The TIDs of a node: `None` where it has none any more, or only some that are marked
/// dead, if `skip_dead`.
pub(crate) fn read<S: PageStore>(
    index: &Index<S>,
    node: Pointer,
    skip_dead: bool,
) -> Result<Option<Tids>> {
    let tids = index.with_live(node, |slot| {
        (!(skip_dead && slot.is_dead())).then(|| Tids::from_slot(slot))
    });
    Ok(tids?.flatten())
}
