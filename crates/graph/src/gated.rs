//! The graph as a scan walks on it: with the gate, of which it lets go now and then.
//!
//! Vacuum frees slots when nobody shares the gate for scans. A scan shares it while it walks, lets go of it after
//! every [`STRETCH`] pages and takes it again, behind vacuum if that waits; so a vacuum, and whoever queues behind
//! it, waits for some hundred pages at most, however large the batch. An ordinary search is shorter than that.
//!
//! What a search remembers may be gone when it goes on, between batches or in the middle of one. It knows slots by
//! their versions, and passes over those freed since as over edges that lead nowhere. So it returns no wrong row and
//! none twice; what it may lose is its way: what lay behind the freed nodes by their edges alone. Vacuum has linked
//! all that around them by then, and mostly the search has heard of it otherwise. Where it has not, the search ends
//! early or passes rows over, and the exact pass finds them, in strict order those that are not nearer than the last one
//! returned. Nodes that were found need no gate: their rows were copied when they were visited. On a standby there are
//! no gates, and all of this happens between any two pages.

use std::cell::{Cell, RefCell};

use crate::error::Result;
use crate::filter::Filter;
use crate::graph::{Edges, Graph, Visit};
use crate::index::Index;
use crate::layout::Pointer;
use crate::node_set::HashedNodes;
use crate::page_graph::{PageGraph, Tids};
use crate::query::Query;
use crate::store::{Gate, Mode, PageStore};

/// Pages that a scan reads on the graph before it lets go of the gate.
pub const STRETCH: usize = 256;

/// The graph for a scan, which has the gate and lets go of it now and then.
pub(crate) struct Gated<'i, S: PageStore> {
    graph: PageGraph<'i, S, Tids>,
    store: S,
    gate: RefCell<Option<S::GateLock>>,
    /// Pages to be read before that.
    left: Cell<usize>,
}

impl<'i, S: PageStore> Gated<'i, S> {
    pub(crate) fn new(
        index: &'i Index<S>,
        skip_dead: bool,
        filter: Option<&'i Filter>,
    ) -> Result<Self> {
        Ok(Self {
            graph: PageGraph::for_rows(index, skip_dead, filter),
            store: index.store,
            gate: RefCell::new(Some(index.store.lock_gate(Gate::Scan, Mode::Shared)?)),
            left: Cell::new(STRETCH),
        })
    }

    /// Called before a page is read.
    #[inline]
    fn step(&self) -> Result<()> {
        match self.left.get() {
            0 => self.pause(),
            left => {
                self.left.set(left - 1);
                Ok(())
            }
        }
    }

    #[cold]
    fn pause(&self) -> Result<()> {
        self.gate.replace(None);
        let gate = self.store.lock_gate(Gate::Scan, Mode::Shared)?;
        self.gate.replace(Some(gate));
        self.left.set(STRETCH - 1);
        Ok(())
    }
}

impl<S: PageStore> Graph for Gated<'_, S> {
    type Found = Tids;

    type Seen = HashedNodes;

    const MARKS: bool = false;

    #[inline]
    fn visit(
        &self,
        query: &Query,
        at: Pointer,
        seen: &mut HashedNodes,
        edges: &mut Edges,
    ) -> Result<Option<Visit<Tids>>> {
        self.step()?;
        self.graph.visit(query, at, seen, edges)
    }

    #[inline]
    fn expect(&self, soon: impl Iterator<Item = Pointer>) {
        self.graph.expect(soon);
    }

    #[inline]
    fn distance(&self, query: &Query, at: Pointer) -> Result<Option<f64>> {
        self.step()?;
        self.graph.distance(query, at)
    }
}
