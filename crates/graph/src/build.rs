//! Building an index of rows that are there already.
//!
//! The rows are collected, equal vectors as one node, until the memory granted is used up; then the
//! basis of the codes is trained, near nodes are brought together, threads add them in rounds to a
//! graph in memory, and the pages are written one after the other. Searches follow estimates from codes,
//! which fit a cache where vectors do not, and edges are chosen by exact distances. Only the caller's
//! thread touches the store.
//!
//! Rows beyond the budget are for the caller to [`insert`] one by one. An index too small to train
//! on is filled so as a whole.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use half::slice::HalfFloatSliceExt;
use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use crate::arena::Arena;
use crate::basis::{Basis, Code, SAMPLE, enough};
use crate::directory;
use crate::entries::{self, SAMPLED};
use crate::error::{Error, Result, filled};
use crate::estimator::{Estimator, Scratch};
use crate::filter::merge;
use crate::index::{Index, Parameters};
use crate::insert::insert;
use crate::layout::{Factors, INLINE_TIDS, Kind, Pointer, Shape, Tid};
use crate::random::Random;
use crate::rescue::rescue;
use crate::search::Search;
use crate::space::Space;
use crate::store::{PageStore, Write};
use crate::threads::{Threads, in_parallel};
use crate::tids::NewRow;
use crate::vectors::{Vectors, swap};

/// Nodes that the caller's thread adds alone, so that threads find something to link to.
const ALONE: usize = 64;
/// Nodes that are added first, in random order. The others follow in rounds, each of them random nodes in the
/// order of their places, so that a node finds its neighbours in memory that the one before has brought
/// near, in a graph that is one whole (Amenta, Choi and Rote: Incremental constructions con BRIO, 2003).
const SCATTERED: usize = 1 << 14;
/// How much larger each round is than all before.
const ROUND: usize = 4;
/// Nodes of a cell that the others are brought to.
const PIVOTS: usize = 64;
/// Nodes between checks for interrupts where each takes no time to speak of.
const MANY: usize = 1 << 14;
/// Nodes that a thread encodes at a time.
const SLAB: usize = 64;
/// Bytes for whatever is small.
const SMALL_BYTES: usize = 1 << 24;
/// What a build is at, after its rows were collected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Training the basis of the codes, and encoding.
    Training,
    /// Linking nodes in memory.
    Linking,
    /// Writing pages.
    Writing,
}

/// Rows on their way into an index.
pub struct Builder {
    parameters: Parameters,
    shape: Shape,
    /// Bytes granted.
    budget: usize,
    vectors: Vectors,
    /// A row of each node.
    tids: Vec<Tid>,
    /// Words of the filter columns of each node.
    words: Vec<u64>,
    /// The other rows of nodes that have more than one.
    more: FxHashMap<u32, Vec<Tid>>,
    more_count: usize,
    /// Nodes by their vectors.
    by_vector: HashTable<u32>,
}

impl Builder {
    /// A build that uses up to `budget` bytes of memory.
    ///
    /// # Errors
    /// As [`Index::create`].
    pub fn new(parameters: Parameters, budget: usize) -> Result<Self> {
        Ok(Self {
            shape: parameters.shape()?,
            parameters,
            budget,
            vectors: Vectors::default(),
            tids: Vec::new(),
            words: Vec::new(),
            more: FxHashMap::default(),
            more_count: 0,
            by_vector: HashTable::new(),
        })
    }

    /// Number of nodes so far.
    pub fn nodes(&self) -> usize {
        self.tids.len()
    }

    /// Bytes of memory that the build will have used at its peak.
    fn bytes(&self) -> usize {
        let nodes = self.tids.len();
        // A hash table is at most 7/8 full, and twice as large as needed after growing: while it grows, the former is
        // there as well.
        let table = |entry: usize| 3 * (entry + 1);
        let node = 2 * self.shape.dims
            + size_of::<f32>()
            + size_of::<Tid>()
            + self.shape.columns * size_of::<u64>()
            + table(size_of::<u32>());
        let row = 2 * size_of::<Tid>() + table(size_of::<(u32, Vec<Tid>)>());
        nodes * node + self.more_count * row + self.bytes_to_come()
    }

    /// Bytes of them that are allocated when all rows are there.
    fn bytes_to_come(&self) -> usize {
        let nodes = self.tids.len();
        // The sample is gone when the graph begins to grow.
        let graph = nodes * (Arena::node_bytes(&self.shape) + 2 * size_of::<u32>());
        graph.max(Basis::training_bytes(&self.shape, nodes.min(SAMPLE)))
    }

    /// Adds a row. Returns false, and does not add it, when the budget is used up.
    ///
    /// A vector of norm zero has no cosine distance and is left out.
    ///
    /// # Errors
    /// When the vector has another number of dimensions than the index, or there is no memory.
    pub fn push<'w>(&mut self, vector: &[f16], row: impl Into<NewRow<'w>>) -> Result<bool> {
        let NewRow { tid, words } = row.into();
        debug_assert_eq!(words.len(), self.shape.columns);
        if vector.len() != self.shape.dims {
            return Err(Error::Dimensions {
                expected: self.shape.dims,
                found: vector.len(),
            });
        }
        if !self.parameters.metric.takes(vector) {
            return Ok(true);
        }
        if self.bytes() >= self.budget {
            return Ok(false);
        }
        let node = self.tids.len() as u32;
        let (shape, vectors) = (self.shape, &mut self.vectors);
        let hash_of = hash(vector);
        let is_equal = |&other: &u32| vectors.get(&shape, other as usize).0 == vector;
        if let Some(&equal) = self.by_vector.find(hash_of, is_equal) {
            self.more.try_reserve(1)?;
            let rows = self.more.entry(equal).or_default();
            rows.try_reserve(1)?;
            rows.push(tid);
            let own = &mut self.words[equal as usize * words.len()..];
            for (own, &word) in own.iter_mut().zip(words) {
                *own = merge(*own, word);
            }
            self.more_count += 1;
            return Ok(true);
        }
        let rehash = |vectors: &Vectors, node: u32| hash(vectors.get(&shape, node as usize).0);
        self.by_vector
            .try_reserve(1, |&node| rehash(vectors, node))
            .map_err(|_| Error::Memory)?;
        self.tids.try_reserve(1)?;
        self.words.try_reserve(words.len())?;
        vectors.push(vector, kernels::norm_squared(vector))?;
        self.by_vector
            .insert_unique(hash_of, node, |&node| rehash(vectors, node));
        self.tids.push(tid);
        self.words.extend_from_slice(words);
        Ok(true)
    }

    /// Builds the graph and writes the index to an empty store. `progress` is told of the phase, and how
    /// many nodes of how many are done.
    ///
    /// # Errors
    /// When the store fails or asks to stop, or there is no memory.
    pub fn finish<S: PageStore>(
        mut self,
        store: S,
        threads: Threads,
        mut progress: impl FnMut(Phase, usize, usize),
    ) -> Result<Index<S>> {
        let mut index = Index::create(store, &self.parameters)?;
        self.by_vector = HashTable::new();
        let nodes = self.tids.len();
        if nodes < enough(&self.shape) {
            for node in 0..nodes {
                let (vector, _) = self.vectors.get(&self.shape, node);
                let more = self.more.get(&(node as u32)).into_iter().flatten();
                let words = self.words(node);
                for &tid in std::iter::once(&self.tids[node]).chain(more) {
                    insert(&mut index, vector, NewRow { tid, words })?;
                }
            }
            return Ok(index);
        }
        // Small allocations cannot fail in an orderly way: it is time to know whether there is room for all.
        Vec::<u8>::new().try_reserve_exact(self.bytes_to_come() + SMALL_BYTES)?;
        progress(Phase::Training, 0, nodes);
        let mut order = numbers(nodes)?;
        Random::new(nodes as u64).shuffle(&mut order);
        let basis = Arc::new(self.train(store, &order)?);
        let mut codes = self.encode(store, &basis, threads)?;
        let keys = self.keys(store, &basis, &codes, &order, threads)?;
        self.arrange(store, &mut codes, &keys)?;
        let mut end = nodes;
        while end > SCATTERED {
            let start = (end / ROUND).max(SCATTERED);
            order[start..end].sort_unstable();
            end = start;
        }
        let arena = Arena::new(&self.shape, basis.clone(), &self.vectors, codes, &order)?;
        let ef = self.parameters.ef_construction;
        let mut search = Search::default();
        for (added, &node) in order.iter().enumerate().take(ALONE) {
            arena.add(&mut search, node as usize, added, ef)?;
        }
        let add = |search: &mut Search<_, _>, added: usize| {
            arena.add(search, order[added] as usize, added, ef)
        };
        in_parallel(store, threads, ALONE..nodes, add, |added| {
            progress(Phase::Linking, added, nodes);
        })?;
        let prune = |(): &mut (), node| {
            arena.prune(node);
            Ok(())
        };
        in_parallel(store, threads, 0..nodes, prune, |_| ())?;
        let entries = &order[..nodes.div_ceil(SAMPLED)];
        rescue(store, &arena, entries)?;
        self.write(&mut index, &basis, &arena, entries, |written| {
            progress(Phase::Writing, written, nodes);
        })?;
        Ok(index)
    }

    /// The words of a node.
    fn words(&self, node: usize) -> &[u64] {
        &self.words[node * self.shape.columns..][..self.shape.columns]
    }

    fn train<S: PageStore>(&self, store: S, order: &[u32]) -> Result<Basis> {
        let sample = &order[..order.len().min(SAMPLE)];
        let node = |&node: &u32| self.vectors.get(&self.shape, node as usize);
        let norms = sample.iter().map(|at| node(at).1);
        let space = Space::fit(self.parameters.metric, norms);
        let points = sample.iter().map(node);
        let points = points.flat_map(|(vector, norm)| space.node(vector, norm));
        Basis::train(space, &self.shape, 1, points.collect(), || {
            store.interrupt()
        })
    }

    fn encode<S: PageStore>(
        &self,
        store: S,
        basis: &Basis,
        threads: Threads,
    ) -> Result<(Vec<Factors>, Vec<u8>)> {
        let (nodes, bytes) = (self.tids.len(), self.shape.code_bytes);
        let mut factors = filled(nodes, || Factors::UNCODED)?;
        let mut codes = filled(nodes * bytes, || 0)?;
        let slabs: Vec<_> = factors
            .chunks_mut(SLAB)
            .zip(codes.chunks_mut(SLAB * bytes))
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
        in_parallel(store, threads, 0..slabs.len(), encode, |_| ())?;
        drop(slabs);
        Ok((factors, codes))
    }

    /// Numbers by which near nodes come together: a node's cell, and the nearest of some nodes in it.
    fn keys<S: PageStore>(
        &self,
        store: S,
        basis: &Arc<Basis>,
        (factors, codes): &(Vec<Factors>, Vec<u8>),
        order: &[u32],
        threads: Threads,
    ) -> Result<Vec<AtomicU16>> {
        let bytes = self.shape.code_bytes;
        let code = |node: usize| (factors[node], &codes[node * bytes..][..bytes]);
        let cell = |code: &[u8]| code[bytes - 1];
        let mut pivots = vec![(Vec::new(), Vec::new()); basis.cells()];
        for &node in order {
            let (factors, code) = code(node as usize);
            let pivots = &mut pivots[usize::from(cell(code))];
            if pivots.0.len() < PIVOTS {
                pivots.0.push(factors);
                pivots.1.extend_from_slice(code);
            }
        }
        let keys = filled(order.len(), || AtomicU16::new(0))?;
        let work = |(scratch, estimates): &mut (Scratch, Vec<f32>), node| {
            let (factors, code) = code(node);
            let (pivot_factors, pivot_codes) = &pivots[usize::from(cell(code))];
            estimates.clear();
            Estimator::of_code(basis, factors, code).estimate(
                pivot_factors,
                pivot_codes,
                scratch,
                estimates,
            );
            let nearest = (0_u8..)
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

    /// Brings the nodes into the order of their keys.
    fn arrange<S: PageStore>(
        &mut self,
        store: S,
        (factors, codes): &mut (Vec<Factors>, Vec<u8>),
        keys: &[AtomicU16],
    ) -> Result<()> {
        let bytes = self.shape.code_bytes;
        let mut order = numbers(self.tids.len())?;
        order.sort_by_key(|&node| keys[node as usize].load(Ordering::Relaxed));
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
                self.tids.swap(place, from);
                swap(&mut self.words, self.shape.columns, place, from);
                factors.swap(place, from);
                swap(codes, bytes, place, from);
            }
        }
        let more = std::mem::take(&mut self.more);
        let mut places = filled(order.len(), || 0)?;
        for (place, node) in (0..).zip(order) {
            places[node as usize] = place;
        }
        self.more = more
            .into_iter()
            .map(|(node, tids)| (places[node as usize], tids))
            .collect();
        Ok(())
    }

    fn write<S: PageStore>(
        &self,
        index: &mut Index<S>,
        basis: &Arc<Basis>,
        arena: &Arena<'_>,
        entries: &[u32],
        mut progress: impl FnMut(usize),
    ) -> Result<()> {
        let shape = self.shape;
        let nodes = self.tids.len();
        let first = index.store.blocks()?;
        let first_id = shape.id(first, 0)?;
        let place = |at: usize| {
            u32::try_from(at)
                .ok()
                .and_then(|at| first_id.checked_add(at))
                .map(|id| Pointer::new(id, 0))
                .ok_or(Error::Full { limit: 1 << 32 })
        };
        let (chains, mut heads) = (self.chains(), FxHashMap::default());
        // Slots of a chain follow each other, so the last one to be written is the first.
        for (i, &(node, _)) in chains.iter().enumerate() {
            heads.insert(node, place(nodes + i)?);
        }
        let slots = nodes + chains.len();
        let mut at = 0;
        while at < slots {
            index.store.interrupt()?;
            progress(at.min(nodes));
            let (block, mut page) = index.extend()?;
            if shape.id(block, 0)? != place(at)?.id {
                return Err(Error::corrupt(block, "another process extends a new index"));
            }
            page.init(Kind::Nodes, 0);
            for slot in 0..shape.slots.min(slots - at) {
                let mut slot = page.slot_mut(&shape, slot);
                if at < nodes {
                    let (vector, norm) = self.vectors.get(&shape, at);
                    slot.init_node(vector, norm);
                    let (factors, code) = arena.coded(at);
                    slot.set_own(basis.epoch(), factors, code);
                    slot.header_mut().edge_epoch = basis.epoch();
                    slot.set_degree(arena.edges(at).count());
                    for (number, edge) in arena.edges(at).enumerate() {
                        let (factors, code) = arena.coded(edge as usize);
                        slot.set_edge(number, place(edge as usize)?, factors, code);
                    }
                    slot.set_words(self.words(at));
                    slot.push_tid(self.tids[at]);
                    let more = self.more.get(&(at as u32));
                    for &tid in more.into_iter().flatten().take(INLINE_TIDS - 1) {
                        slot.push_tid(tid);
                    }
                    if let Some(&head) = heads.get(&(at as u32)) {
                        slot.set_overflow(head);
                    }
                } else {
                    let (node, tids) = chains[at - nodes];
                    let follows = at > nodes && chains[at - nodes - 1].0 == node;
                    let next = if follows {
                        place(at - 1)?
                    } else {
                        Pointer::NONE
                    };
                    slot.init_overflow(place(node as usize)?, next);
                    for &tid in tids {
                        slot.push_tid(tid);
                    }
                }
                at += 1;
            }
            page.commit()?;
            if at == slots && !slots.is_multiple_of(shape.slots) {
                index.store.note_free(block)?;
            }
        }
        let mut listed = Vec::with_capacity(entries.len());
        for &entry in entries {
            let (factors, code) = arena.coded(entry as usize);
            let code = Code {
                factors,
                bytes: code.into(),
            };
            listed.push((place(entry as usize)?, code));
        }
        let (mut directory, mut room) = (0, 0);
        if shape.columns > 0 {
            let listed = (0..nodes).map(|at| {
                let (factors, code) = arena.coded(at);
                Ok((place(at)?, self.words(at), factors, code))
            });
            (directory, room) = directory::write(index, basis.epoch(), listed)?;
        }
        let basis_block = index.write_basis(basis)?;
        let roots = entries::write(index, basis, &listed)?;
        let blocks = index.store.blocks()?;
        index.change_meta(|meta| {
            meta.directory = directory;
            meta.room = room;
            meta.explored = blocks;
            meta.epoch = basis.epoch();
            meta.recoded = basis.epoch();
            meta.basis = basis_block;
            meta.basis_hash = basis.hash();
            meta.roots = roots;
            meta.trained_on = nodes as u32;
            meta.entry = listed[0].0;
            true
        })?;
        index.refresh()
    }

    /// What goes into each overflow slot, those of a node one after the other.
    fn chains(&self) -> Vec<(u32, &[Tid])> {
        let mut owners: Vec<_> = self.more.iter().collect();
        owners.sort_unstable_by_key(|&(&node, _)| node);
        owners
            .into_iter()
            .flat_map(|(&node, tids)| {
                tids.get(INLINE_TIDS - 1..)
                    .unwrap_or_default()
                    .chunks(self.shape.overflow_tids())
                    .map(move |tids| (node, tids))
            })
            .collect()
    }
}

/// A hash of a vector's bits.
fn hash(vector: &[f16]) -> u64 {
    let bits: &[u16] = vector.reinterpret_cast();
    let mut hasher = FxHasher::default();
    hasher.write(bytemuck::cast_slice(bits));
    hasher.finish()
}

/// The numbers of `count` nodes.
fn numbers(count: usize) -> Result<Vec<u32>> {
    let mut next = 0;
    filled(count, || {
        next += 1;
        next - 1
    })
}
