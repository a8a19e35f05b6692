//! Vectors in memory that become a graph: encoded, brought into an order in which near ones are near, and linked by
//! threads.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::arena::Arena;
use crate::basis::Basis;
use crate::error::{Result, filled};
use crate::estimator::{Estimator, Scratch};
use crate::layout::{Factors, Shape};
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
/// Nodes of a cell that the others are brought to. Their number is a byte of a key.
const PIVOTS: usize = 1 << u8::BITS;
/// Nodes between checks for interrupts where each takes no time to speak of.
const MANY: usize = 1 << 14;
/// Nodes that a thread encodes at a time.
const SLAB: usize = 64;

/// Numbers by which near nodes come together, of their codes: a node's cell, and the nearest of some nodes in it. `order` has
/// all nodes at random.
pub(crate) fn near<S: PageStore>(
    store: S,
    basis: &Arc<Basis>,
    (factors, codes): (&[Factors], &[u8]),
    order: &[u32],
    threads: Threads,
) -> Result<Vec<AtomicU16>> {
    let bytes = codes.len() / factors.len().max(1);
    let coded = |node: usize| (factors[node], &codes[node * bytes..][..bytes]);
    let cell = |code: &[u8]| code[bytes - 1];
    let mut pivots = vec![(Vec::new(), Vec::new()); basis.cells()];
    for &node in order {
        let (factors, code) = coded(node as usize);
        let pivots = &mut pivots[usize::from(cell(code))];
        if pivots.0.len() < PIVOTS {
            pivots.0.push(factors);
            pivots.1.extend_from_slice(code);
        }
    }
    for pivots in &mut pivots {
        store.interrupt()?;
        chain(basis, bytes, pivots);
    }
    let keys = filled(order.len(), || AtomicU16::new(0))?;
    let work = |(scratch, estimates): &mut (Scratch, Vec<f32>), node| {
        let (factors, code) = coded(node);
        let (pivot_factors, pivot_codes) = &pivots[usize::from(cell(code))];
        estimates.clear();
        Estimator::of_code(basis, factors, code).estimate(
            pivot_factors,
            pivot_codes,
            scratch,
            estimates,
        );
        let nearest = (0..=u8::MAX)
            .zip(&*estimates)
            .min_by(|a, b| a.1.total_cmp(b.1))
            .map_or(0, |(pivot, _)| pivot);
        let key = u16::from_be_bytes([cell(code), nearest]);
        keys[node].store(key, Ordering::Relaxed);
        Ok(())
    };
    in_parallel(store, threads, 0..order.len(), work, |_| ())?;
    Ok(keys)
}

/// Puts codes of a cell in an order in which each is followed by the nearest of the others.
fn chain(basis: &Arc<Basis>, bytes: usize, codes: &mut (Vec<Factors>, Vec<u8>)) {
    let (mut scratch, mut estimates) = (Scratch::default(), Vec::new());
    for at in 1..codes.0.len() {
        let before = &codes.1[(at - 1) * bytes..][..bytes];
        estimates.clear();
        Estimator::of_code(basis, codes.0[at - 1], before).estimate(
            &codes.0[at..],
            &codes.1[at * bytes..],
            &mut scratch,
            &mut estimates,
        );
        let nearest = (at..)
            .zip(&estimates)
            .min_by(|a, b| a.1.total_cmp(b.1))
            .map_or(at, |(nearest, _)| nearest);
        if nearest > at {
            codes.0.swap(at, nearest);
            swap(&mut codes.1, bytes, at, nearest);
        }
    }
}

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
        near(store, basis, (&self.factors, &self.codes), order, threads)
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
