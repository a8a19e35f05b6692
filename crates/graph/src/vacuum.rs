//! Removing rows, mending the graph around nodes that lost theirs, and freeing their slots.
//!
//! The passes, each over all pages, and why the gates stand between them:
//!
//! 1. *Remove*: rows that the caller says are dead go. A node left without rows is marked dying:
//!    searches still pass through it, nothing links to it any more, no row is added to it.
//! 2. *Drain inserts*: whoever searched before that and may still link to a dying node is done.
//! 3. *Mend*: a node with edges to dying ones gets others for them, and edges back. Where searches led
//!    to it by way of dying nodes only, the entry tree leads there from now on.
//! 4. *Confirm*: again, for edges that came while mending.
//! 5. *Link again*: a node that no search can reach any more, or that an insertion which was cut short has left
//!    so, is linked to ([`crate::reach`]).
//! 6. *Drain both*: whoever may hold a pointer to a dying slot is done.
//! 7. *Free*: the slots are free, of the next version.
//!
//! A page is locked against readers only where there is something to change on it. A gate is taken alone for a
//! moment, in which nothing is looked for: whoever comes then waits as long as the slowest of those who share it.
//!
//! Every record concerns one page and leaves a valid index, so a crash anywhere leaves work, which the
//! next vacuum finds: dying nodes are looked for on the pages, not remembered.

use fixedbitset::FixedBitSet;

use crate::error::Result;
use crate::index::{Index, Steps};
use crate::layout::{Kind, Page, Pointer, State, Tid, Unreachable};
use crate::link::{Edge, NewNode, add_edge, back, choose, link, link_back, read, retain_edges};
use crate::page_graph::{NodeVector, PageGraph};
use crate::query::Query;
use crate::reach::Reach;
use crate::search::{Hit, Search};
use crate::store::{Gate, Mode, PageStore, Write};
use crate::tids;
use crate::{directory, entries};

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
    let mut vacuum = Vacuum::new(index);
    vacuum.remove(&mut dead)?;
    if vacuum.any {
        drain(vacuum.index.store, Gate::Insert)?;
        vacuum.index.refresh()?;
        vacuum.mend()?;
        vacuum.confirm()?;
        directory::tidy(vacuum.index, &vacuum.listing)?;
    }
    vacuum.link_again()?;
    if vacuum.any || vacuum.closed {
        drain(vacuum.index.store, Gate::Insert)?;
        drain(vacuum.index.store, Gate::Scan)?;
        vacuum.free()?;
    }
    Ok(vacuum.done)
}

/// Links to every live node that no search can reach. It must not run beside a vacuum.
pub(crate) fn relink<S: PageStore>(index: &mut Index<S>) -> Result<()> {
    Vacuum::new(index).link_again()
}

/// Waits for everybody who shares a gate.
fn drain<S: PageStore>(store: S, gate: Gate) -> Result<()> {
    drop(store.lock_gate(gate, Mode::Exclusive)?);
    Ok(())
}

struct Vacuum<'v, S: PageStore> {
    index: &'v mut Index<S>,
    /// Nodes without rows.
    dying: FixedBitSet,
    /// Pages of the filter directory and of its summaries.
    listing: Vec<u32>,
    /// Whether there are overflow slots to free.
    closed: bool,
    /// Whether there are nodes to free.
    any: bool,
    done: Vacuumed,
}

impl<'v, S: PageStore> Vacuum<'v, S> {
    fn new(index: &'v mut Index<S>) -> Self {
        Self {
            index,
            dying: FixedBitSet::default(),
            listing: Vec::new(),
            closed: false,
            any: false,
            done: Vacuumed::default(),
        }
    }

    fn remove(&mut self, dead: &mut impl FnMut(Tid) -> bool) -> Result<()> {
        // Whether a node with a chain has rows is known when all its slots have been seen.
        let (shape, mut chained) = (self.index.shape, Vec::new());
        let mut gone = Vec::new();
        for block in 1..self.index.store.blocks()? {
            self.index.store.interrupt()?;
            let page = self.index.store.read(block)?;
            if !page.has_slots() {
                if matches!(page.kind(block)?, Kind::Directory | Kind::Summaries) {
                    self.listing.push(block);
                }
                continue;
            }
            gone.clear();
            let mut emptied = false;
            for number in 0..shape.slots {
                let (slot, before) = (page.slot(&shape, number), gone.len());
                gone.extend(slot.tids().iter().copied().filter(|&tid| dead(tid)));
                emptied |= slot.tids().len() == gone.len() - before
                    && match slot.state() {
                        State::Live => !slot.overflow().is_some(),
                        State::Overflow => true,
                        State::Free | State::Dying | State::Closed => false,
                    };
            }
            if gone.is_empty() && !emptied {
                self.take_stock(block, &page, &mut chained)?;
                continue;
            }
            drop(page);
            gone.sort_unstable();
            // Rows that were added since are of transactions that nobody has found dead.
            let mut page = self.index.store.write(block)?;
            for number in 0..shape.slots {
                let mut slot = page.slot_mut(&shape, number);
                self.done.removed += slot.remove_tids(|tid| gone.binary_search(&tid).is_ok());
                let now = slot.get();
                match now.state() {
                    State::Live if now.tids().is_empty() && !now.overflow().is_some() => {
                        slot.set_state(State::Dying);
                    }
                    State::Overflow if now.tids().is_empty() => slot.set_state(State::Closed),
                    _ => {}
                }
            }
            self.take_stock(block, &page, &mut chained)?;
            page.commit()?;
        }
        for node in chained {
            self.shorten(node)?;
        }
        Ok(())
    }

    /// Counts what is on a page, and remembers what is to be done about it. Nodes with a chain are for later.
    fn take_stock(&mut self, block: u32, page: &Page, chained: &mut Vec<Pointer>) -> Result<()> {
        let shape = self.index.shape;
        for number in 0..shape.slots {
            let (slot, id) = (page.slot(&shape, number), shape.id(block, number)?);
            self.done.rows += slot.tids().len();
            match slot.state() {
                State::Live if slot.overflow().is_some() => {
                    chained.push(Pointer::new(id, slot.header().version));
                }
                State::Live => self.done.nodes += 1,
                State::Dying => {
                    self.any = true;
                    self.dying.grow_and_insert(id as usize);
                }
                State::Closed => self.closed = true,
                State::Overflow | State::Free => {}
            }
        }
        Ok(())
    }

    /// Unlinks the closed slots of a node's chain, and marks the node dying if nothing is left of it.
    fn shorten(&mut self, node: Pointer) -> Result<()> {
        let shape = self.index.shape;
        let (mut before, mut steps) = (node, Steps::default());
        let mut left = true;
        while let Some(from) = self.next(before, node)? {
            // The first open slot after `before`; only vacuum takes slots out of a chain, and new ones
            // come in at its head.
            let mut next = from;
            while next.is_some() {
                steps.take(self.index, shape.place(next.id).0)?;
                match tids::chunk(self.index, next, node)? {
                    Some(chunk) if chunk.closed => next = chunk.next,
                    Some(_) => break,
                    None => next = Pointer::NONE,
                }
            }
            if next != from {
                let cut = self.index.change_slot(before.id, |slot| {
                    if slot.get().overflow() != from {
                        return false;
                    }
                    slot.set_overflow(next);
                    if before == node && slot.get().tids().is_empty() && !next.is_some() {
                        slot.set_state(State::Dying);
                        left = false;
                    }
                    true
                })?;
                if !cut {
                    continue;
                }
            }
            if !next.is_some() {
                break;
            }
            before = next;
        }
        if left {
            self.done.nodes += 1;
        } else {
            self.any = true;
            self.dying.grow_and_insert(node.id as usize);
        }
        Ok(())
    }

    /// The slot after `at` in the chain of `node`.
    fn next(&self, at: Pointer, node: Pointer) -> Result<Option<Pointer>> {
        if at == node {
            return self.index.with_node(node, |slot| slot.overflow());
        }
        Ok(tids::chunk(self.index, at, node)?.map(|chunk| chunk.next))
    }

    /// Gives every live node others in place of its edges to dying ones.
    fn mend(&mut self) -> Result<()> {
        self.replace_entry()?;
        for block in 1..self.index.store.blocks()? {
            for at in self.torn(block)? {
                self.mend_node(at)?;
            }
        }
        Ok(())
    }

    /// The live nodes of a page that have edges to dying ones. Leaves lose their dying entries in passing.
    fn torn(&mut self, block: u32) -> Result<Vec<Pointer>> {
        self.index.store.interrupt()?;
        let shape = self.index.shape;
        let page = self.index.store.read(block)?;
        let mut torn = Vec::new();
        match page.kind(block)? {
            Kind::Nodes => {
                for number in 0..shape.slots {
                    let slot = page.slot(&shape, number);
                    if slot.state() == State::Live
                        && slot
                            .ids()
                            .iter()
                            .any(|&id| self.dying.contains(id as usize))
                    {
                        torn.push(Pointer::new(
                            shape.id(block, number)?,
                            slot.header().version,
                        ));
                    }
                }
            }
            Kind::Leaf => {
                let entries = page.entries(&shape).0;
                if entries.iter().any(|at| self.dying.contains(at.id as usize)) {
                    drop(page);
                    let mut page = self.index.store.write(block)?;
                    page.retain_entries(&shape, |at| !self.dying.contains(at.id as usize));
                    page.commit()?;
                }
            }
            Kind::Directory => {
                let listed = page.listing(&shape).pointers;
                if listed.iter().any(|at| self.dying.contains(at.id as usize)) {
                    drop(page);
                    let mut page = self.index.store.write(block)?;
                    page.retain_listed(&shape, |at| !self.dying.contains(at.id as usize));
                    page.commit()?;
                }
            }
            Kind::New | Kind::Meta | Kind::Basis | Kind::Root | Kind::Summaries => {}
        }
        Ok(torn)
    }

    /// The live nodes around one, nearest first. Where no search that begins elsewhere would lead to it
    /// if those without rows were gone, also the node where such a search ends.
    fn around(
        &self,
        at: Pointer,
        query: &Query,
    ) -> Result<(Vec<Hit<NodeVector>>, Option<Pointer>)> {
        let ef = usize::from(self.index.meta.ef_construction) + 1;
        let mut search = Search::default();
        entries::begin(self.index, &self.index.meta, query, &mut search)?;
        let mut hits = search.run(&PageGraph::of_live(self.index), query, ef)?;
        let mut end = None;
        if search.seed(at, f32::MIN) {
            end = hits.first().map(|hit| hit.at);
            search.put_back(hits);
            hits = search.run(&PageGraph::new(self.index), query, ef)?;
        }
        hits.retain(|hit| hit.at.id != at.id);
        Ok((hits, end))
    }

    fn mend_node(&mut self, at: Pointer) -> Result<()> {
        let Some(node) = read(self.index, at)? else {
            return Ok(());
        };
        let query = self.index.node_query(&node.rounded.get().halves());
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
        let (index, epoch) = (&*self.index, self.index.epoch());
        let mut own = Vec::new();
        let mended = index.change_slot(at.id, |slot| {
            if !slot.get().is_node(at.version) {
                return false;
            }
            // Edges to live nodes stay, nearer ones or not: a long one may be all that leads from one part
            // of the graph to another, and one made since the search all that leads to a new node.
            retain_edges(slot, |id| !self.dying.contains(id as usize));
            for edge in &near {
                if !slot.get().ids().contains(&edge.to.id) {
                    add_edge(index, slot, edge.to, edge.code.as_ref());
                }
            }
            if slot.get().header().own_epoch != epoch
                && let Some(code) = &code
            {
                slot.set_own(epoch, code.factors, &code.bytes);
            }
            own = slot.get().edges().collect();
            true
        })?;
        if !mended {
            return Ok(());
        }
        self.done.mended += 1;
        let mut new = NewNode {
            at,
            query: &query,
            rounded: &node.rounded,
            code: code.as_ref(),
            hits: &hits,
            edges: own,
            given_up: Vec::new(),
        };
        if let Some(end) = end {
            // Vectors in clusters far apart make islands, which edges to the nearest do not connect: the
            // directory leads there, or else an edge does.
            let listed = match &code {
                Some(code) => entries::add(self.index, &query, at, code)?,
                None => false,
            };
            if !listed {
                link(self.index, end, &mut new, true)?;
            }
        }
        let mut from = Vec::new();
        for edge in near.into_iter().take(back(&chosen, &self.index.shape)) {
            if !self.leads_to(edge.to, at)? {
                from.push(edge);
            }
        }
        link_back(self.index, &mut new, &from)?;
        Ok(())
    }

    /// Whether a node has an edge to another one already.
    fn leads_to(&self, from: Pointer, to: Pointer) -> Result<bool> {
        let leads = self
            .index
            .with_node(from, |slot| slot.edges().any(|edge| edge == to));
        Ok(leads?.unwrap_or(false))
    }

    /// Mends what was torn meanwhile.
    fn confirm(&mut self) -> Result<()> {
        for block in 1..self.index.store.blocks()? {
            for at in self.torn(block)? {
                self.mend_node(at)?;
            }
        }
        Ok(())
    }

    /// Links to the live nodes that no search can reach.
    fn link_again(&mut self) -> Result<()> {
        let (none, possible, searching) = (
            Unreachable::None as u16,
            Unreachable::Possible as u16,
            Unreachable::Searching as u16,
        );
        // Who leaves a node out of reach from now on says so again.
        if self.index.meta.unreachable == possible {
            self.index.change_meta(|meta| {
                meta.unreachable = searching;
                true
            })?;
        }
        let mut reach = Reach::explore(self.index)?;
        let mut from = 0;
        while let Some(id) = reach.next_lost(from) {
            from = id + 1;
            let Some(at) = self.live(id)? else {
                continue;
            };
            // Where there is nothing that could lead to it, searches begin at it.
            if !reach.is_empty() || !self.enter(self.index.meta.entry, at)? {
                self.mend_node(at)?;
            }
            reach.add(self.index, id)?;
        }
        let blocks = reach.blocks();
        if self.index.meta.unreachable != none || self.index.meta.explored != blocks {
            self.index.change_meta(|meta| {
                if meta.unreachable == searching {
                    meta.unreachable = none;
                }
                meta.explored = blocks;
                true
            })?;
        }
        Ok(())
    }

    /// Replaces the entry on the meta page if it is dying, by the nearest live node. None at all make
    /// the index empty; whoever inserts then waits for the gate.
    fn replace_entry(&mut self) -> Result<()> {
        let entry = self.index.meta.entry;
        if !self.dying.contains(entry.id as usize) {
            return Ok(());
        }
        // Nodes that live now do so until the next vacuum. Inserts that came upon live ones of those marked since are
        // done: where there is none, no node can have been linked to one, and the next becomes the entry itself.
        let mut live = None;
        if self.done.nodes > 0 {
            live = self.nearest_live(entry)?;
        }
        let live = match live {
            Some(live) => live,
            None => self.any_live()?,
        };
        self.enter(entry, live)?;
        Ok(())
    }

    /// Replaces the entry on the meta page, unless another one has come meanwhile. Returns whether it did.
    fn enter(&mut self, entry: Pointer, by: Pointer) -> Result<bool> {
        let _gate = self.index.store.lock_gate(Gate::Insert, Mode::Exclusive)?;
        let mut same = false;
        self.index.change_meta(|meta| {
            same = meta.entry == entry;
            if same {
                meta.entry = by;
            }
            same
        })?;
        Ok(same)
    }

    /// The live node in a slot.
    fn live(&self, id: u32) -> Result<Option<Pointer>> {
        let at = self.index.with_slot(id, |slot| {
            let at = Pointer::new(id, slot.header().version);
            slot.is_live(at.version).then_some(at)
        });
        Ok(at?.flatten())
    }

    fn nearest_live(&self, entry: Pointer) -> Result<Option<Pointer>> {
        let vector = self
            .index
            .with_slot(entry.id, |slot| slot.rounded().halves())?;
        let Some(vector) = vector else {
            return Ok(None);
        };
        let query = self.index.node_query(&vector);
        let mut search = Search::default();
        entries::begin(self.index, &self.index.meta, &query, &mut search)?;
        let hits: Vec<Hit<NodeVector>> = search.run(&PageGraph::new(self.index), &query, 1)?;
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
        let shape = self.index.shape;
        let doomed = |state| matches!(state, State::Dying | State::Closed);
        for block in 1..self.index.store.blocks()? {
            self.index.store.interrupt()?;
            let page = self.index.store.read(block)?;
            let mut has_free = page.kind(block)? == Kind::New;
            let mut any = false;
            for number in 0..if page.has_slots() { shape.slots } else { 0 } {
                let state = page.slot(&shape, number).state();
                any |= doomed(state);
                has_free |= state == State::Free;
            }
            drop(page);
            if any {
                let mut page = self.index.store.write(block)?;
                for number in 0..shape.slots {
                    let mut slot = page.slot_mut(&shape, number);
                    if doomed(slot.get().state()) {
                        slot.free();
                        self.done.freed += 1;
                    }
                }
                page.commit()?;
            }
            if any || has_free {
                self.index.store.note_free(block)?;
            }
        }
        Ok(())
    }
}
