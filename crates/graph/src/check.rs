//! Every invariant of an index, verified, also while others insert rows and a vacuum removes some.
//!
//! Pages are read one after the other, so what is read of two of them need not hold at one time: what looks wrong between
//! two pages is suspected, and looked at once more. Vacuum breaks everything that leads to a slot before it frees the
//! slot, each by a record of its own, on the primary and in replay alike. So what leads to a slot that was *then* seen to
//! be gone is wrong for sure if it still does *afterwards*. Rows that a slot was seen to have twice, with nothing removed in
//! between, it had all along.
//!
//! What a crash may leave behind is counted, not reported as a problem: nodes that nothing leads to, and overflow slots
//! that no node leads to. There, what others are at work on at the time counts, too, if it is so at every look.

use std::collections::{BTreeSet, HashSet};

use half::f16;

use crate::error::Result;
use crate::filter;
use crate::index::Index;
use crate::layout::{Kind, Page, Pointer, Slot, State, Tid};
use crate::page_graph::{PageGraph, Tids};
use crate::query::Query;
use crate::search::{Hit, Search};
use crate::store::{Gate, Mode, PageStore};
use crate::tids::{self, Chain, Chunk, NewRow};
use crate::{directory, entries};

/// Problems that are spelled out.
const SPELLED_OUT: usize = 100;
/// Looks at what leads to the nodes that nothing seemed to lead to.
const LOOKS: usize = 3;
/// How wide the searches for a row are, until one finds it.
const WIDER: [usize; 3] = [1, 8, 64];
/// Times that a chain of overflow slots is followed from its node while others change it.
const PATIENCE: usize = 16;

/// What is in an index, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Nodes with rows.
    pub live: usize,
    /// Nodes whose rows are gone, which the next vacuum frees.
    pub dying: usize,
    /// Overflow slots.
    pub overflow: usize,
    /// Free slots.
    pub free: usize,
    /// Edges.
    pub edges: usize,
    /// Edges without a code of the epoch in use.
    pub uncoded: usize,
    /// Entries of the entry tree.
    pub entries: usize,
    /// Rows.
    pub rows: usize,
    /// Live nodes that no search can reach.
    pub unreachable: usize,
    /// Overflow slots that no node leads to.
    pub orphans: usize,
    /// What is wrong, the first hundred.
    pub problems: Vec<String>,
}

/// What is known of a slot. An index may have many millions of them.
#[derive(Clone, Copy)]
struct Seen {
    version: u16,
    state: State,
    /// Whether anything leads to it.
    reached: bool,
}

impl Seen {
    const NOTHING: Self = Self {
        version: 0,
        state: State::Free,
        reached: false,
    };
}

/// Where a chain goes on, and whether the slot that says so is of it for sure.
#[derive(PartialEq)]
struct Link {
    next: Pointer,
    open: bool,
}

/// A row in a slot.
struct Place {
    tid: Tid,
    at: Pointer,
    removals: u16,
}

/// Reads every page of an index, and returns its rows as well, in order: all that were in it from beginning to end, and
/// some that came or went meanwhile.
///
/// # Errors
/// When the store fails. A page that is not what it should be is a problem in the report.
pub fn check<S: PageStore>(index: &Index<S>) -> Result<(Report, Vec<Tid>)> {
    let mut check = Check {
        index,
        report: Report::default(),
        slots: Vec::new(),
        tids: Vec::new(),
        owners: Vec::new(),
        starts: vec![index.meta.entry],
        epoch: index.meta.epoch,
    };
    for block in 0..index.store.blocks()? {
        index.store.interrupt()?;
        check.page(block)?;
    }
    check.rows()?;
    check.chains()?;
    check.graph()?;
    Ok((check.report, check.tids))
}

/// Whether a row is found by its own vector: by a search that keeps `ef` nodes, or else by wider ones, for what a narrow one
/// misses now and then is not lost.
///
/// It looks where nodes are neighbours, in a space where each is the nearest to itself, or nearly: a query by inner
/// product is nearer to the long ones.
///
/// # Errors
/// When the vector has another number of dimensions than the index, and when the store fails.
pub fn finds<S: PageStore>(index: &Index<S>, vector: &[f16], tid: Tid, ef: usize) -> Result<bool> {
    index.check_dimensions(vector)?;
    let query = index.node_query(vector);
    let own = query.distance(vector, query.norm_squared);
    for wider in WIDER {
        let ef = ef.saturating_mul(wider);
        for hit in nearest(index, &query, ef)? {
            if hit.measure.least() <= own {
                let mut rows = Chain::new(hit.at, hit.found);
                while let Some(row) = rows.next(index, false)? {
                    if row == tid {
                        return Ok(true);
                    }
                }
            }
        }
    }
    Ok(false)
}

fn nearest<S: PageStore>(index: &Index<S>, query: &Query, ef: usize) -> Result<Vec<Hit<Tids>>> {
    loop {
        let _gate = index.store.lock_gate(Gate::Scan, Mode::Shared)?;
        let meta = *index.store.read(0)?.meta()?;
        let mut search = Search::default();
        entries::begin(index, &meta, query, &mut search)?;
        let hits = search.run(&PageGraph::for_rows(index, false, None), query, ef.max(1))?;
        // A standby has no gate: the entry may be gone by the time it is visited.
        if !hits.is_empty() || index.store.read(0)?.meta()?.entry == meta.entry {
            return Ok(hits);
        }
    }
}

/// Which nodes rows are of, in the order of the rows, and what the filter directory lists, in order.
pub struct Nodes {
    rows: Vec<(Tid, Pointer)>,
    listed: Vec<(u32, u16, Vec<u64>)>,
}

impl Nodes {
    /// Reads every page of an index.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read<S: PageStore>(index: &Index<S>) -> Result<Self> {
        let mut nodes = Vec::new();
        for block in 1..index.store.blocks()? {
            index.store.interrupt()?;
            let page = index.store.read(block)?;
            for number in 0..if page.has_slots() {
                index.shape.slots
            } else {
                0
            } {
                let slot = page.slot(&index.shape, number);
                let node = match slot.state() {
                    State::Overflow => slot.owner(),
                    _ => Pointer::new(index.shape.id(block, number)?, slot.header().version),
                };
                nodes.extend(slot.tids().iter().map(|&tid| (tid, node)));
            }
        }
        nodes.sort_unstable_by_key(|&(tid, _)| tid);
        let mut listed: Vec<_> = directory::entries(index)?
            .into_iter()
            .map(|(node, words)| (node.id, node.version, words))
            .collect();
        listed.sort_unstable();
        Ok(Self {
            rows: nodes,
            listed,
        })
    }

    /// Whether the directory lists a node with words that cover these, where there are any.
    fn lists(&self, node: Pointer, words: &[u64]) -> bool {
        let of = (node.id, node.version);
        let from = self.listed.partition_point(|entry| (entry.0, entry.1) < of);
        let mut own = self.listed[from..]
            .iter()
            .take_while(|entry| (entry.0, entry.1) == of);
        words.is_empty() || own.any(|(_, _, listed)| filter::cover(listed, words))
    }

    /// Whether the words of a row's node, in its slot and in the directory, say of the row what they should. Of a row that is not there, nothing is wrong.
    ///
    /// # Errors
    /// When the store fails.
    pub fn fit<S: PageStore>(&self, index: &Index<S>, row: NewRow<'_>) -> Result<bool> {
        let at = self.rows.partition_point(|&(tid, _)| tid < row.tid);
        match self.rows.get(at) {
            Some(&(tid, node)) if tid == row.tid => {
                let covered = index.with_node(node, |slot| filter::cover(slot.words(), row.words));
                Ok(covered?.unwrap_or(false) && self.lists(node, row.words))
            }
            _ => Ok(true),
        }
    }
}

struct Check<'i, S: PageStore> {
    index: &'i Index<S>,
    report: Report,
    /// By id.
    slots: Vec<Seen>,
    tids: Vec<Tid>,
    /// Nodes with a chain.
    owners: Vec<Pointer>,
    /// Where searches begin.
    starts: Vec<Pointer>,
    /// The epoch of the entry tree.
    epoch: u16,
}

impl<S: PageStore> Check<'_, S> {
    fn problem(&mut self, text: impl FnOnce() -> String) {
        if self.report.problems.len() < SPELLED_OUT {
            self.report.problems.push(text());
        }
    }

    fn page(&mut self, block: u32) -> Result<()> {
        let index = self.index;
        let page = index.store.read(block)?;
        match page.kind(block) {
            Err(error) => self.problem(|| error.to_string()),
            Ok(Kind::Nodes) => {
                for slot in 0..index.shape.slots {
                    self.slot(block, slot, &page)?;
                }
            }
            Ok(Kind::Meta) if block > 0 => {
                self.problem(|| format!("block {block}: a second meta page"))
            }
            Ok(Kind::Leaf) => self.report.entries += self.entries(&page),
            Ok(Kind::New | Kind::Meta | Kind::Basis | Kind::Root | Kind::Directory) => {}
        }
        Ok(())
    }

    /// Notes where searches begin by a page of the entry tree, and returns the number of its entries.
    fn entries(&mut self, page: &Page) -> usize {
        if page.epoch() != self.epoch {
            return 0;
        }
        let (pointers, _, _) = page.entries(&self.index.shape);
        self.starts.extend_from_slice(pointers);
        pointers.len()
    }

    /// Notes what is in a slot; what led there counts as long as it is the same.
    fn note(&mut self, block: u32, number: usize, slot: &Slot<'_>) -> Result<Pointer> {
        let (version, state) = (slot.header().version, slot.state());
        let at = Pointer::new(self.index.shape.id(block, number)?, version);
        let id = at.id as usize;
        if id >= self.slots.len() {
            self.slots.resize(id + 1, Seen::NOTHING);
        }
        let seen = &mut self.slots[id];
        *seen = Seen {
            version,
            state,
            reached: seen.reached && seen.version == version,
        };
        Ok(at)
    }

    fn slot(&mut self, block: u32, number: usize, page: &Page) -> Result<()> {
        let slot = page.slot(&self.index.shape, number);
        let at = self.note(block, number, &slot)?;
        let state = slot.state();
        let place = || format!("block {block}, slot {number}");
        if !slot.state_is_known() {
            self.problem(|| format!("{}: unknown state", place()));
        }
        self.tids.extend_from_slice(slot.tids());
        match state {
            State::Free => self.report.free += 1,
            State::Overflow | State::Closed => self.report.overflow += 1,
            State::Live => self.report.live += 1,
            State::Dying => self.report.dying += 1,
        }
        if is_node(state) {
            self.node(&place, at, &slot);
        }
        Ok(())
    }

    fn node(&mut self, place: &impl Fn() -> String, at: Pointer, slot: &Slot<'_>) {
        let header = slot.header();
        let norm = slot.rounded().norm_squared();
        let off = (norm - f64::from(header.norm_squared)).abs();
        if off > 1e-4 * norm || !off.is_finite() {
            self.problem(|| format!("{}: norm does not fit the vector", place()));
        }
        if slot.overflow().is_some() {
            self.owners.push(at);
        } else if slot.state() == State::Live && slot.tids().is_empty() {
            self.problem(|| format!("{}: a live node without rows", place()));
        }
        let mut ids = slot.ids().to_vec();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) || ids.contains(&at.id) {
            self.problem(|| format!("{}: an edge twice, or to itself", place()));
        }
        self.report.edges += ids.len();
        let current = header.edge_epoch == self.index.meta.epoch && self.index.meta.epoch != 0;
        let coded = slot.factors().iter().filter(|factors| factors.coded());
        self.report.uncoded += ids.len() - if current { coded.count() } else { 0 };
    }

    /// Sorts the rows, and looks for those that are there twice.
    fn rows(&mut self) -> Result<()> {
        self.tids.sort_unstable();
        self.report.rows = self.tids.len();
        let pairs = self.tids.windows(2).filter(|pair| pair[0] == pair[1]);
        let mut suspects: Vec<Tid> = pairs.map(|pair| pair[0]).collect();
        suspects.dedup();
        if suspects.is_empty() {
            return Ok(());
        }
        let mut places = self.places(&suspects)?;
        places.sort_by_key(|place| place.tid);
        for places in places.chunk_by(|a, b| a.tid == b.tid) {
            for pair in places.windows(2) {
                // The first one was read before the other, and is looked at again after it.
                let [first, other] = pair else {
                    continue;
                };
                if first.at == other.at || self.is_still(first)? {
                    let (block, offset) = (first.tid.block(), first.tid.offset());
                    self.problem(|| format!("row ({block},{offset}) is in the index twice"));
                }
            }
        }
        Ok(())
    }

    /// Where some rows are, in the order of the pages.
    fn places(&self, rows: &[Tid]) -> Result<Vec<Place>> {
        let index = self.index;
        let mut places = Vec::new();
        for block in 0..index.store.blocks()? {
            index.store.interrupt()?;
            let page = index.store.read(block)?;
            for number in 0..if page.has_slots() {
                index.shape.slots
            } else {
                0
            } {
                let slot = page.slot(&index.shape, number);
                let at = Pointer::new(index.shape.id(block, number)?, slot.header().version);
                let here = slot.tids().iter();
                places.extend(
                    here.filter(|tid| rows.binary_search(tid).is_ok())
                        .map(|&tid| Place {
                            tid,
                            at,
                            removals: slot.removals(),
                        }),
                );
            }
        }
        Ok(places)
    }

    /// Whether a row has been in its slot all the time since it was found there.
    fn is_still(&self, place: &Place) -> Result<bool> {
        self.look(place.at, |slot| {
            slot.removals() == place.removals && slot.tids().contains(&place.tid)
        })
    }

    /// Asks about the slot that a pointer leads to; no if there is none any more.
    fn look(&self, at: Pointer, ask: impl FnOnce(&Slot<'_>) -> bool) -> Result<bool> {
        let index = self.index;
        if !at.is_some() || index.shape.place(at.id).0 >= index.store.blocks()? {
            return Ok(false);
        }
        let answer = index.with_slot(at.id, |slot| {
            slot.header().version == at.version && ask(slot)
        });
        Ok(answer?.unwrap_or(false))
    }

    /// What is known of the slot that a pointer leads to, if it is still there.
    fn find(&mut self, to: Pointer, kind: fn(State) -> bool) -> Option<&mut Seen> {
        let slot = self.slots.get_mut(to.id as usize)?;
        (slot.version == to.version && kind(slot.state)).then_some(slot)
    }

    /// Whether a pointer is the first to lead to a slot.
    fn reach(&mut self, to: Pointer, kind: fn(State) -> bool) -> bool {
        self.find(to, kind)
            .is_some_and(|slot| !std::mem::replace(&mut slot.reached, true))
    }

    /// Walks the chains of overflow slots.
    fn chains(&mut self) -> Result<()> {
        for node in std::mem::take(&mut self.owners) {
            if !self.chain(node)? {
                let id = node.id;
                self.problem(|| format!("node {id}: broken chain of overflow slots"));
            }
        }
        // Others may have been linked since their nodes were looked at.
        let mut left = Vec::new();
        let mut owners = BTreeSet::new();
        for at in self.unreached(is_overflow) {
            let mut owner = Pointer::NONE;
            if self.look(at, |slot| {
                owner = slot.owner();
                is_overflow(slot.state())
            })? {
                left.push(at);
                owners.insert((owner.id, owner.version));
            }
        }
        for (id, version) in owners {
            self.chain(Pointer::new(id, version))?;
        }
        left.retain(|&at| !self.is_reached(at));
        self.report.orphans = left.len();
        Ok(())
    }

    /// Walks the chain of a node; returns whether it is whole, as far as that can be told of one that changes all the time.
    fn chain(&mut self, node: Pointer) -> Result<bool> {
        'again: for _ in 0..PATIENCE {
            let mut met = HashSet::new();
            let mut before = node;
            while let Some(Link { next, .. }) = self.link(before, node)?
                && next.is_some()
            {
                if !met.insert(next) {
                    return Ok(false);
                }
                if self.chunk(next, node)?.is_none() {
                    // Slots are taken out of the chain before they are freed. One that is closed may be out already, and
                    // leads where it always did.
                    let still = Some(Link { next, open: true });
                    if self.link(before, node)? == still {
                        return Ok(false);
                    }
                    continue 'again;
                }
                self.reach(next, is_overflow);
                before = next;
            }
            break;
        }
        Ok(true)
    }

    /// Where the chain of a node goes on after the slot `at`; `None` where that is not of it any more.
    fn link(&self, at: Pointer, node: Pointer) -> Result<Option<Link>> {
        if at != node {
            let chunk = self.chunk(at, node)?;
            return Ok(chunk.map(|Chunk { next, closed, .. }| Link {
                next,
                open: !closed,
            }));
        }
        let mut link = None;
        self.look(node, |slot| {
            link = is_node(slot.state()).then(|| Link {
                next: slot.overflow(),
                open: true,
            });
            true
        })?;
        Ok(link)
    }

    fn chunk(&self, at: Pointer, node: Pointer) -> Result<Option<Chunk>> {
        if self.index.shape.place(at.id).0 >= self.index.store.blocks()? {
            return Ok(None);
        }
        tids::chunk(self.index, at, node)
    }

    /// The slots of a kind that nothing has been seen to lead to.
    fn unreached(&self, kind: fn(State) -> bool) -> Vec<Pointer> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| kind(slot.state) && !slot.reached)
            .map(|(id, slot)| Pointer::new(id as u32, slot.version))
            .collect()
    }

    fn is_reached(&self, at: Pointer) -> bool {
        let slot = self.slots[at.id as usize];
        slot.version == at.version && slot.reached
    }

    /// Follows all edges from where searches begin, then those of the nodes not met on the way.
    fn graph(&mut self) -> Result<()> {
        let begin = self.begin();
        self.follow(begin)?;
        let mut lost = self.unreached(is_live);
        for _ in 1..LOOKS {
            if lost.is_empty() {
                break;
            }
            self.look_again()?;
            let slots = &self.slots;
            lost.retain(|at| {
                let slot = slots[at.id as usize];
                slot.version == at.version && is_live(slot.state) && !slot.reached
            });
        }
        self.report.unreachable = lost.len();
        for at in &lost {
            self.slots[at.id as usize].reached = true;
        }
        self.follow(lost.iter().map(|at| at.id).collect())
    }

    /// Takes the nodes where searches begin that were not met yet.
    fn begin(&mut self) -> Vec<u32> {
        let mut starts = std::mem::take(&mut self.starts);
        starts.retain(|&at| self.reach(at, is_node));
        starts.iter().map(|at| at.id).collect()
    }

    /// Reads all pages again, and follows all edges that there are now from where searches begin now, and from the nodes
    /// that were met before: edges are made and replaced while others are read.
    fn look_again(&mut self) -> Result<()> {
        let index = self.index;
        let meta = *index.store.read(0)?.meta()?;
        self.epoch = meta.epoch;
        self.starts.push(meta.entry);
        for block in 1..index.store.blocks()? {
            index.store.interrupt()?;
            let page = index.store.read(block)?;
            match page.kind(block) {
                Ok(Kind::Nodes) => {
                    for number in 0..index.shape.slots {
                        let slot = page.slot(&index.shape, number);
                        self.note(block, number, &slot)?;
                    }
                }
                Ok(Kind::Leaf) => {
                    self.entries(&page);
                }
                // What is no such page has been told of.
                _ => {}
            }
        }
        self.begin();
        let slots = self.slots.iter().enumerate();
        let met = slots
            .filter(|(_, slot)| is_node(slot.state) && slot.reached)
            .map(|(id, _)| id as u32)
            .collect();
        self.follow(met)
    }

    /// Follows all edges of some nodes, of those they lead to, and so on. Each step reads its pages in order.
    fn follow(&mut self, mut nodes: Vec<u32>) -> Result<()> {
        let index = self.index;
        let block = |id: u32| index.shape.place(id).0;
        while !nodes.is_empty() {
            nodes.sort_unstable();
            let mut next = Vec::new();
            for ids in nodes.chunk_by(|&a, &b| block(a) == block(b)) {
                index.store.interrupt()?;
                let mut suspects = Vec::new();
                let page = index.store.read(block(ids[0]))?;
                // A vacuum may have freed them all, and the page been put to another use.
                for &id in ids.iter().filter(|_| page.has_slots()) {
                    let slot = page.slot(&index.shape, index.shape.place(id).1);
                    if !is_node(slot.state()) {
                        continue;
                    }
                    for edge in slot.edges() {
                        if self.reach(edge, is_node) {
                            next.push(edge.id);
                        } else if slot.state() == State::Live && self.find(edge, is_node).is_none()
                        {
                            // A vacuum that was cut short may have freed some of the nodes that dying ones lead to.
                            suspects.push((Pointer::new(id, slot.header().version), edge));
                        }
                    }
                }
                drop(page);
                for (node, edge) in suspects {
                    if self.leads_nowhere(node, edge)? {
                        let id = node.id;
                        self.problem(|| format!("node {id}: edge to {edge:?}, which is gone"));
                    }
                }
            }
            nodes = next;
        }
        Ok(())
    }

    /// Whether a live node has an edge to one that was gone before.
    fn leads_nowhere(&self, node: Pointer, edge: Pointer) -> Result<bool> {
        Ok(!self.look(edge, |slot| is_node(slot.state()))?
            && self.look(node, |slot| {
                slot.state() == State::Live && slot.edges().any(|other| other == edge)
            })?)
    }
}

fn is_node(state: State) -> bool {
    matches!(state, State::Live | State::Dying)
}

fn is_live(state: State) -> bool {
    state == State::Live
}

fn is_overflow(state: State) -> bool {
    matches!(state, State::Overflow | State::Closed)
}
