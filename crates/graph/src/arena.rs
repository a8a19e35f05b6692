//! The graph in memory while an index is built.
//!
//! Threads add nodes side by side. A node's edges are atomics, written under one of many mutexes and
//! read without: a reader may see a list half changed, every entry of which is a node all the same.
//! Lists have twice the room of those on a page, so that most new edges just fit, and pruning to a
//! page's room is paid once for many.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use crate::basis::Basis;
use crate::error::{Result, filled};
use crate::graph::{Edges, Graph, Visit};
use crate::layout::{Factors, Pointer, Shape};
use crate::node_set::{DenseNodes, NodeSet};
use crate::query::Query;
use crate::rounded::Measure;
use crate::search::Search;
use crate::select::select;
use crate::vectors::Vectors;

/// Mutexes that lists share.
const STRIPES: usize = 1024;
/// Nodes of a cell that searches for neighbours of another one choose from.
const CELL_ENTRIES: usize = 32;
/// Entries that a search begins at.
const BEGIN: usize = 8;

pub(crate) struct Arena {
    pub(crate) shape: Shape,
    basis: Arc<Basis>,
    vectors: Vectors,
    factors: Vec<Factors>,
    codes: Vec<u8>,
    capacity: usize,
    lists: Vec<AtomicU32>,
    degrees: Vec<AtomicU8>,
    stripes: Vec<Mutex<()>>,
    /// The first nodes of each cell, and which in order they are.
    entries: Vec<Vec<(u32, u32)>>,
    /// The first node.
    first: u32,
}

impl Arena {
    /// Capacity of a list before it is pruned.
    fn capacity(shape: &Shape) -> usize {
        (2 * shape.degree).min(usize::from(u8::MAX))
    }

    /// Bytes of a node beside its vector.
    pub(crate) fn node_bytes(shape: &Shape) -> usize {
        Self::capacity(shape) * size_of::<AtomicU32>() + 1 + size_of::<Factors>() + shape.code_bytes
    }

    /// The graph without edges. `codes` are those of `vectors`, and the first nodes in `order`, which
    /// the caller adds first, are where searches begin.
    pub(crate) fn new(
        shape: &Shape,
        basis: Arc<Basis>,
        vectors: Vectors,
        (factors, codes): (Vec<Factors>, Vec<u8>),
        order: &[u32],
    ) -> Result<Self> {
        let nodes = vectors.len();
        let capacity = Self::capacity(shape);
        let mut entries = vec![Vec::new(); basis.cells()];
        for (at, &node) in (0..).zip(order) {
            let cell = codes[(node as usize + 1) * shape.code_bytes - 1];
            let entries: &mut Vec<(u32, u32)> = &mut entries[usize::from(cell)];
            if entries.len() < CELL_ENTRIES {
                entries.push((at, node));
            }
        }
        Ok(Self {
            shape: *shape,
            basis,
            vectors,
            capacity,
            lists: filled(nodes * capacity, || AtomicU32::new(0))?,
            degrees: filled(nodes, || AtomicU8::new(0))?,
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            entries,
            first: order[0],
            factors,
            codes,
        })
    }

    /// Number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.factors.len()
    }

    /// The factors and the code of a node.
    pub(crate) fn coded(&self, node: usize) -> (Factors, &[u8]) {
        let bytes = self.shape.code_bytes;
        (self.factors[node], &self.codes[node * bytes..][..bytes])
    }

    /// A node's vector, and its squared norm.
    pub(crate) fn vector(&self, node: usize) -> (&[f16], f32) {
        self.vectors.get(&self.shape, node)
    }

    fn estimate(&self, query: &Query, node: u32) -> f32 {
        let (factors, code) = self.coded(node as usize);
        let estimator = query.estimator.as_ref();
        estimator.map_or(f32::NAN, |estimator| estimator.estimate_one(factors, code))
    }

    /// The distance of two nodes.
    pub(crate) fn between(&self, a: u32, b: u32) -> f64 {
        let (a, a_norm) = self.vectors.get(&self.shape, a as usize);
        let (b, b_norm) = self.vectors.get(&self.shape, b as usize);
        self.basis.space().between(a, a_norm, b, b_norm)
    }

    /// The nodes that a node's edges lead to.
    pub(crate) fn edges(&self, node: usize) -> impl Iterator<Item = u32> {
        let degree = usize::from(self.degrees[node].load(Ordering::Acquire));
        self.lists[node * self.capacity..][..degree]
            .iter()
            .map(|edge| edge.load(Ordering::Relaxed))
    }

    /// Adds the node that is `added`th in order: its edges, and edges back to it.
    pub(crate) fn add(
        &self,
        search: &mut Search<(), DenseNodes>,
        node: usize,
        added: usize,
        ef: usize,
    ) -> Result<()> {
        let nearest = self.search(search, node, added, ef)?;
        let distances: Vec<f64> = nearest.iter().map(|&(distance, _)| distance).collect();
        let chosen = select(&distances, self.shape.degree, |i, j| {
            self.between(nearest[i].1, nearest[j].1)
        });
        let chosen = chosen.positions.into_iter().map(|i| nearest[i].1);
        let chosen: Vec<u32> = chosen.collect();
        self.link(node, &chosen);
        for &neighbour in &chosen {
            self.link(neighbour as usize, &[node as u32]);
        }
        Ok(())
    }

    /// The nodes nearest to a node, with their distances.
    pub(crate) fn search(
        &self,
        search: &mut Search<(), DenseNodes>,
        node: usize,
        added: usize,
        ef: usize,
    ) -> Result<Vec<(f64, u32)>> {
        let (vector, _) = self.vectors.get(&self.shape, node);
        let query = Query::of_node(self.basis.space(), vector, Some(&self.basis));
        search.clear();
        let cell = self.coded(node).1[self.shape.code_bytes - 1];
        let entries = self.entries[usize::from(cell)].iter();
        let there = entries.take_while(|&&(at, _)| (at as usize) < added);
        let mut near: Vec<(f32, u32)> = there
            .map(|&(_, entry)| (self.estimate(&query, entry), entry))
            .collect();
        near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        for &(estimate, entry) in near.iter().take(BEGIN) {
            search.seed(pointer(entry), estimate);
        }
        if near.is_empty() {
            search.seed(pointer(self.first), self.estimate(&query, self.first));
        }
        let hits = search.run(self, &query, ef)?;
        Ok(hits
            .into_iter()
            .map(|hit| (hit.measure.distance, hit.at.id - 1))
            .filter(|&(_, other)| other as usize != node)
            .collect())
    }

    /// Adds edges that are not there yet, and prunes the list when it overflows.
    fn link(&self, node: usize, to: &[u32]) {
        let _guard = self.stripes[node % STRIPES]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = self.edges(node).count();
        let new = |&to: &u32| self.edges(node).take(before).all(|edge| edge != to);
        let new = to.iter().copied().filter(new);
        if before + to.len() > self.capacity {
            let mut edges: Vec<u32> = self.edges(node).chain(new).collect();
            if edges.len() > self.capacity {
                self.choose(node, &mut edges);
            }
            self.set(node, &edges);
        } else {
            let mut degree = before;
            for edge in new {
                self.lists[node * self.capacity + degree].store(edge, Ordering::Relaxed);
                degree += 1;
            }
            self.degrees[node].store(degree as u8, Ordering::Release);
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
            self.lists[node * self.capacity + at].store(edge, Ordering::Relaxed);
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
        edges.extend(chosen.positions.into_iter().map(|i| near[i].1));
    }
}

/// A node as a search names it: 0 is none.
fn pointer(node: u32) -> Pointer {
    Pointer::new(node + 1, 0)
}

impl Graph for Arena {
    type Found = ();

    type Seen = DenseNodes;

    const MARKS: bool = true;

    fn visit(
        &self,
        query: &Query,
        at: Pointer,
        seen: &mut DenseNodes,
        edges: &mut Edges,
    ) -> Result<Option<Visit<()>>> {
        let node = at.id as usize - 1;
        edges.to.resize(self.capacity, Pointer::NONE);
        let mut count = 0;
        for edge in self.edges(node).map(pointer) {
            edges.to[count] = edge;
            // A branch would be anybody's guess.
            count += usize::from(seen.insert(edge.id));
        }
        edges.to.truncate(count);
        for edge in &edges.to {
            kernels::prefetch::all(self.coded(edge.id as usize - 1).1);
        }
        edges.estimates.clear();
        edges.factors.clear();
        let (vector, norm) = self.vectors.get(&self.shape, node);
        let distance = query.distance(vector, norm);
        let bytes = self.shape.code_bytes;
        edges.codes.resize(count * bytes, 0);
        for (edge, copy) in edges.to.iter().zip(edges.codes.chunks_exact_mut(bytes)) {
            let (factors, code) = self.coded(edge.id as usize - 1);
            edges.factors.push(factors);
            copy.copy_from_slice(code);
        }
        if let Some(estimator) = &query.estimator {
            estimator.estimate(
                &edges.factors,
                &edges.codes,
                &mut edges.scratch,
                &mut edges.estimates,
            );
        }
        Ok(Some(Visit {
            measure: Measure {
                distance,
                error: 0.0,
            },
            found: Some(()),
            filtered: false,
        }))
    }

    #[inline]
    fn expect(&self, mut soon: impl Iterator<Item = Pointer>) {
        if let Some(next) = soon.next() {
            let node = next.id as usize - 1;
            kernels::prefetch::all(self.vectors.get(&self.shape, node).0);
            kernels::prefetch::all(&self.lists[node * self.capacity..][..self.capacity]);
        }
    }

    fn distance(&self, query: &Query, at: Pointer) -> Result<Option<f64>> {
        let (vector, norm) = self.vectors.get(&self.shape, at.id as usize - 1);
        Ok(Some(query.distance(vector, norm)))
    }
}
