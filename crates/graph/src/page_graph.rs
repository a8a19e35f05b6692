//! The graph on the pages of an index, and what is read of a node there.

use crate::basis::{Basis, Code};
use crate::error::Result;
use crate::filter::{Filter, MIXED};
use crate::graph::{Edges, Graph, Visit};
use crate::index::Index;
use crate::layout::{INLINE_TIDS, Pointer, Slot, State, Tid};
use crate::node_set::HashedNodes;
use crate::query::Query;
use crate::rounded::Rounded;
use crate::store::PageStore;

/// What a search keeps of a node that it has found on a page.
pub trait FromSlot {
    /// Copies it from the slot of a live node while the page is locked.
    fn from_slot(slot: &Slot<'_>) -> Self;
}

/// The heap TIDs of a node.
#[derive(Clone, Copy, Debug)]
pub struct Tids {
    tids: [Tid; INLINE_TIDS],
    count: u16,
    /// Bits of those marked dead.
    pub(crate) dead: u8,
    /// Whether the rows differ in a filter column.
    pub mixed: bool,
    /// [`Slot::removals`] when they were read.
    pub(crate) removals: u16,
    /// Where the others are.
    pub overflow: Pointer,
}

impl Tids {
    /// Those in the node's own slot.
    pub fn inline(&self) -> &[Tid] {
        &self.tids[..usize::from(self.count)]
    }
}

impl FromSlot for Tids {
    #[inline]
    fn from_slot(slot: &Slot<'_>) -> Self {
        let mut tids = [Tid::default(); INLINE_TIDS];
        let count = slot.tids().len();
        tids[..count].copy_from_slice(slot.tids());
        Self {
            tids,
            count: count as u16,
            dead: slot.dead(),
            mixed: slot.words().contains(&MIXED),
            removals: slot.removals(),
            overflow: slot.overflow(),
        }
    }
}

/// The vector of a node, and its code as the node has it.
#[derive(Clone, Debug)]
pub struct NodeVector {
    /// The vector.
    pub rounded: Rounded,
    /// Its squared norm when it was whole.
    pub norm_squared: f32,
    /// Where its edges lead.
    pub edges: Box<[u32]>,
    epoch: u16,
    code: Code,
}

impl NodeVector {
    /// The code in the basis of `index`, made afresh where the node has one of another epoch.
    pub(crate) fn code<S: PageStore>(&self, index: &Index<S>) -> Option<Code> {
        if self.epoch != 0 && self.epoch == index.epoch() {
            Some(self.code.clone())
        } else {
            index.basis().map(|basis| self.encode(basis))
        }
    }

    /// Its code in a basis.
    pub(crate) fn encode(&self, basis: &Basis) -> Code {
        basis.encode(&self.rounded.get().halves(), self.norm_squared)
    }
}

impl FromSlot for NodeVector {
    fn from_slot(slot: &Slot<'_>) -> Self {
        let (factors, code) = slot.own();
        Self {
            rounded: slot.rounded().to_owned(),
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
pub struct PageGraph<'i, S: PageStore, F> {
    index: &'i Index<S>,
    /// Nodes whose rows are all marked dead are passed through like those without rows.
    skip_dead: bool,
    /// Nodes without rows are as good as gone.
    only_live: bool,
    /// Nodes whose rows do not pass are passed through, too.
    filter: Option<&'i Filter>,
    found: std::marker::PhantomData<F>,
}

impl<'i, S: PageStore, F: FromSlot> PageGraph<'i, S, F> {
    /// The graph of `index`.
    pub fn new(index: &'i Index<S>) -> Self {
        Self {
            index,
            skip_dead: false,
            only_live: false,
            filter: None,
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

impl<'i, S: PageStore> PageGraph<'i, S, Tids> {
    /// The graph as a reader of rows sees it who may believe marks of the dead, and wants rows that pass a filter.
    pub fn for_rows(index: &'i Index<S>, skip_dead: bool, filter: Option<&'i Filter>) -> Self {
        Self {
            skip_dead,
            filter,
            ..Self::new(index)
        }
    }
}

impl<S: PageStore, F: FromSlot> Graph for PageGraph<'_, S, F> {
    type Found = F;

    type Seen = HashedNodes;

    const MARKS: bool = false;

    fn visit(
        &self,
        query: &Query,
        at: Pointer,
        _: &mut HashedNodes,
        edges: &mut Edges,
    ) -> Result<Option<Visit<F>>> {
        let visit = self.index.with_node(at, |slot| {
            let live = slot.state() == State::Live;
            if self.only_live && !live {
                return None;
            }
            slot.prefetch();
            edges.estimates.clear();
            match &query.estimator {
                Some(estimator) if estimator.epoch() == slot.header().edge_epoch => estimator
                    .estimate(
                        slot.factors(),
                        slot.codes(),
                        &mut edges.scratch,
                        &mut edges.estimates,
                    ),
                _ => edges.estimates.resize(slot.degree(), f32::NAN),
            }
            edges.to.clear();
            edges.to.extend(slot.edges());
            let live = live && !(self.skip_dead && slot.is_dead());
            let passes = self.filter.is_none_or(|filter| filter.passes(slot.words()));
            Some(Visit {
                measure: query.measure(slot.rounded(), slot.header().norm_squared),
                found: (live && passes).then(|| F::from_slot(slot)),
                filtered: live && !passes,
            })
        });
        Ok(visit?.flatten())
    }

    #[inline]
    fn expect(&self, soon: impl Iterator<Item = Pointer>) {
        let places = soon.map(|at| self.index.shape.at(at.id));
        self.index.store.expect(places);
    }

    fn distance(&self, query: &Query, at: Pointer) -> Result<Option<f64>> {
        self.index.with_node(at, |slot| {
            query
                .measure(slot.rounded(), slot.header().norm_squared)
                .distance
        })
    }
}
