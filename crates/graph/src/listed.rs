//! Nodes that pass a filter, of which estimates are known, in the order of what their distances are at least.
//!
//! The nearest by their estimates are visited, as many as it takes until one that was visited is nearer than all others
//! promise to be, by some more than the most that an estimate has been wrong by so far. Few nodes, and those that are left
//! when a reader has had many, are visited all: then their order is right for sure.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::rc::Rc;

use crate::error::Result;
use crate::filter::Filter;
use crate::index::Index;
use crate::node_set::{HashedNodes, NodeSet};
use crate::page_graph::{FromSlot, Tids};
use crate::query::Query;
use crate::search::Hit;
use crate::sort::RankedNode;
use crate::store::PageStore;

/// Visits before the first node is handed out, and for how many nodes of a first batch there are as many.
const FIRST: usize = 24;
const FIRST_BATCH: usize = 64;
/// How many times the largest error that was met another one may be.
const LARGER: f64 = 1.25;
/// So many nodes are few, or so many times as many as were visited.
const FEW: usize = 64;
const LEFT: usize = 3;

/// A node in the order of what its distance is at least.
struct Bounded(RankedNode, Hit<Tids>);

impl Bounded {
    fn new(hit: Hit<Tids>) -> Self {
        Self(RankedNode::new(hit.measure.least(), hit.at), hit)
    }
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Bounded {}

impl PartialOrd for Bounded {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bounded {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// What was found in the filter directory.
pub(crate) struct Listed {
    filter: Rc<Filter>,
    /// By their estimates.
    candidates: BinaryHeap<Reverse<RankedNode>>,
    /// By what their distances are at least.
    visited: BinaryHeap<Reverse<Bounded>>,
    seen: HashedNodes,
    /// Visits before the first node is handed out.
    first: usize,
    /// Estimates that were compared with distances, and the largest difference.
    compared: usize,
    error: f64,
}

impl Listed {
    /// Of nodes with their estimates, but those that were handed out, as sure as a search with a first batch of `ef` nodes.
    pub(crate) fn new(
        filter: Rc<Filter>,
        candidates: Vec<RankedNode>,
        handed: Vec<u32>,
        ef: usize,
    ) -> Self {
        let mut seen = HashedNodes::default();
        for id in handed {
            seen.insert(id);
        }
        Self {
            filter,
            candidates: candidates.into_iter().map(Reverse).collect(),
            visited: BinaryHeap::new(),
            seen,
            first: FIRST.max(ef.saturating_mul(FIRST) / FIRST_BATCH),
            compared: 0,
            error: 0.0,
        }
    }

    /// The nearest that is left, nearly for sure.
    pub(crate) fn next<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        skip_dead: bool,
    ) -> Result<Option<Hit<Tids>>> {
        while let Some(&Reverse(candidate)) = self.candidates.peek() {
            if let Some(Reverse(nearest)) = self.visited.peek()
                && self.compared >= self.first
                && nearest.0.distance() <= candidate.distance() - LARGER * self.error
                && self.candidates.len() > FEW + LEFT * self.compared
            {
                break;
            }
            self.candidates.pop();
            self.visit(index, query, skip_dead, candidate)?;
        }
        Ok(self.visited.pop().map(|Reverse(bounded)| bounded.1))
    }

    fn visit<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        skip_dead: bool,
        candidate: RankedNode,
    ) -> Result<()> {
        let at = candidate.at();
        if !self.seen.insert(at.id) {
            return Ok(());
        }
        let ahead = self.candidates.as_slice().iter();
        let places = ahead.map(|Reverse(next)| index.shape.at(next.at().id));
        index.store.expect(places);
        let hit = index.with_live(at, |slot| {
            let passes = !(skip_dead && slot.is_dead()) && self.filter.passes(slot.words());
            passes.then(|| Hit {
                measure: query.measure(slot.rounded(), slot.header().norm_squared),
                at,
                found: Tids::from_slot(slot),
            })
        })?;
        if let Some(hit) = hit.flatten() {
            let difference = hit.measure.distance - candidate.distance();
            if difference.is_finite() {
                self.compared += 1;
                self.error = self.error.max(difference.abs());
            }
            self.visited.push(Reverse(Bounded::new(hit)));
        }
        Ok(())
    }
}
