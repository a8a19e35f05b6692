//! Edges: from a new node to its neighbours, and back from each of them.
//!
//! A node's own list is chosen by the distances of rounded vectors. A neighbour whose list is full finds out which edge
//! it can do without from its page alone, by estimates between codes on both sides; where a code is missing, by
//! the vectors. The page is locked again to change it, if the list is still the same. No edge is given up that
//! may be all that leads to a node: whatever a search can reach, it can reach ever after.

use crate::basis::Code;
use crate::error::Result;
use crate::estimator::{Estimator, Scratch};
use crate::index::Index;
use crate::layout::{Factors, Pointer, Shape, Slot, SlotMut};
use crate::page_graph::{FromSlot, NodeVector};
use crate::query::Query;
use crate::rounded::Rounded;
use crate::search::Hit;
use crate::select::{Selected, least, select};
use crate::store::PageStore;

/// A new node is linked to by those of its neighbours that the heuristic keeps, and at least by one in so
/// many of all it has room for. Edges from the others as well make twice the log and no better recall.
const FEWEST_BACK: usize = 4;

/// An edge to be: where to, and the code of the node there.
pub(crate) struct Edge {
    pub(crate) to: Pointer,
    pub(crate) code: Option<Code>,
}

/// Chooses the neighbours of a node among what a search found for it, nearest first.
pub(crate) fn choose<S: PageStore>(index: &Index<S>, hits: &[Hit<NodeVector>]) -> Result<Selected> {
    index.store.interrupt()?;
    let to_node: Vec<f64> = hits.iter().map(|hit| hit.measure.distance).collect();
    let space = index.space();
    Ok(select(&to_node, index.shape.degree, |i, j| {
        let (a, b) = (&hits[i].found, &hits[j].found);
        let (a_norm, b_norm) = (a.norm_squared, b.norm_squared);
        let (a, b) = (a.rounded.get(), b.rounded.get());
        a.between(a_norm, b, b_norm, &space)
    }))
}

/// How many of those chosen for a node, from the first on, are to have an edge back to it.
pub(crate) fn back(chosen: &Selected, shape: &Shape) -> usize {
    let back = chosen.diverse.max(shape.degree / FEWEST_BACK);
    back.min(chosen.positions.len())
}

/// Replaces the edges of a slot.
pub(crate) fn set_edges(slot: &mut SlotMut<'_>, epoch: u16, edges: &[Edge]) {
    slot.set_degree(edges.len());
    slot.header_mut().edge_epoch = epoch;
    for (at, edge) in edges.iter().enumerate() {
        set_edge(slot, at, edge.to, edge.code.as_ref());
    }
}

fn set_edge(slot: &mut SlotMut<'_>, at: usize, to: Pointer, code: Option<&Code>) {
    match code {
        Some(code) => slot.set_edge(at, to, code.factors, &code.bytes),
        None => slot.set_edge(at, to, Factors::UNCODED, &[]),
    }
}

/// Removes the edges to nodes whose id `keep` says no to.
pub(crate) fn retain_edges(slot: &mut SlotMut<'_>, mut keep: impl FnMut(u32) -> bool) {
    for at in (0..slot.get().degree()).rev() {
        if !keep(slot.get().ids()[at]) {
            slot.remove_edge(at);
        }
    }
}

/// Adds an edge, or returns false when there is no room.
pub(crate) fn add_edge<S: PageStore>(
    index: &Index<S>,
    slot: &mut SlotMut<'_>,
    to: Pointer,
    code: Option<&Code>,
) -> bool {
    let degree = slot.get().degree();
    if degree == index.shape.degree {
        return false;
    }
    if degree == 0 {
        slot.header_mut().edge_epoch = index.epoch();
    }
    slot.set_degree(degree + 1);
    replace(index, slot, degree, to, code);
    true
}

/// A node that others are to link to.
pub(crate) struct NewNode<'n> {
    pub(crate) at: Pointer,
    /// For its neighbours.
    pub(crate) query: &'n Query,
    pub(crate) rounded: &'n Rounded,
    pub(crate) code: Option<&'n Code>,
    /// What a search for its neighbours has found.
    pub(crate) hits: &'n [Hit<NodeVector>],
    /// Its own edges, and those that lead nowhere.
    pub(crate) edges: Vec<Pointer>,
    /// Edges that others have given up for one to it: where from, and where to.
    pub(crate) given_up: Vec<(u32, u32)>,
}

impl NewNode<'_> {
    /// Finds out which of its edges a node can spare.
    fn ways<'w>(&'w self, edges: &'w [Pointer]) -> Ways<'w> {
        let near = self.hits.iter().filter(|hit| edges.contains(&hit.at));
        Ways {
            new: self,
            edges,
            near: near.map(|hit| (hit.at.id, &*hit.found.edges)).collect(),
        }
    }

    /// Whether others have given up edges to a node because the new node has one.
    fn is_relied_on(&self, to: u32) -> bool {
        self.given_up.iter().any(|&(_, given_up)| given_up == to)
    }
}

/// Ways of two edges from a node that is to have one to a new node.
struct Ways<'w> {
    new: &'w NewNode<'w>,
    /// The node's edges,
    edges: &'w [Pointer],
    /// and those of its neighbours that are near the new node, with their ids.
    near: Vec<(u32, &'w [u32])>,
}

impl Ways<'_> {
    /// Whether the node can spare one of its edges, or what comes after the last of them, the new node.
    ///
    /// An edge may be all that leads to a node. It can be spared where there is a way of two edges to that node: by the
    /// new node, or by another neighbour. So whatever can be reached stays so.
    fn spare(&self, at: usize) -> bool {
        let Some(edge) = self.edges.get(at) else {
            return true;
        };
        let leads = |&(by, edges): &(u32, &[u32])| {
            edges.contains(&edge.id) && !self.new.given_up.contains(&(by, edge.id))
        };
        self.new.edges.contains(edge) || self.near.iter().any(leads)
    }
}

/// Adds an edge to the new node to each node that its `edges` lead to, or at least to half of them where they can
/// spare too little. Returns whether there is one.
pub(crate) fn link_back<S: PageStore>(
    index: &Index<S>,
    new: &mut NewNode<'_>,
    edges: &[Edge],
) -> Result<bool> {
    let mut refused = Vec::new();
    for edge in edges {
        if !link(index, edge.to, new, false)? {
            refused.push(edge.to);
        }
    }
    let mut linked = edges.len() - refused.len();
    for from in refused {
        if 2 * linked >= edges.len() {
            break;
        }
        linked += usize::from(link(index, from, new, true)?);
    }
    Ok(linked > 0)
}

/// Where in a node's list an edge to a new node goes.
enum Place {
    /// It is there.
    Linked,
    /// Here, in place of the edge that is there, or at the end.
    At(usize),
    /// Nowhere.
    None,
    /// Codes are missing: vectors have to tell, this node's and those that its edges lead to.
    ByVectors(NodeVector),
}

impl Place {
    /// In a list without room, the end is the new node itself, as the one to do without.
    fn among_full(self, edges: &[Pointer]) -> Self {
        match self {
            Self::At(at) if at >= edges.len() => Self::None,
            place => place,
        }
    }
}

/// Adds an edge from `from` to the new node, in place of one that `from` can spare if need be. Returns whether
/// there is one now. With `force`, the new node takes over an edge that `from` cannot spare otherwise.
pub(crate) fn link<S: PageStore>(
    index: &Index<S>,
    from: Pointer,
    new: &mut NewNode<'_>,
    force: bool,
) -> Result<bool> {
    let (to, code) = (new.at, new.code);
    loop {
        // What to do is found out while others may read, and done if the edges are still the same.
        let found = index.with_live(from, |node| {
            let edges: Vec<Pointer> = node.edges().collect();
            let known = edges.iter().position(|edge| edge.id == to.id);
            let place = match known {
                Some(at) if edges[at] == to => Place::Linked,
                // Made for a node that is gone.
                Some(at) => Place::At(at),
                None if edges.len() < index.shape.degree => Place::At(edges.len()),
                None => match least_by_codes(index, node, &edges, new, force) {
                    Some(at) => Place::At(at).among_full(&edges),
                    None => Place::ByVectors(NodeVector::from_slot(node)),
                },
            };
            (edges, place)
        })?;
        let Some((edges, mut place)) = found else {
            return Ok(false);
        };
        if let Place::ByVectors(own) = &place {
            let at = least_by_vectors(index, own, &edges, new, force)?;
            place = at.map_or(Place::None, |at| Place::At(at).among_full(&edges));
        }
        let at = match place {
            Place::Linked => return Ok(true),
            Place::At(at) => at,
            Place::None | Place::ByVectors(_) => return Ok(false),
        };
        let given_up = edges.get(at).filter(|edge| edge.id != to.id);
        if let Some(&edge) = given_up
            && !new.ways(&edges).spare(at)
            && !(force && take_over(index, new, edge)?)
        {
            return Ok(false);
        }
        let linked = index.change_slot(from.id, |node| {
            let now = node.get();
            let same = now.is_live(from.version) && now.edges().eq(edges.iter().copied());
            if same && at == edges.len() {
                add_edge(index, node, to, code);
            } else if same {
                replace(index, node, at, to, code);
            }
            same
        })?;
        if linked {
            new.given_up.extend(given_up.map(|edge| (from.id, edge.id)));
            return Ok(true);
        }
    }
}

/// Gives the new node an edge that another node is to spare for one to it. Returns false where it has no room.
fn take_over<S: PageStore>(index: &Index<S>, new: &mut NewNode<'_>, edge: Pointer) -> Result<bool> {
    let mut has_edge = true;
    if let Some(target) = read(index, edge)? {
        let code = target.code(index);
        index.change_slot(new.at.id, |node| {
            has_edge = node.get().is_node(new.at.version);
            if !has_edge || node.get().ids().contains(&edge.id) {
                return false;
            }
            if !add_edge(index, node, edge, code.as_ref()) {
                // The last ones are the farthest.
                let ids = node.get().ids();
                let Some(at) = ids.iter().rposition(|&id| !new.is_relied_on(id)) else {
                    has_edge = false;
                    return false;
                };
                let dropped = ids[at];
                new.edges.retain(|edge| edge.id != dropped);
                replace(index, node, at, edge, code.as_ref());
            }
            true
        })?;
    }
    if has_edge {
        new.edges.push(edge);
    }
    Ok(has_edge)
}

/// Sets an edge, with its code if the list is of the index's epoch.
fn replace<S: PageStore>(
    index: &Index<S>,
    node: &mut SlotMut<'_>,
    at: usize,
    to: Pointer,
    code: Option<&Code>,
) {
    let current = node.get().header().edge_epoch == index.epoch();
    set_edge(node, at, to, code.filter(|_| current));
}

/// The edge to do without, or the degree for the new one. `None` where codes are missing.
fn least_by_codes<S: PageStore>(
    index: &Index<S>,
    node: &Slot<'_>,
    edges: &[Pointer],
    new: &NewNode<'_>,
    force: bool,
) -> Option<usize> {
    let (basis, code) = (index.basis.as_ref()?, new.code?);
    let (epoch, header) = (basis.epoch(), node.header());
    if header.edge_epoch != epoch
        || header.own_epoch != epoch
        || !node.factors().iter().all(|factors| factors.coded())
    {
        return None;
    }
    let mut factors = node.factors().to_vec();
    factors.push(code.factors);
    let mut codes = node.codes().to_vec();
    codes.extend_from_slice(&code.bytes);
    let (own_factors, own_code) = node.own();
    let bytes = own_code.len();
    let (mut scratch, mut to_node) = (Scratch::default(), Vec::new());
    Estimator::of_code(basis, own_factors, own_code).estimate(
        &factors,
        &codes,
        &mut scratch,
        &mut to_node,
    );
    let to_node: Vec<f64> = to_node.into_iter().map(f64::from).collect();
    // `least` asks for the pairs of one candidate in a row, and for few of them.
    let mut of = (usize::MAX, None);
    let ways = new.ways(edges);
    let code_of = |i: usize| (factors[i], &codes[i * bytes..][..bytes]);
    least(
        &to_node,
        force.then_some(edges.len()),
        |i| ways.spare(i),
        |i, j| {
            if of.0 != i {
                let (factors, code) = code_of(i);
                of = (i, Some(Estimator::of_code(basis, factors, code)));
            }
            let (factors, code) = code_of(j);
            of.1.as_ref().map_or(0.0, |estimator| {
                f64::from(estimator.estimate_one(factors, code))
            })
        },
    )
}

/// As [`least_by_codes`], reading the vectors that the edges lead to. An edge to a node that is gone or
/// without rows is the first to do without.
fn least_by_vectors<S: PageStore>(
    index: &Index<S>,
    own: &NodeVector,
    edges: &[Pointer],
    new: &mut NewNode<'_>,
    force: bool,
) -> Result<Option<usize>> {
    let mut vectors = Vec::with_capacity(edges.len());
    for (at, &edge) in edges.iter().enumerate() {
        match read(index, edge)? {
            Some(vector) => vectors.push((vector.rounded, vector.norm_squared)),
            None => {
                new.edges.push(edge);
                return Ok(Some(at));
            }
        }
    }
    vectors.push((new.rounded.clone(), new.query.norm_squared));
    let space = index.space();
    let distance =
        |a: &(Rounded, f32), b: &(Rounded, f32)| a.0.get().between(a.1, b.0.get(), b.1, &space);
    let node = (own.rounded.clone(), own.norm_squared);
    let to_node: Vec<f64> = vectors.iter().map(|other| distance(&node, other)).collect();
    let ways = new.ways(edges);
    Ok(least(
        &to_node,
        force.then_some(edges.len()),
        |i| ways.spare(i),
        |i, j| distance(&vectors[i], &vectors[j]),
    ))
}

/// The vector of a live node.
pub(crate) fn read<S: PageStore>(index: &Index<S>, at: Pointer) -> Result<Option<NodeVector>> {
    index.with_live(at, NodeVector::from_slot)
}
