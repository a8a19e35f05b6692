//! Removing rows, mending the graph around nodes that lost theirs, and freeing their slots.
//!
//! The passes, each over all pages, and why the gates stand between them:
//!
//! 1. *Remove*: rows that the caller says are dead go. A node left without rows is marked dying:
//!    searches still pass through it, nothing links to it any more, no row is added to it.
//! 2. *Drain inserts*: whoever searched before that and may still link to a dying node is done.
//! 3. *Mend*: a node with edges to dying ones gets others for them, and edges back. Where searches led
//!    to it by way of dying nodes only, the directory leads there from now on.
//! 4. *Confirm*: again, for edges that came while mending; and a node that nothing leads to any more
//!    is linked to.
//! 5. *Drain both*: whoever may hold a pointer to a dying slot is done.
//! 6. *Free*: the slots are free, of the next version.
//!
//! Every record concerns one page and leaves a valid index, so a crash anywhere leaves work, which the
//! next vacuum finds: dying nodes are looked for on the pages, not remembered.

use crate::codes::Query;
use crate::directory;
use crate::error::Result;
use crate::graph::{OnPages, Vector};
use crate::index::Index;
use crate::layout::{Kind, Pointer, State, Tid};
use crate::link::{Edge, Newcomer, add_edge, back, choose, link, link_back, read, retain_edges};
use crate::rows;
use crate::search::{Hit, Search};
use crate::store::{Gate, Mode, PageStore, Write};

/// What a vacuum did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Vacuumed {
    /// Rows that remain.
    pub rows: usize,
    /// Rows removed.
    pub removed: usize,
    /// Nodes that remain.
    pub nodes: usize,
    /// Nodes that got new edges.
    pub mended: usize,
    /// Slots freed.
    pub freed: usize,
}

/// A set of slots.
struct Slots(Vec<u64>);

impl Slots {
    fn insert(&mut self, id: u32) {
        let word = id as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (id % 64);
    }

    fn contains(&self, id: u32) -> bool {
        self.0
            .get(id as usize / 64)
            .is_some_and(|word| word >> (id % 64) & 1 == 1)
    }
}

/// Removes every row that `dead` says yes to. It is asked about each row once.
///
/// One vacuum at a time works on an index.
///
/// # Errors
/// When the store fails or asks to stop; what was done stays valid.
pub fn bulk_delete<S: PageStore>(
    index: &mut Index<S>,
    mut dead: impl FnMut(Tid) -> bool,
) -> Result<Vacuumed> {
    index.refresh()?;
    let mut vacuum = Vacuum {
        index,
        dying: Slots(Vec::new()),
        closed: false,
        any: false,
        done: Vacuumed::default(),
    };
    vacuum.remove(&mut dead)?;
    if vacuum.any {
        drain(vacuum.index.store, Gate::Insert)?;
        vacuum.index.refresh()?;
        vacuum.mend()?;
        vacuum.confirm()?;
    }
    if vacuum.any || vacuum.closed {
        drain(vacuum.index.store, Gate::Insert)?;
        drain(vacuum.index.store, Gate::Scan)?;
        vacuum.free()?;
    }
    Ok(vacuum.done)
}

/// Waits for everybody who shares a gate.
fn drain<S: PageStore>(store: S, gate: Gate) -> Result<()> {
    drop(store.pass(gate, Mode::Exclusive)?);
    Ok(())
}

struct Vacuum<'v, S: PageStore> {
    index: &'v mut Index<S>,
    /// Nodes without rows.
    dying: Slots,
    /// Whether there are overflow slots to free.
    closed: bool,
    /// Whether there are nodes to free.
    any: bool,
    done: Vacuumed,
}

impl<S: PageStore> Vacuum<'_, S> {
    fn remove(&mut self, dead: &mut impl FnMut(Tid) -> bool) -> Result<()> {
        // Whether a node with a chain has rows is known when all its slots have been seen.
        let mut chained = Vec::new();
        for block in 1..self.index.store.blocks()? {
            self.index.store.interrupt()?;
            let shape = self.index.shape;
            let mut page = self.index.store.write(block)?;
            if !page.has_slots() {
                continue;
            }
            let mut changed = false;
            for number in 0..shape.slots {
                let mut slot = page.slot_mut(&shape, number);
                let id = shape.id(block, number)?;
                let removed = slot.remove_tids(&mut *dead);
                let (state, left) = (slot.get().state(), slot.get().tids().len());
                self.done.removed += removed;
                self.done.rows += left;
                changed |= removed > 0;
                match state {
                    State::Live if slot.get().overflow().is_some() => {
                        chained.push(Pointer::new(id, slot.get().header().version));
                    }
                    State::Live if left == 0 => {
                        slot.set_state(State::Dying);
                        changed = true;
                        self.any = true;
                        self.dying.insert(id);
                    }
                    State::Live => self.done.nodes += 1,
                    State::Dying => {
                        self.any = true;
                        self.dying.insert(id);
                    }
                    State::Overflow if left == 0 => {
                        slot.set_state(State::Closed);
                        changed = true;
                        self.closed = true;
                    }
                    State::Closed => self.closed = true,
                    State::Overflow | State::Free => {}
                }
            }
            if changed {
                page.commit()?;
            }
        }
        for node in chained {
            self.shorten(node)?;
        }
        Ok(())
    }

    /// Unlinks the closed slots of a node's chain, and marks the node dying if nothing is left of it.
    fn shorten(&mut self, node: Pointer) -> Result<()> {
        let shape = self.index.shape;
        let mut before = node;
        loop {
            // The first open slot after `before`; only vacuum takes slots out of a chain, and new ones
            // come in at its head.
            let Some(from) = self.next(before, node)? else {
                return Ok(());
            };
            let mut next = from;
            while next.is_some() {
                match rows::chunk(self.index, next, node)? {
                    Some(chunk) if chunk.closed => next = chunk.next,
                    Some(_) => break,
                    None => next = Pointer::NONE,
                }
            }
            let (block, number) = shape.place(before.id);
            let mut page = self.index.store.write(block)?;
            let mut slot = page.slot_mut(&shape, number);
            if slot.get().overflow() != from {
                continue;
            }
            let mut changed = next != from;
            if changed {
                slot.set_overflow(next);
            }
            if before == node && slot.get().state() == State::Live {
                if slot.get().tids().is_empty() && !next.is_some() {
                    slot.set_state(State::Dying);
                    self.any = true;
                    self.dying.insert(node.id);
                    changed = true;
                } else {
                    self.done.nodes += 1;
                }
            }
            if changed {
                page.commit()?;
            } else {
                drop(page);
            }
            if !next.is_some() {
                return Ok(());
            }
            before = next;
        }
    }

    /// The slot after `at` in the chain of `node`.
    fn next(&self, at: Pointer, node: Pointer) -> Result<Option<Pointer>> {
        if at == node {
            let (block, number) = self.index.shape.place(node.id);
            let page = self.index.store.read(block)?;
            return Ok(Some(page.slot(&self.index.shape, number).overflow()));
        }
        Ok(rows::chunk(self.index, at, node)?.map(|chunk| chunk.next))
    }

    /// Gives every live node others in place of its edges to dying ones.
    fn mend(&mut self) -> Result<()> {
        self.replace_entry()?;
        for block in 1..self.index.store.blocks()? {
            for at in self.torn(block, &mut |_| ())? {
                self.mend_node(at)?;
            }
        }
        Ok(())
    }

    /// The live nodes of a page that have edges to dying ones. `edge` is told of every other edge of a
    /// live node. Directories lose their dying entries in passing.
    fn torn(&mut self, block: u32, edge: &mut dyn FnMut(u32)) -> Result<Vec<Pointer>> {
        self.index.store.interrupt()?;
        let shape = self.index.shape;
        let page = self.index.store.read(block)?;
        let mut torn = Vec::new();
        match page.kind(block)? {
            Kind::Nodes => {
                for number in 0..shape.slots {
                    let slot = page.slot(&shape, number);
                    if slot.state() != State::Live {
                        continue;
                    }
                    if slot.ids().iter().any(|&id| self.dying.contains(id)) {
                        torn.push(Pointer::new(
                            shape.id(block, number)?,
                            slot.header().version,
                        ));
                    }
                    slot.ids().iter().for_each(|&id| edge(id));
                }
            }
            Kind::Leaf => {
                drop(page);
                let mut page = self.index.store.write(block)?;
                if page.kind(block)? == Kind::Leaf
                    && page.retain_entries(&shape, |at| !self.dying.contains(at.id))
                {
                    page.commit()?;
                }
            }
            Kind::New | Kind::Meta | Kind::Basis | Kind::Root => {}
        }
        Ok(torn)
    }

    /// The live nodes around one, nearest first. Where no search that begins elsewhere would lead to it
    /// if those without rows were gone, also the node where such a search ends.
    fn around(&self, at: Pointer, query: &Query) -> Result<(Vec<Hit<Vector>>, Option<Pointer>)> {
        let ef = usize::from(self.index.meta.ef_construction) + 1;
        let mut search = Search::default();
        directory::begin(self.index, &self.index.meta, query, &mut search)?;
        let mut hits = search.run(&OnPages::of_live(self.index), query, ef)?;
        let mut end = None;
        if search.seed(at, f32::MIN) {
            end = hits.first().map(|hit| hit.at);
            search.put_back(hits);
            hits = search.run(&OnPages::new(self.index), query, ef)?;
        }
        hits.retain(|hit| hit.at.id != at.id);
        Ok((hits, end))
    }

    fn mend_node(&mut self, at: Pointer) -> Result<()> {
        let Some(node) = read(self.index, at)? else {
            return Ok(());
        };
        let query = self.index.node_query(&node.vector);
        let (hits, end) = self.around(at, &query)?;
        let chosen = choose(self.index, &hits)?;
        let mut near = Vec::with_capacity(chosen.positions.len());
        for &i in &chosen.positions {
            near.push(Edge {
                to: hits[i].at,
                code: hits[i].found.code(self.index),
            });
        }
        let code = node.code(self.index);
        let (block, number) = self.index.shape.place(at.id);
        let mut page = self.index.store.write(block)?;
        let mut slot = page.slot_mut(&self.index.shape, number);
        if !slot.get().is_node(at.version) {
            return Ok(());
        }
        // Edges to live nodes stay, nearer ones or not: a long one may be all that leads from one part
        // of the graph to another, and one made since the search all that leads to a new node.
        retain_edges(&mut slot, |id| !self.dying.contains(id));
        for edge in &near {
            if !slot.get().ids().contains(&edge.to.id) {
                add_edge(self.index, &mut slot, edge.to, edge.code.as_ref());
            }
        }
        let epoch = self.index.epoch();
        if slot.get().header().own_epoch != epoch
            && let Some(code) = &code
        {
            slot.set_own(epoch, code.factors, &code.bytes);
        }
        page.commit()?;
        self.done.mended += 1;
        let new = Newcomer {
            at,
            query: &query,
            code: code.as_ref(),
            hits: &hits,
        };
        if let Some(end) = end {
            // Vectors in clusters far apart make islands, which edges to the nearest do not connect: the
            // directory leads there, or else an edge does.
            let listed = match &code {
                Some(code) => directory::add(self.index, &query, at, code)?,
                None => false,
            };
            if !listed {
                link(self.index, end, &new, true)?;
            }
        }
        link_back(self.index, &new, &near[..back(&chosen, &self.index.shape)])
    }

    /// Mends what was torn meanwhile, and links the nodes that nothing leads to.
    fn confirm(&mut self) -> Result<()> {
        let mut led_to = Slots(Vec::new());
        led_to.insert(self.index.meta.entry.id);
        let blocks = self.index.store.blocks()?;
        for block in 1..blocks {
            let torn = self.torn(block, &mut |id| led_to.insert(id))?;
            for at in torn {
                self.mend_node(at)?;
            }
        }
        let shape = self.index.shape;
        for block in 1..blocks {
            self.index.store.interrupt()?;
            let page = self.index.store.read(block)?;
            let mut lost = Vec::new();
            if page.has_slots() {
                for number in 0..shape.slots {
                    let (slot, id) = (page.slot(&shape, number), shape.id(block, number)?);
                    if slot.state() == State::Live && !led_to.contains(id) {
                        lost.push(Pointer::new(id, slot.header().version));
                    }
                }
            }
            drop(page);
            for at in lost {
                self.mend_node(at)?;
            }
        }
        Ok(())
    }

    /// Replaces the entry on the meta page if it is dying, by the nearest live node. None at all make
    /// the index empty; whoever inserts then waits for the gate.
    fn replace_entry(&mut self) -> Result<()> {
        let entry = self.index.meta.entry;
        if !self.dying.contains(entry.id) {
            return Ok(());
        }
        // Nodes that live now do so until the next vacuum.
        let mut live = Pointer::NONE;
        if self.done.nodes > 0 {
            live = match self.nearest_live(entry)? {
                Some(live) => live,
                None => self.any_live()?,
            };
        }
        let _pass = self.index.store.pass(Gate::Insert, Mode::Exclusive)?;
        self.index.refresh()?;
        if self.index.meta.entry != entry {
            return Ok(());
        }
        if !live.is_some() {
            // There may be one that was added meanwhile.
            live = self.any_live()?;
        }
        self.index.change_meta(|meta| {
            meta.entry = live;
            true
        })
    }

    fn nearest_live(&self, entry: Pointer) -> Result<Option<Pointer>> {
        let (block, number) = self.index.shape.place(entry.id);
        let page = self.index.store.read(block)?;
        let vector = page.slot(&self.index.shape, number).vector().to_vec();
        drop(page);
        let query = self.index.node_query(&vector);
        let mut search = Search::default();
        directory::begin(self.index, &self.index.meta, &query, &mut search)?;
        let hits: Vec<Hit<Vector>> = search.run(&OnPages::new(self.index), &query, 1)?;
        Ok(hits.first().map(|hit| hit.at))
    }

    fn any_live(&self) -> Result<Pointer> {
        let shape = self.index.shape;
        for block in 1..self.index.store.blocks()? {
            self.index.store.interrupt()?;
            let page = self.index.store.read(block)?;
            for number in 0..if page.has_slots() { shape.slots } else { 0 } {
                let slot = page.slot(&shape, number);
                if slot.state() == State::Live {
                    return Ok(Pointer::new(
                        shape.id(block, number)?,
                        slot.header().version,
                    ));
                }
            }
        }
        Ok(Pointer::NONE)
    }

    fn free(&mut self) -> Result<()> {
        for block in 1..self.index.store.blocks()? {
            self.index.store.interrupt()?;
            let shape = self.index.shape;
            let mut page = self.index.store.write(block)?;
            if page.kind(block)? == Kind::New {
                drop(page);
                self.index.store.note_free(block)?;
                continue;
            }
            if !page.has_slots() {
                continue;
            }
            let (mut changed, mut room) = (false, false);
            for number in 0..shape.slots {
                let mut slot = page.slot_mut(&shape, number);
                match slot.get().state() {
                    State::Dying | State::Closed => slot.free(),
                    State::Free => {
                        room = true;
                        continue;
                    }
                    State::Live | State::Overflow => continue,
                }
                self.done.freed += 1;
                (changed, room) = (true, true);
            }
            if changed {
                page.commit()?;
            } else {
                drop(page);
            }
            if room {
                self.index.store.note_free(block)?;
            }
        }
        Ok(())
    }
}
