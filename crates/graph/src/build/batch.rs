//! Vectors in memory that become a graph: encoded, brought into an order in which near ones are near, and linked by
//! threads.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::arena::Arena;
use crate::basis::Basis;
use crate::error::{Result, filled};
use crate::layout::{Factors, Shape};
use crate::near;
use crate::random::Random;
use crate::search::Search;
use crate::store::PageStore;
use crate::threads::{Threads, in_parallel};
use crate::vectors::{Vectors, swap};

/// Nodes that the caller's thread adds alone, so that threads find something to link to.
const ALONE: usize = 64;
/// Nodes that are added first, in random order. The others follow in rounds, each of them random nodes in the
/// order of their places, so that a node finds its neighbours in memory that the one before has brought
/// near, in a graph that is one whole (Amenta, Choi and Rote: Incremental constructions con BRIO, 2003).
const SCATTERED: usize = 1 << 14;
/// How much larger each round is than all before.
const ROUND: usize = 4;
/// Nodes between checks for interrupts where each takes no time to speak of.
const MANY: usize = 1 << 14;
/// Nodes that a thread encodes at a time.
const SLAB: usize = 64;

/// Vectors with their codes.
pub(crate) struct Batch {
    pub(crate) shape: Shape,
    pub(crate) vectors: Vectors,
    /// Of their codes, once they are encoded.
    pub(crate) factors: Vec<Factors>,
    pub(crate) codes: Vec<u8>,
}

impl Batch {
    pub(crate) fn new(shape: Shape, vectors: Vectors) -> Self {
        Self {
            shape,
            vectors,
            factors: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// Number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.vectors.len()
    }

    /// All nodes in random order.
    pub(crate) fn shuffled(&self) -> Result<Vec<u32>> {
        let mut order = numbers(self.nodes())?;
        Random::new(self.nodes() as u64).shuffle(&mut order);
        Ok(order)
    }

    /// Encodes all vectors.
    pub(crate) fn encode<S: PageStore>(
        &mut self,
        store: S,
        basis: &Basis,
        threads: Threads,
    ) -> Result<()> {
        let (nodes, bytes) = (self.nodes(), self.shape.code_bytes);
        self.factors = filled(nodes, || Factors::UNCODED)?;
        self.codes = filled(nodes * bytes, || 0)?;
        let slabs: Vec<_> = self
            .factors
            .chunks_mut(SLAB)
            .zip(self.codes.chunks_mut(SLAB * bytes))
            .map(Mutex::new)
            .collect();
        let encode = |(): &mut (), slab: usize| {
            // Nobody else asks for it: each is worked on once.
            let mut slab_of = slabs[slab].lock().unwrap_or_else(PoisonError::into_inner);
            let (factors, codes) = &mut *slab_of;
            let codes = codes.chunks_exact_mut(bytes);
            for (node, (factors, bytes)) in (slab * SLAB..).zip(factors.iter_mut().zip(codes)) {
                let (vector, norm) = self.vectors.get(&self.shape, node);
                let code = basis.encode(vector, norm);
                *factors = code.factors;
                bytes.copy_from_slice(&code.bytes);
            }
            Ok(())
        };
        in_parallel(store, threads, 0..slabs.len(), encode, |_| ())
    }

    /// The factors and the code of a node.
    pub(crate) fn coded(&self, node: usize) -> (Factors, &[u8]) {
        let bytes = self.shape.code_bytes;
        (self.factors[node], &self.codes[node * bytes..][..bytes])
    }

    /// Numbers by which near nodes come together.
    fn keys<S: PageStore>(
        &self,
        store: S,
        basis: &Arc<Basis>,
        order: &[u32],
        threads: Threads,
    ) -> Result<Vec<AtomicU16>> {
        near::keys(store, basis, (&self.factors, &self.codes), order, threads)
    }

    /// Brings the nodes together that are near, `also` whatever else is kept of them, by swapping two of them at a
    /// time. Returns the new place of each node. `order` has all of them at random.
    pub(crate) fn arrange<S: PageStore>(
        &mut self,
        store: S,
        basis: &Arc<Basis>,
        order: &[u32],
        threads: Threads,
        mut also: impl FnMut(usize, usize),
    ) -> Result<Vec<u32>> {
        let keys = self.keys(store, basis, order, threads)?;
        let bytes = self.shape.code_bytes;
        let mut order = numbers(self.nodes())?;
        order.sort_by_key(|&node| keys[node as usize].load(Ordering::Relaxed));
        drop(keys);
        for place in 0..order.len() {
            if place % MANY == 0 {
                store.interrupt()?;
            }
            // What belongs here may have been swapped for what was there.
            let mut from = order[place] as usize;
            while from < place {
                from = order[from] as usize;
            }
            if from != place {
                self.vectors.swap(place, from);
                self.factors.swap(place, from);
                swap(&mut self.codes, bytes, place, from);
                also(place, from);
            }
        }
        let mut places = filled(order.len(), || 0)?;
        for (place, node) in (0..).zip(order) {
            places[node as usize] = place;
        }
        Ok(places)
    }

    /// The graph of the nodes, with `ef` candidates for each one's neighbours. `order` has all nodes at random, and
    /// afterwards in the order in which they were added. `progress` is told how many were.
    pub(crate) fn link<S: PageStore>(
        self,
        store: S,
        basis: &Arc<Basis>,
        order: &mut [u32],
        ef: usize,
        threads: Threads,
        progress: impl FnMut(usize),
    ) -> Result<Arena> {
        let nodes = self.nodes();
        let mut end = nodes;
        while end > SCATTERED {
            let start = (end / ROUND).max(SCATTERED);
            order[start..end].sort_unstable();
            end = start;
        }
        let arena = Arena::new(
            &self.shape,
            basis.clone(),
            self.vectors,
            (self.factors, self.codes),
            order,
        )?;
        let mut search = Search::default();
        for (added, &node) in order.iter().enumerate().take(ALONE) {
            arena.add(&mut search, node as usize, added, ef)?;
        }
        let add = |search: &mut Search<_, _>, added: usize| {
            arena.add(search, order[added] as usize, added, ef)
        };
        in_parallel(store, threads, ALONE.min(nodes)..nodes, add, progress)?;
        let prune = |(): &mut (), node| {
            arena.prune(node);
            Ok(())
        };
        in_parallel(store, threads, 0..nodes, prune, |_| ())?;
        Ok(arena)
    }
}

/// The numbers of `count` nodes.
fn numbers(count: usize) -> Result<Vec<u32>> {
    let mut next = 0;
    filled(count, || {
        next += 1;
        next - 1
    })
}
