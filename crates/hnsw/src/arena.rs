//! The graph in memory while an index is built.
//!
//! Threads add nodes side by side. A node's edges are atomics, written under one of many mutexes and
//! read without: a reader may see a list half changed, every entry of which is a node all the same.
//! Lists have half as much room again as a page, so that most new edges just fit, and pruning to a
//! page's room is paid once for many.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use crate::codes::{Basis, Code, Query, Scratch};
use crate::error::Result;
use crate::graph::{Edges, Graph, Visit};
use crate::layout::{Factors, Pointer, Shape};
use crate::search::Search;
use crate::select::select;

/// Mutexes that lists share.
const STRIPES: usize = 1024;
/// Most nodes that searches begin from.
const MOST_ENTRIES: usize = 1024;
/// Entries that a search begins at.
const BEGIN: usize = 8;

/// Vectors, one after the other, with their squared norms.
#[derive(Default)]
pub(crate) struct Vectors {
    halves: Vec<f16>,
    norms: Vec<f32>,
}

impl Vectors {
    pub(crate) fn len(&self) -> usize {
        self.norms.len()
    }

    pub(crate) fn push(&mut self, vector: &[f16], norm_squared: f32) {
        if self.halves.len() + vector.len() > self.halves.capacity() {
            // Doubling would take twice what a build counts: an eighth more at a time is near enough.
            let more = (self.halves.len() / 8).max(1024 * vector.len());
            self.halves.reserve_exact(more);
        }
        self.halves.extend_from_slice(vector);
        self.norms.push(norm_squared);
    }

    pub(crate) fn replace(&mut self, at: usize, vector: &[f16], norm_squared: f32) {
        self.halves[at * vector.len()..][..vector.len()].copy_from_slice(vector);
        self.norms[at] = norm_squared;
    }

    pub(crate) fn get(&self, shape: &Shape, node: usize) -> (&[f16], f32) {
        let vector = &self.halves[node * shape.dims..][..shape.dims];
        (vector, self.norms[node])
    }
}

pub(crate) struct Arena<'v> {
    pub(crate) shape: Shape,
    basis: Arc<Basis>,
    vectors: &'v Vectors,
    factors: Vec<Factors>,
    codes: Vec<u8>,
    room: usize,
    lists: Vec<AtomicU32>,
    degrees: Vec<AtomicU8>,
    stripes: Vec<Mutex<()>>,
    /// Nodes that searches begin from, with their codes one after the other.
    entries: Vec<u32>,
    entry_factors: Vec<Factors>,
    entry_codes: Vec<u8>,
}

impl<'v> Arena<'v> {
    /// Room of a list before it is pruned.
    fn room(shape: &Shape) -> usize {
        (shape.degree + shape.degree / 2).min(usize::from(u8::MAX))
    }

    /// Bytes of a node beside its vector.
    pub(crate) fn node_bytes(shape: &Shape) -> usize {
        Self::room(shape) * size_of::<AtomicU32>() + 1 + size_of::<Factors>() + shape.code_bytes
    }

    /// The graph without edges. `codes` are those of `vectors`, and the first nodes in `order`, which
    /// the caller adds first, are where searches begin.
    pub(crate) fn new(
        shape: &Shape,
        basis: Arc<Basis>,
        vectors: &'v Vectors,
        (factors, codes): (Vec<Factors>, Vec<u8>),
        order: &[u32],
    ) -> Self {
        let nodes = vectors.len();
        let room = Self::room(shape);
        let entries = order[..nodes.div_ceil(32).min(MOST_ENTRIES)].to_vec();
        let bytes = shape.code_bytes;
        Self {
            shape: *shape,
            basis,
            vectors,
            room,
            lists: (0..nodes * room).map(|_| AtomicU32::new(0)).collect(),
            degrees: (0..nodes).map(|_| AtomicU8::new(0)).collect(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            entry_factors: entries.iter().map(|&node| factors[node as usize]).collect(),
            entry_codes: entries
                .iter()
                .flat_map(|&node| &codes[node as usize * bytes..][..bytes])
                .copied()
                .collect(),
            entries,
            factors,
            codes,
        }
    }

    /// Number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.factors.len()
    }

    /// The code of a node.
    pub(crate) fn code(&self, node: usize) -> Code {
        Code {
            factors: self.factors[node],
            bytes: self.code_bytes(node).into(),
        }
    }

    fn code_bytes(&self, node: usize) -> &[u8] {
        &self.codes[node * self.shape.code_bytes..][..self.shape.code_bytes]
    }

    fn between(&self, a: u32, b: u32) -> f64 {
        let (a, a_norm) = self.vectors.get(&self.shape, a as usize);
        let (b, b_norm) = self.vectors.get(&self.shape, b as usize);
        self.basis.space().between(a, a_norm, b, b_norm)
    }

    /// The nodes that a node's edges lead to.
    pub(crate) fn edges(&self, node: usize) -> impl Iterator<Item = u32> {
        let degree = usize::from(self.degrees[node].load(Ordering::Acquire));
        self.lists[node * self.room..][..degree]
            .iter()
            .map(|edge| edge.load(Ordering::Relaxed))
    }

    /// Adds the node that is `added`th in order: its edges, and edges back to it.
    pub(crate) fn add(&self, node: usize, added: usize, ef: usize) -> Result<()> {
        let nearest = self.search(node, added, ef)?;
        let distances: Vec<f64> = nearest.iter().map(|&(distance, _)| distance).collect();
        let chosen = select(&distances, self.shape.degree, |i, j| {
            self.between(nearest[i].1, nearest[j].1)
        });
        let chosen: Vec<u32> = chosen.into_iter().map(|i| nearest[i].1).collect();
        self.link(node, &chosen);
        for &neighbour in &chosen {
            self.link(neighbour as usize, &[node as u32]);
        }
        Ok(())
    }

    /// The nodes nearest to a node, with their distances.
    pub(crate) fn search(&self, node: usize, added: usize, ef: usize) -> Result<Vec<(f64, u32)>> {
        let (vector, _) = self.vectors.get(&self.shape, node);
        let query = Query::of_node(self.basis.space(), vector, Some(&self.basis));
        let mut search = Search::default();
        if let Some(probe) = &query.probe {
            let count = self.entries.len().min(added);
            let mut estimates = Vec::with_capacity(count);
            probe.estimate(
                &self.entry_factors[..count],
                &self.entry_codes[..count * self.shape.code_bytes],
                &mut Scratch::default(),
                &mut estimates,
            );
            let mut order: Vec<usize> = (0..count).collect();
            if count > BEGIN {
                order.select_nth_unstable_by(BEGIN, |&a, &b| estimates[a].total_cmp(&estimates[b]));
                order.truncate(BEGIN);
            }
            for entry in order {
                search.seed(pointer(self.entries[entry]), estimates[entry]);
            }
        }
        let hits = search.run(self, &query, ef)?;
        Ok(hits
            .into_iter()
            .map(|hit| (hit.distance, hit.at.id - 1))
            .filter(|&(_, other)| other as usize != node)
            .collect())
    }

    /// Adds edges that are not there yet, and prunes the list when it overflows.
    fn link(&self, node: usize, to: &[u32]) {
        let _guard = self.stripes[node % STRIPES]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut edges: Vec<u32> = self.edges(node).collect();
        let before = edges.len();
        for &to in to {
            if !edges[..before].contains(&to) {
                edges.push(to);
            }
        }
        if edges.len() > self.room {
            self.choose(node, &mut edges);
            self.set(node, &edges);
        } else {
            for (at, &edge) in edges.iter().enumerate().skip(before) {
                self.lists[node * self.room + at].store(edge, Ordering::Relaxed);
            }
            self.degrees[node].store(edges.len() as u8, Ordering::Release);
        }
    }

    /// Prunes a list to what a page has room for.
    pub(crate) fn prune(&self, node: usize) {
        let _guard = self.stripes[node % STRIPES]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut edges: Vec<u32> = self.edges(node).collect();
        if edges.len() > self.shape.degree {
            self.choose(node, &mut edges);
            self.set(node, &edges);
        }
    }

    /// Replaces a list.
    pub(crate) fn set(&self, node: usize, edges: &[u32]) {
        for (at, &edge) in edges.iter().enumerate() {
            self.lists[node * self.room + at].store(edge, Ordering::Relaxed);
        }
        self.degrees[node].store(edges.len() as u8, Ordering::Release);
    }

    /// The heuristic's choice.
    fn choose(&self, node: usize, edges: &mut Vec<u32>) {
        let mut near: Vec<(f64, u32)> = edges
            .iter()
            .map(|&edge| (self.between(node as u32, edge), edge))
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let distances: Vec<f64> = near.iter().map(|&(distance, _)| distance).collect();
        let chosen = select(&distances, self.shape.degree, |i, j| {
            self.between(near[i].1, near[j].1)
        });
        edges.clear();
        edges.extend(chosen.into_iter().map(|i| near[i].1));
    }
}

/// A node as a search names it: 0 is none.
fn pointer(node: u32) -> Pointer {
    Pointer::new(node + 1, 0)
}

impl Graph for Arena<'_> {
    type Found = ();

    fn visit(&self, query: &Query, at: Pointer, edges: &mut Edges) -> Result<Option<Visit<()>>> {
        let node = at.id as usize - 1;
        edges.to.clear();
        edges.estimates.clear();
        edges.factors.clear();
        edges.codes.clear();
        for edge in self.edges(node) {
            edges.to.push(pointer(edge));
            edges.factors.push(self.factors[edge as usize]);
            edges
                .codes
                .extend_from_slice(self.code_bytes(edge as usize));
        }
        if let Some(probe) = &query.probe {
            probe.estimate(
                &edges.factors,
                &edges.codes,
                &mut edges.scratch,
                &mut edges.estimates,
            );
        }
        let (vector, norm) = self.vectors.get(&self.shape, node);
        Ok(Some(Visit {
            distance: query.distance(vector, norm),
            found: Some(()),
        }))
    }

    fn distance(&self, query: &Query, at: Pointer) -> Result<Option<f64>> {
        let (vector, norm) = self.vectors.get(&self.shape, at.id as usize - 1);
        Ok(Some(query.distance(vector, norm)))
    }
}
