//! Nodes that pass a filter, of which the filter directory tells estimates, in the order of what their distances are at least.
//!
//! Pages of the directory are read until those that are left promise none as near as the nearest few that were found and
//! not handed out, of which there are twice as many whenever as many were handed out.
//!
//! The nearest by their estimates are visited, as many as it takes until one that was visited is nearer than all others
//! promise to be, by what estimates have been wrong by so far and some deviations. Few nodes, and those that are left when a
//! reader has had many, are visited all: then their order is right for sure.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::rc::Rc;

use crate::directory::{Nearest, Reading};
use crate::error::Result;
use crate::filter::Filter;
use crate::index::Index;
use crate::node_set::{HashedNodes, NodeSet};
use crate::page_graph::{FromSlot, Tids};
use crate::query::Query;
use crate::samples::Samples;
use crate::search::Hit;
use crate::sort::RankedNode;
use crate::store::PageStore;

/// Visits before the first node is handed out, and for how many nodes of a first batch there are as many.
const FIRST: usize = 24;
const FIRST_BATCH: usize = 64;
/// Standard deviations by which an estimate may be larger than the distance, from what it is on average.
const DEVIATIONS: f64 = 4.0;
/// Nodes that become candidates first.
const TOGETHER: usize = 256;
/// So many nodes are few, or so many times as many as were visited.
const FEW: usize = 64;
const LEFT: usize = 1;

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

/// What comes next.
pub(crate) enum Next {
    /// A node.
    Node(Hit<Tids>),
    /// Nothing.
    Nothing,
    /// Nobody knows: there is no room for what passes.
    NoRoom,
}

/// What was found in the filter directory.
pub(crate) struct Listed {
    filter: Rc<Filter>,
    reading: Reading,
    /// Nodes that were handed out, how many there are to be when more pages are read, and how many are to be found then.
    handed: usize,
    due: usize,
    batch: usize,
    /// The nearest by their estimates.
    candidates: BinaryHeap<Reverse<RankedNode>>,
    /// The others, in no order: of most nobody asks.
    others: Vec<RankedNode>,
    /// How many become candidates at a time.
    together: usize,
    /// By what their distances are at least.
    visited: BinaryHeap<Reverse<Bounded>>,
    seen: HashedNodes,
    /// Visits before the first node is handed out.
    first: usize,
    /// What estimates were larger by than distances.
    errors: Samples,
}

impl Listed {
    /// Of nodes with their estimates and those that are read of, but those that were handed out, as sure as a search with a
    /// first batch of `ef` nodes.
    pub(crate) fn new(
        filter: Rc<Filter>,
        reading: Reading,
        found: Vec<RankedNode>,
        handed: &[u32],
        ef: usize,
    ) -> Self {
        let mut seen = HashedNodes::default();
        for &id in handed {
            seen.insert(id);
        }
        Self {
            filter,
            reading,
            handed: 0,
            due: 0,
            batch: (ef / 2).max(1),
            candidates: BinaryHeap::new(),
            others: found,
            together: TOGETHER,
            visited: BinaryHeap::new(),
            seen,
            first: FIRST.max(ef.saturating_mul(FIRST) / FIRST_BATCH),
            errors: Samples::default(),
        }
    }

    /// The nearest that is left, nearly for sure. What is within `radius` is all wanted. What is found may take so many bytes.
    pub(crate) fn next<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        skip_dead: bool,
        radius: f64,
        bytes: usize,
    ) -> Result<Next> {
        loop {
            if self.handed >= self.due
                && !self.reading.is_done()
                && !self.read_on(index, query, radius, bytes)?
            {
                return Ok(Next::NoRoom);
            }
            while let Some(candidate) = self.nearest() {
                if let Some(Reverse(nearest)) = self.visited.peek()
                    && self.errors.count() >= self.first
                    && nearest.0.distance() <= candidate.distance() - self.errors.above(DEVIATIONS)
                    && self.left() > FEW + LEFT * self.errors.count()
                {
                    break;
                }
                self.candidates.pop();
                self.visit(index, query, skip_dead, candidate)?;
            }
            match self.visited.pop() {
                Some(Reverse(bounded)) => {
                    self.handed += 1;
                    return Ok(Next::Node(bounded.1));
                }
                None if self.reading.is_done() => return Ok(Next::Nothing),
                // What was found had no rows any more.
                None => self.due = self.handed,
            }
        }
    }

    /// Reads pages of the directory until the others promise none that is among the nearest. Returns whether there was room.
    fn read_on<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        radius: f64,
        bytes: usize,
    ) -> Result<bool> {
        let mut nearest = Nearest::new(self.batch);
        let candidates = std::mem::take(&mut self.candidates);
        self.others
            .extend(candidates.into_iter().map(|Reverse(candidate)| candidate));
        self.others.iter().for_each(|&other| nearest.put(other));
        for Reverse(visited) in &self.visited {
            let hit = &visited.1;
            nearest.put(RankedNode::new(hit.measure.distance, hit.at));
        }
        let radius = match radius.is_finite() {
            true => radius,
            false => f64::NEG_INFINITY,
        };
        let room = bytes / size_of::<RankedNode>();
        let mut known = self.others.len();
        while self.reading.next(
            index,
            query,
            &self.filter,
            &nearest,
            radius,
            &mut self.others,
        )? {
            self.others[known..]
                .iter()
                .for_each(|&other| nearest.put(other));
            known = self.others.len();
            if known > room {
                return Ok(false);
            }
        }
        self.due = self.handed + self.batch;
        self.batch = self.batch.saturating_mul(2);
        Ok(true)
    }

    /// Nodes that were not visited.
    fn left(&self) -> usize {
        self.candidates.len() + self.others.len()
    }

    /// The nearest of these by its estimate.
    fn nearest(&mut self) -> Option<RankedNode> {
        if self.candidates.is_empty() && !self.others.is_empty() {
            let farther = self.others.len().saturating_sub(self.together);
            if farther > 0 {
                // The nearest come last, so that the others stay where they are.
                self.others.select_nth_unstable_by(farther, |a, b| b.cmp(a));
            }
            let nearest = self.others.split_off(farther);
            self.candidates = nearest.into_iter().map(Reverse).collect();
            self.together = self.together.saturating_mul(2);
        }
        self.candidates.peek().map(|&Reverse(nearest)| nearest)
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
            let error = candidate.distance() - hit.measure.distance;
            if error.is_finite() {
                self.errors.put(error);
            }
            self.visited.push(Reverse(Bounded::new(hit)));
        }
        Ok(())
    }
}
