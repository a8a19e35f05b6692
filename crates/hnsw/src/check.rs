//! Every invariant of an index, verified.
//!
//! The index must be at rest. What a crash may leave behind is counted, not reported as a problem:
//! nodes that nothing leads to, and overflow slots that no node leads to.

use std::collections::{HashMap, HashSet};

use crate::error::Result;
use crate::index::Index;
use crate::layout::{Kind, Pointer, State, Tid};
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

struct Node {
    at: Pointer,
    state: State,
    edges: Vec<Pointer>,
}

/// Reads every page of an index, and returns its rows as well.
///
/// # Errors
/// When the store fails. A page that is not what it should be is a problem in the report.
pub fn check<S: PageStore>(index: &Index<S>) -> Result<(Report, HashSet<Tid>)> {
    let mut check = Check {
        index,
        report: Report::default(),
        nodes: HashMap::new(),
        overflow: HashSet::new(),
        tids: HashSet::new(),
        owners: Vec::new(),
        starts: vec![index.meta.entry],
    };
    for block in 0..index.store.blocks()? {
        index.store.interrupt()?;
        check.page(block)?;
    }
    check.chains()?;
    check.graph();
    Ok((check.report, check.tids))
}

struct Check<'i, S: PageStore> {
    index: &'i Index<S>,
    report: Report,
    nodes: HashMap<u32, Node>,
    overflow: HashSet<Pointer>,
    tids: HashSet<Tid>,
    /// Nodes with a chain, and its first slot.
    owners: Vec<(Pointer, Pointer)>,
    starts: Vec<Pointer>,
}

impl<S: PageStore> Check<'_, S> {
    fn problem(&mut self, text: String) {
        if self.report.problems.len() < SPELLED_OUT {
            self.report.problems.push(text);
        }
    }

    fn page(&mut self, block: u32) -> Result<()> {
        let index = self.index;
        let page = index.store.read(block)?;
        match page.kind(block) {
            Err(error) => self.problem(error.to_string()),
            Ok(Kind::Nodes) => {
                for slot in 0..index.shape.slots {
                    self.slot(block, slot, &page)?;
                }
            }
            Ok(Kind::Meta) if block > 0 => {
                self.problem(format!("block {block}: a second meta page"))
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

    fn slot(&mut self, block: u32, number: usize, page: &crate::layout::Page) -> Result<()> {
        let index = self.index;
        let slot = page.slot(&index.shape, number);
        let at = Pointer::new(index.shape.id(block, number)?, slot.header().version);
        let place = format!("block {block}, slot {number}");
        if !slot.state_is_known() {
            self.problem(format!("{place}: unknown state"));
        }
        for &tid in slot.tids() {
            self.report.rows += 1;
            if !self.tids.insert(tid) {
                let (block, offset) = (tid.block(), tid.offset());
                self.problem(format!(
                    "{place}: row ({block},{offset}) is in the index twice"
                ));
            }
        }
        match slot.state() {
            State::Free => self.report.free += 1,
            State::Overflow | State::Closed => {
                self.report.overflow += 1;
                self.overflow.insert(at);
            }
            state @ (State::Live | State::Dying) => {
                self.node(&place, at, state, &slot);
            }
        }
        Ok(())
    }

    fn node(&mut self, place: &str, at: Pointer, state: State, slot: &crate::layout::Slot<'_>) {
        let header = slot.header();
        if state == State::Live {
            self.report.live += 1;
        } else {
            self.report.dying += 1;
        }
        let norm = kernels::norm_squared(slot.vector());
        if (norm - header.norm_squared).abs() > 1e-4 * norm.abs() || norm.is_nan() {
            self.problem(format!("{place}: norm does not fit the vector"));
        }
        if slot.overflow().is_some() {
            self.owners.push((at, slot.overflow()));
        } else if state == State::Live && slot.tids().is_empty() {
            self.problem(format!("{place}: a live node without rows"));
        }
        let edges: Vec<Pointer> = slot.edges().collect();
        let distinct: HashSet<u32> = slot.ids().iter().copied().collect();
        if distinct.len() < edges.len() || distinct.contains(&at.id) {
            self.problem(format!("{place}: an edge twice, or to itself"));
        }
        self.report.edges += edges.len();
        let current = header.edge_epoch == self.index.meta.epoch && self.index.meta.epoch != 0;
        let coded = slot.factors().iter().filter(|factors| factors.coded());
        self.report.uncoded += edges.len() - if current { coded.count() } else { 0 };
        self.nodes.insert(at.id, Node { at, state, edges });
    }

    /// Walks the chains of overflow slots.
    fn chains(&mut self) -> Result<()> {
        let mut linked = HashSet::new();
        for (node, first) in std::mem::take(&mut self.owners) {
            let mut next = first;
            while next.is_some() {
                match rows::chunk(self.index, next, node)? {
                    Some(chunk) if linked.insert(next) => next = chunk.next,
                    _ => {
                        let id = node.id;
                        self.problem(format!("node {id}: broken chain of overflow slots"));
                        break;
                    }
                }
            }
        }
        self.report.orphans = self.overflow.difference(&linked).count();
        Ok(())
    }

    /// Follows all edges from where searches begin.
    fn graph(&mut self) {
        // A vacuum that was cut short may have freed some of the nodes that dying ones lead to.
        let live = |node: &&Node| node.state == State::Live;
        for node in self.nodes.values().filter(live) {
            for edge in &node.edges {
                let found = self.nodes.get(&edge.id);
                if found.is_none_or(|found| found.at != *edge) {
                    let text = format!("node {}: edge to {edge:?}, which is gone", node.at.id);
                    if self.report.problems.len() < SPELLED_OUT {
                        self.report.problems.push(text);
                    }
                }
            }
        }
        let mut reached = HashSet::new();
        let mut waiting = std::mem::take(&mut self.starts);
        while let Some(at) = waiting.pop() {
            if let Some(node) = self.nodes.get(&at.id)
                && node.at == at
                && reached.insert(at.id)
            {
                waiting.extend(&node.edges);
            }
        }
        self.report.unreachable = self
            .nodes
            .values()
            .filter(|node| live(node) && !reached.contains(&node.at.id))
            .count();
    }
}
