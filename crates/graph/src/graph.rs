//! The graph as a search sees it, wherever it lies.

use crate::error::Result;
use crate::estimator::Scratch;
use crate::layout::{Factors, Pointer};
use crate::node_set::NodeSet;
use crate::query::Query;
use crate::rounded::Measure;

/// What a search walks on.
pub trait Graph {
    /// What a search remembers of every node it has found.
    type Found;

    /// How a search remembers which nodes it has heard of.
    type Seen: NodeSet;

    /// Whether visits leave out edges to nodes seen and mark the others, because estimates cost more than
    /// looking there. A search of such a graph ends with its first run.
    const MARKS: bool;

    /// Visits a node: how far it is and what to remember of it, and its edges with estimates of their
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
    /// The distance, and how far off it may be.
    pub measure: Measure,
    /// What to remember; `None` for a node whose rows are gone or filtered.
    pub found: Option<F>,
    /// Whether it has rows, but none that passes the filter of the search.
    pub filtered: bool,
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
