//! The beam search that scans, insertions and vacuum share.
//!
//! Candidates wait in the order of their estimated distance; visiting one yields its distance, to within what rounding
//! its vector has cost, and estimates for its neighbours. The search stops when `ef` live nodes are found and no candidate
//! promises to be nearer than the farthest of them, and can go on from there: nothing that it has seen
//! is forgotten. Nodes whose rows are gone are passed through and not counted, neither among the `ef` nor
//! against [`Limits`]; nodes whose rows a filter leaves out count against the limits.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::error::Result;
use crate::graph::{Edges, Graph};
use crate::layout::Pointer;
use crate::node_set::{HashedNodes, NodeSet};
use crate::query::Query;
use crate::rounded::Measure;

/// A live node and how far it is. Hits are in the order of their distances, as far as these are known.
#[derive(Clone, Debug)]
pub struct Hit<F> {
    /// How far.
    pub measure: Measure,
    /// Where it is.
    pub at: Pointer,
    /// What the graph remembers of it.
    pub found: F,
}

impl<F> PartialEq for Hit<F> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<F> Eq for Hit<F> {}

impl<F> PartialOrd for Hit<F> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<F> Ord for Hit<F> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.measure
            .distance
            .total_cmp(&other.measure.distance)
            .then(self.at.id.cmp(&other.at.id))
    }
}

/// A node yet to be visited. The nearest is the greatest, for the heap.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    estimate: f32,
    at: Pointer,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .estimate
            .total_cmp(&self.estimate)
            .then(other.at.id.cmp(&self.at.id))
    }
}

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Live nodes to visit.
    pub nodes: usize,
    /// Bytes of memory.
    pub bytes: usize,
}

impl Limits {
    /// As far as there are nodes.
    pub const NONE: Self = Self {
        nodes: usize::MAX,
        bytes: usize::MAX,
    };

    /// Visits between looks at the memory in use.
    const LOOK: usize = 64;
}

/// A search, stopped somewhere.
pub struct Search<F, N = HashedNodes> {
    candidates: BinaryHeap<Candidate>,
    /// Those that are too far for this run, some of them more than once.
    later: Vec<Candidate>,
    /// The `ef` nearest, the farthest on top.
    found: BinaryHeap<Hit<F>>,
    /// Found, but not among the `ef` nearest at the time.
    spare: Vec<Hit<F>>,
    /// The nodes that are or were candidates.
    seen: N,
    edges: Edges,
    hops: usize,
    live: usize,
    filtered: usize,
    /// Whether its limits ended the last run.
    cut: bool,
}

impl<F, N: NodeSet> Default for Search<F, N> {
    fn default() -> Self {
        Self {
            candidates: BinaryHeap::new(),
            later: Vec::new(),
            found: BinaryHeap::new(),
            spare: Vec::new(),
            seen: N::default(),
            edges: Edges::default(),
            hops: 0,
            live: 0,
            filtered: 0,
            cut: false,
        }
    }
}

impl<F, N: NodeSet> Search<F, N> {
    /// Forgets everything but its room.
    pub(crate) fn clear(&mut self) {
        self.candidates.clear();
        self.later.clear();
        self.found.clear();
        self.spare.clear();
        self.seen.clear();
        self.hops = 0;
        self.live = 0;
        self.filtered = 0;
        self.cut = false;
    }

    /// Adds a node to begin at, or returns false if there is none or the search has heard of it.
    pub fn seed(&mut self, at: Pointer, estimate: f32) -> bool {
        let new = at.is_some() && self.seen.insert(at.id);
        if new {
            self.candidates.push(Candidate { estimate, at });
        }
        new
    }

    /// Nodes visited so far.
    pub fn hops(&self) -> usize {
        self.hops
    }

    /// Nodes visited so far that have rows.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Those of them that a filter leaves out.
    pub fn filtered(&self) -> usize {
        self.filtered
    }

    /// Whether it has gone as far as `limits` allow.
    pub fn is_at(&self, limits: Limits) -> bool {
        self.cut || self.live >= limits.nodes || self.bytes() >= limits.bytes
    }

    /// Bytes of memory in use, nearly.
    pub fn bytes(&self) -> usize {
        (self.candidates.capacity() + self.later.capacity()) * size_of::<Candidate>()
            + (self.found.capacity() + self.spare.capacity()) * size_of::<Hit<F>>()
            + self.seen.bytes()
    }

    /// Goes on until `ef` live nodes are found and no candidate promises better, and takes these,
    /// nearest first. Fewer are all there are.
    pub fn run<G: Graph<Found = F, Seen = N>>(
        &mut self,
        graph: &G,
        query: &Query,
        ef: usize,
    ) -> Result<Vec<Hit<F>>> {
        self.run_until(graph, query, ef, Limits::NONE)
    }

    /// [`run`](Self::run), or until it [is at](Self::is_at) its limits: then it takes the nearest that it
    /// has found by then, and is at its limits for ever.
    pub fn run_until<G: Graph<Found = F, Seen = N>>(
        &mut self,
        graph: &G,
        query: &Query,
        ef: usize,
        limits: Limits,
    ) -> Result<Vec<Hit<F>>> {
        // The `ef` nearest heard of, by their estimates. Until as many are found, what is farther than
        // these waits: it is of use only where some of them are dead or their estimates wrong.
        let mut nearest = (self.hops == 0).then(BinaryHeap::new);
        self.cut = false;
        for hit in std::mem::take(&mut self.spare) {
            self.keep(hit, ef);
        }
        self.recall();
        loop {
            while let Some(&Candidate { estimate, at }) = self.candidates.peek() {
                if self.found.len() >= ef && f64::from(estimate) > self.farthest() {
                    break;
                }
                if self.live >= limits.nodes
                    || self.hops.is_multiple_of(Limits::LOOK) && self.bytes() >= limits.bytes
                {
                    self.cut = true;
                    return Ok(std::mem::take(&mut self.found).into_sorted_vec());
                }
                self.candidates.pop();
                self.visit(graph, query, at, ef, &mut nearest)?;
            }
            if self.found.len() >= ef || nearest.take().is_none() {
                return Ok(std::mem::take(&mut self.found).into_sorted_vec());
            }
            self.recall();
        }
    }

    /// Makes candidates of those that were too far.
    fn recall(&mut self) {
        let (later, seen) = (self.later.drain(..), &mut self.seen);
        let new = later.filter(|candidate| seen.insert(candidate.at.id));
        self.candidates.extend(new);
    }

    fn visit<G: Graph<Found = F, Seen = N>>(
        &mut self,
        graph: &G,
        query: &Query,
        at: Pointer,
        ef: usize,
        nearest: &mut Option<BinaryHeap<Reverse<Candidate>>>,
    ) -> Result<()> {
        self.hops += 1;
        // The first elements of a heap are the nearest, nearly.
        let soon = self.candidates.as_slice().iter();
        graph.expect(soon.map(|candidate| candidate.at));
        let Some(visit) = graph.visit(query, at, &mut self.seen, &mut self.edges)? else {
            return Ok(());
        };
        self.live += usize::from(visit.filtered);
        self.filtered += usize::from(visit.filtered);
        if let Some(found) = visit.found {
            self.live += 1;
            let hit = Hit {
                measure: visit.measure,
                at,
                found,
            };
            self.keep(hit, ef);
        }
        let full = self.found.len() >= ef;
        let mut limit = match full {
            true => self.farthest() as f32,
            false => f32::INFINITY,
        };
        for (&at, &(mut estimate)) in self.edges.to.iter().zip(&self.edges.estimates) {
            if let Some(nearest) = nearest
                && !full
                && nearest.len() >= ef
            {
                limit = nearest.peek().map_or(limit, |farthest| farthest.0.estimate);
            }
            // Most are too far, and known to be before anybody looks whether they were seen.
            if estimate > limit {
                if !G::MARKS {
                    self.later.push(Candidate { estimate, at });
                }
                continue;
            }
            if !G::MARKS && !self.seen.insert(at.id) {
                continue;
            }
            if estimate.is_nan() {
                match graph.distance(query, at)? {
                    Some(distance) => estimate = distance as f32,
                    None => continue,
                }
            }
            let candidate = Candidate { estimate, at };
            self.candidates.push(candidate);
            if let Some(nearest) = nearest
                && !full
            {
                nearest.push(Reverse(candidate));
                if nearest.len() > ef {
                    nearest.pop();
                }
            }
        }
        Ok(())
    }

    /// Whether every node that the search has heard of was visited, for sure.
    pub fn is_exhausted(&self) -> bool {
        self.candidates.is_empty() && self.later.is_empty()
    }

    /// Gives back of what was found, to be found again by the next run.
    pub fn put_back(&mut self, hits: Vec<Hit<F>>) {
        self.spare.extend(hits);
    }

    /// Takes what was found and not handed out, in no order.
    pub fn rest(&mut self) -> Vec<Hit<F>> {
        std::mem::take(&mut self.spare)
    }

    fn farthest(&self) -> f64 {
        self.found
            .peek()
            .map_or(f64::INFINITY, |hit| hit.measure.distance)
    }

    fn keep(&mut self, hit: Hit<F>, ef: usize) {
        if self.found.len() < ef {
            self.found.push(hit);
        } else if let Some(mut farthest) = self.found.peek_mut()
            && hit < *farthest
        {
            self.spare.push(std::mem::replace(&mut *farthest, hit));
        } else {
            self.spare.push(hit);
        }
    }
}
