//! Edges: from a new node to its neighbours, and back from each of them.
//!
//! A node's own list is chosen by exact distances. A neighbour whose list is full finds out which edge
//! it can do without from its page alone, by estimates between codes on both sides, under the page's
//! lock; where a code is missing, by exact distances that were worked out before the page was locked.

use crate::codes::{Code, Probe, Query, Scratch};
use crate::error::Result;
use crate::graph::{Remember, Vector};
use crate::index::Index;
use crate::layout::{Factors, Pointer, Shape, Slot, SlotMut, State};
use crate::search::Hit;
use crate::select::{Selected, least, select};
use crate::store::{PageStore, Write};

/// A new node is linked to by those of its neighbours that the heuristic keeps, and at least by one in so
/// many of all it has room for. Edges from the others as well make twice the log and no better recall.
const FEWEST_BACK: usize = 4;

/// An edge to be: where to, and the code of the node there.
pub(crate) struct Edge {
    pub(crate) to: Pointer,
    pub(crate) code: Option<Code>,
}

/// Chooses the neighbours of a node among what a search found for it, nearest first.
pub(crate) fn choose<S: PageStore>(index: &Index<S>, hits: &[Hit<Vector>]) -> Result<Selected> {
    index.store.interrupt()?;
    let to_node: Vec<f64> = hits.iter().map(|hit| hit.distance).collect();
    let space = index.space();
    Ok(select(&to_node, index.shape.degree, |i, j| {
        let (a, b) = (&hits[i].found, &hits[j].found);
        space.between(&a.vector, a.norm_squared, &b.vector, b.norm_squared)
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
pub(crate) struct Newcomer<'n> {
    pub(crate) at: Pointer,
    /// For its neighbours.
    pub(crate) query: &'n Query,
    pub(crate) code: Option<&'n Code>,
    /// What a search for its neighbours has found.
    pub(crate) hits: &'n [Hit<Vector>],
}

impl Newcomer<'_> {
    /// Whether a node can spare one of its edges, or what comes after the last of them, the newcomer.
    ///
    /// An edge may be all that leads to a node: it can be spared where nodes near by have another one.
    fn spares(&self, edges: &[Pointer], at: usize) -> bool {
        edges.get(at).is_none_or(|edge| {
            let near = self.hits.iter().flat_map(|hit| &hit.found.edges);
            near.filter(|&&id| id == edge.id).nth(1).is_some()
        })
    }
}

/// Adds an edge to the newcomer to each node that its `edges` lead to, or at least to one of them.
pub(crate) fn link_back<S: PageStore>(
    index: &Index<S>,
    new: &Newcomer<'_>,
    edges: &[Edge],
) -> Result<()> {
    let mut linked = false;
    for edge in edges {
        linked |= link(index, edge.to, new, false)?;
    }
    for edge in edges {
        if linked {
            break;
        }
        linked = link(index, edge.to, new, true)?;
    }
    Ok(())
}

/// Adds an edge from `from` to the newcomer, in place of one that `from` can do without if need be.
/// Returns whether there is one now. With `force`, the new edge is not what `from` does without.
pub(crate) fn link<S: PageStore>(
    index: &Index<S>,
    from: Pointer,
    new: &Newcomer<'_>,
    force: bool,
) -> Result<bool> {
    let (to, code) = (new.at, new.code);
    let (block, slot) = index.shape.place(from.id);
    // Edges as they were when the exact distances between them were worked out, and the answer.
    let mut planned: Option<(Vec<Pointer>, Option<usize>)> = None;
    loop {
        index.store.interrupt()?;
        let mut page = index.store.write(block)?;
        if !page.has_slots() {
            return Ok(false);
        }
        let mut node = page.slot_mut(&index.shape, slot);
        let now = node.get();
        if !now.is_node(from.version) || now.state() != State::Live {
            return Ok(false);
        }
        if let Some(at) = now.ids().iter().position(|&id| id == to.id) {
            if now.versions()[at] == to.version {
                return Ok(true);
            }
            // Made for a node that is gone.
            replace(index, &mut node, at, to, code);
            page.commit()?;
            return Ok(true);
        }
        if add_edge(index, &mut node, to, code) {
            page.commit()?;
            return Ok(true);
        }
        let now = node.get();
        let dispensable = match least_by_codes(index, &now, new, force) {
            Some(at) => Some(at),
            None => {
                let edges: Vec<Pointer> = now.edges().collect();
                match planned.take() {
                    Some((before, at)) if before == edges => at,
                    _ => {
                        let own = Vector::remember(&now);
                        drop(page);
                        let at = least_by_vectors(index, &own, &edges, new, force)?;
                        planned = Some((edges, at));
                        continue;
                    }
                }
            }
        };
        return match dispensable {
            Some(at) if at < index.shape.degree => {
                replace(index, &mut node, at, to, code);
                page.commit()?;
                Ok(true)
            }
            _ => Ok(false),
        };
    }
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
    new: &Newcomer<'_>,
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
    Probe::of_code(basis, own_factors, own_code).estimate(
        &factors,
        &codes,
        &mut scratch,
        &mut to_node,
    );
    let to_node: Vec<f64> = to_node.into_iter().map(f64::from).collect();
    // `least` asks for the pairs of one candidate in a row, and for few of them.
    let mut of = (usize::MAX, None);
    let code_of = |i: usize| (factors[i], &codes[i * bytes..][..bytes]);
    let edges: Vec<Pointer> = node.edges().collect();
    least(
        &to_node,
        force.then_some(edges.len()),
        |i| new.spares(&edges, i),
        |i, j| {
            if of.0 != i {
                let (factors, code) = code_of(i);
                of = (i, Some(Probe::of_code(basis, factors, code)));
            }
            let (factors, code) = code_of(j);
            of.1.as_ref()
                .map_or(0.0, |probe| f64::from(probe.estimate_one(factors, code)))
        },
    )
}

/// As [`least_by_codes`], reading the vectors that the edges lead to. An edge to a node that is gone or
/// without rows is the first to do without.
fn least_by_vectors<S: PageStore>(
    index: &Index<S>,
    own: &Vector,
    edges: &[Pointer],
    new: &Newcomer<'_>,
    force: bool,
) -> Result<Option<usize>> {
    let mut vectors = Vec::with_capacity(edges.len());
    for (at, &edge) in edges.iter().enumerate() {
        match read(index, edge)? {
            Some(vector) => vectors.push((vector.vector, vector.norm_squared)),
            None => return Ok(Some(at)),
        }
    }
    vectors.push((new.query.vector.as_slice().into(), new.query.norm_squared));
    let space = index.space();
    let distance = |a: &(Box<[half::f16]>, f32), b: &(Box<[half::f16]>, f32)| {
        space.between(&a.0, a.1, &b.0, b.1)
    };
    let node = (own.vector.clone(), own.norm_squared);
    let to_node: Vec<f64> = vectors.iter().map(|other| distance(&node, other)).collect();
    Ok(least(
        &to_node,
        force.then_some(edges.len()),
        |i| new.spares(edges, i),
        |i, j| distance(&vectors[i], &vectors[j]),
    ))
}

/// The vector of a live node.
pub(crate) fn read<S: PageStore>(index: &Index<S>, at: Pointer) -> Result<Option<Vector>> {
    index.store.interrupt()?;
    let (block, slot) = index.shape.place(at.id);
    let page = index.store.read(block)?;
    if !page.has_slots() {
        return Ok(None);
    }
    let slot = page.slot(&index.shape, slot);
    Ok((slot.is_node(at.version) && slot.state() == State::Live).then(|| Vector::remember(&slot)))
}
