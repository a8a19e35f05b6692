//! The graph as a search sees it, and the graph on pages.

use half::f16;

use crate::codes::{Code, Query, Scratch};
use crate::error::Result;
use crate::index::Index;
use crate::layout::{Factors, INLINE_TIDS, Pointer, Slot, State, Tid};
use crate::search::{Few, Nodes};
use crate::store::PageStore;

/// What a search walks on.
pub trait Graph {
    /// What a search remembers of every node it has found.
    type Found;

    /// How a search remembers which nodes it has heard of.
    type Seen: Nodes;

    /// Whether visits leave out edges to nodes seen and mark the others, because estimates cost more than
    /// looking there. A search of such a graph ends with its first run.
    const MARKS: bool;

    /// Visits a node: its distance and what to remember of it, and its edges with estimates of their
    /// distances. `None` where the node is gone.
    fn visit(
        &self,
        query: &Query,
        at: Pointer,
        seen: &mut Self::Seen,
        edges: &mut Edges,
    ) -> Result<Option<Visit<Self::Found>>>;

    /// Prepares for visits that are likely to come soon, the likeliest first.
    fn expect(&self, soon: impl Iterator<Item = Pointer>);

    /// The distance of a node to which an edge gives no estimate. `None` where the node is gone.
    fn distance(&self, query: &Query, at: Pointer) -> Result<Option<f64>>;
}

/// What a visit yields.
pub struct Visit<F> {
    /// The true distance.
    pub distance: f64,
    /// What to remember; `None` for a node whose rows are gone.
    pub found: Option<F>,
}

/// The edges of the node that was visited last.
#[derive(Default)]
pub struct Edges {
    /// Where they lead.
    pub to: Vec<Pointer>,
    /// Estimated distances, not a number where there is no code.
    pub estimates: Vec<f32>,
    /// Room for estimating.
    pub scratch: Scratch,
    /// Room for factors and codes where they do not lie together.
    pub(crate) factors: Vec<Factors>,
    pub(crate) codes: Vec<u8>,
}

/// What is remembered of a node on a page.
pub trait Remember {
    /// Copies it from the slot of a live node while the page is locked.
    fn remember(slot: &Slot<'_>) -> Self;
}

/// The rows of a node.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    tids: [Tid; INLINE_TIDS],
    count: u16,
    /// Bits of those marked dead.
    pub(crate) dead: u8,
    /// [`Slot::removals`] when they were read.
    pub(crate) removals: u16,
    /// Where the others are.
    pub overflow: Pointer,
}

impl Rows {
    /// Those in the node's own slot.
    pub fn tids(&self) -> &[Tid] {
        &self.tids[..usize::from(self.count)]
    }
}

impl Remember for Rows {
    #[inline]
    fn remember(slot: &Slot<'_>) -> Self {
        let mut tids = [Tid::default(); INLINE_TIDS];
        let count = slot.tids().len();
        tids[..count].copy_from_slice(slot.tids());
        Self {
            tids,
            count: count as u16,
            dead: slot.dead(),
            removals: slot.removals(),
            overflow: slot.overflow(),
        }
    }
}

/// The vector of a node, and its code as the node has it.
#[derive(Clone, Debug)]
pub struct Vector {
    /// The vector.
    pub vector: Box<[f16]>,
    /// Its squared norm.
    pub norm_squared: f32,
    /// Where its edges lead.
    pub edges: Box<[u32]>,
    epoch: u16,
    code: Code,
}

impl Vector {
    /// The code in the basis of `index`, made afresh where the node has one of another epoch.
    pub(crate) fn code<S: PageStore>(&self, index: &Index<S>) -> Option<Code> {
        if self.epoch != 0 && self.epoch == index.epoch() {
            Some(self.code.clone())
        } else {
            index.encode(&self.vector, self.norm_squared)
        }
    }
}

impl Remember for Vector {
    fn remember(slot: &Slot<'_>) -> Self {
        let (factors, code) = slot.own();
        Self {
            vector: slot.vector().into(),
            norm_squared: slot.header().norm_squared,
            edges: slot.ids().into(),
            epoch: slot.header().own_epoch,
            code: Code {
                factors,
                bytes: code.into(),
            },
        }
    }
}

/// The graph on the pages of an index. A visit locks one page.
pub struct OnPages<'i, S: PageStore, F> {
    index: &'i Index<S>,
    /// Nodes whose rows are all marked dead are passed through like those without rows.
    skip_dead: bool,
    /// Nodes without rows are as good as gone.
    only_live: bool,
    found: std::marker::PhantomData<F>,
}

impl<'i, S: PageStore, F: Remember> OnPages<'i, S, F> {
    /// The graph of `index`.
    pub fn new(index: &'i Index<S>) -> Self {
        Self {
            index,
            skip_dead: false,
            only_live: false,
            found: std::marker::PhantomData,
        }
    }

    /// The graph as it will be without the nodes that have no rows.
    pub fn of_live(index: &'i Index<S>) -> Self {
        Self {
            only_live: true,
            ..Self::new(index)
        }
    }
}

impl<'i, S: PageStore> OnPages<'i, S, Rows> {
    /// The graph as a reader of rows sees it who may believe marks of the dead.
    pub fn for_rows(index: &'i Index<S>, skip_dead: bool) -> Self {
        Self {
            skip_dead,
            ..Self::new(index)
        }
    }
}

impl<S: PageStore, F: Remember> Graph for OnPages<'_, S, F> {
    type Found = F;

    type Seen = Few;

    const MARKS: bool = false;

    fn visit(
        &self,
        query: &Query,
        at: Pointer,
        _: &mut Few,
        edges: &mut Edges,
    ) -> Result<Option<Visit<F>>> {
        self.index.store.interrupt()?;
        let (block, slot) = self.index.shape.place(at.id);
        let page = self.index.store.read(block)?;
        if !page.has_slots() {
            return Ok(None);
        }
        let slot = page.slot(&self.index.shape, slot);
        if !slot.is_node(at.version) || self.only_live && slot.state() != State::Live {
            return Ok(None);
        }
        slot.prefetch();
        edges.estimates.clear();
        match &query.probe {
            Some(probe) if probe.epoch() == slot.header().edge_epoch => probe.estimate(
                slot.factors(),
                slot.codes(),
                &mut edges.scratch,
                &mut edges.estimates,
            ),
            _ => edges.estimates.resize(slot.degree(), f32::NAN),
        }
        edges.to.clear();
        edges.to.extend(slot.edges());
        let live = slot.state() == State::Live && !(self.skip_dead && slot.is_dead());
        Ok(Some(Visit {
            distance: query.distance(slot.vector(), slot.header().norm_squared),
            found: live.then(|| F::remember(&slot)),
        }))
    }

    #[inline]
    fn expect(&self, soon: impl Iterator<Item = Pointer>) {
        let blocks = soon.map(|at| self.index.shape.place(at.id).0);
        self.index.store.expect(blocks);
    }

    fn distance(&self, query: &Query, at: Pointer) -> Result<Option<f64>> {
        self.index.store.interrupt()?;
        let (block, slot) = self.index.shape.place(at.id);
        let page = self.index.store.read(block)?;
        if !page.has_slots() {
            return Ok(None);
        }
        let slot = page.slot(&self.index.shape, slot);
        Ok(slot
            .is_node(at.version)
            .then(|| query.distance(slot.vector(), slot.header().norm_squared)))
    }
}
