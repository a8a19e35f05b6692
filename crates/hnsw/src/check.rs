//! Every invariant of an index, verified.
//!
//! The index must be at rest. What a crash may leave behind is counted, not reported as a problem:
//! nodes that nothing leads to, and overflow slots that no node leads to.

use crate::error::Result;
use crate::index::Index;
use crate::layout::{Kind, Page, Pointer, Slot, State, Tid};
use crate::rows;
use crate::store::PageStore;

/// Problems that are spelled out.
const SPELLED_OUT: usize = 100;

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
    /// Entries of the directory.
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

/// Reads every page of an index, and returns its rows as well, in order.
///
/// # Errors
/// When the store fails. A page that is not what it should be is a problem in the report.
pub fn check<S: PageStore>(index: &Index<S>) -> Result<(Report, Vec<Tid>)> {
    let blocks = index.store.blocks()?;
    let nothing = Seen {
        version: 0,
        state: State::Free,
        reached: false,
    };
    let mut check = Check {
        index,
        report: Report::default(),
        slots: vec![nothing; blocks as usize * index.shape.slots],
        tids: Vec::new(),
        owners: Vec::new(),
        starts: vec![index.meta.entry],
    };
    for block in 0..blocks {
        index.store.interrupt()?;
        check.page(block)?;
    }
    check.rows();
    check.chains()?;
    check.graph()?;
    Ok((check.report, check.tids))
}

struct Check<'i, S: PageStore> {
    index: &'i Index<S>,
    report: Report,
    /// By id.
    slots: Vec<Seen>,
    tids: Vec<Tid>,
    /// Nodes with a chain, and its first slot.
    owners: Vec<(Pointer, Pointer)>,
    starts: Vec<Pointer>,
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
            Ok(Kind::Leaf) if page.epoch() == index.meta.epoch => {
                let (pointers, _, _) = page.entries(&index.shape);
                self.report.entries += pointers.len();
                self.starts.extend_from_slice(pointers);
            }
            Ok(Kind::New | Kind::Meta | Kind::Basis | Kind::Root | Kind::Leaf) => {}
        }
        Ok(())
    }

    fn slot(&mut self, block: u32, number: usize, page: &Page) -> Result<()> {
        let slot = page.slot(&self.index.shape, number);
        let (version, state) = (slot.header().version, slot.state());
        let at = Pointer::new(self.index.shape.id(block, number)?, version);
        self.slots[at.id as usize] = Seen {
            version,
            state,
            reached: false,
        };
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
        let norm = kernels::norm_squared(slot.vector());
        if (norm - header.norm_squared).abs() > 1e-4 * norm.abs() || norm.is_nan() {
            self.problem(|| format!("{}: norm does not fit the vector", place()));
        }
        if slot.overflow().is_some() {
            self.owners.push((at, slot.overflow()));
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

    /// Sorts the rows.
    fn rows(&mut self) {
        self.tids.sort_unstable();
        self.report.rows = self.tids.len();
        for at in 1..self.tids.len() {
            let tid = self.tids[at];
            if tid == self.tids[at - 1] {
                let (block, offset) = (tid.block(), tid.offset());
                self.problem(|| format!("row ({block},{offset}) is in the index twice"));
            }
        }
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
        for (node, first) in std::mem::take(&mut self.owners) {
            let mut next = first;
            while next.is_some() {
                let chunk = match self.find(next, is_overflow) {
                    Some(_) => rows::chunk(self.index, next, node)?,
                    None => None,
                };
                match chunk {
                    Some(chunk) if self.reach(next, is_overflow) => next = chunk.next,
                    _ => {
                        let id = node.id;
                        self.problem(|| format!("node {id}: broken chain of overflow slots"));
                        break;
                    }
                }
            }
        }
        let orphan = |slot: &&Seen| is_overflow(slot.state) && !slot.reached;
        self.report.orphans = self.slots.iter().filter(orphan).count();
        Ok(())
    }

    /// Follows all edges from where searches begin, then those of the nodes not met on the way.
    fn graph(&mut self) -> Result<()> {
        let mut starts = std::mem::take(&mut self.starts);
        starts.retain(|&at| self.reach(at, is_node));
        self.follow(starts.iter().map(|at| at.id).collect())?;
        let mut unreachable = Vec::new();
        for (id, slot) in self.slots.iter_mut().enumerate() {
            if slot.state == State::Live && !slot.reached {
                slot.reached = true;
                unreachable.push(id as u32);
            }
        }
        self.report.unreachable = unreachable.len();
        self.follow(unreachable)
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
                let page = index.store.read(block(ids[0]))?;
                for &id in ids {
                    let slot = page.slot(&index.shape, index.shape.place(id).1);
                    for edge in slot.edges() {
                        if self.reach(edge, is_node) {
                            next.push(edge.id);
                        } else if slot.state() == State::Live && self.find(edge, is_node).is_none()
                        {
                            // A vacuum that was cut short may have freed some of the nodes that dying ones lead to.
                            self.problem(|| format!("node {id}: edge to {edge:?}, which is gone"));
                        }
                    }
                }
            }
            nodes = next;
        }
        Ok(())
    }
}

fn is_node(state: State) -> bool {
    matches!(state, State::Live | State::Dying)
}

fn is_overflow(state: State) -> bool {
    matches!(state, State::Overflow | State::Closed)
}
