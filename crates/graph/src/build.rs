//! Building an index of rows that are there already.
//!
//! Rows are [collected](self::collect), equal vectors as one node. While all fit the memory granted, the basis of the
//! codes is trained, near nodes are brought together, threads add them in rounds to a graph in memory
//! (`build/batch.rs`), and the pages are written one after the other (`build/write.rs`). Searches follow estimates from
//! codes, which fit a cache where vectors do not, and edges are chosen by exact distances. Only the caller's thread
//! touches the store.
//!
//! Rows that do not fit are put aside in files of the store, all of them, and
//!
//! 1. divided into parts around centres, small enough that a graph of one fits (`build/divide.rs`);
//! 2. numbered, part by part, in the order in which they will lie on pages; each is also told to the part of the next
//!    centre (`build/number.rs`);
//! 3. linked, part by part: the graph of a part's own nodes and of those told to it. A node has two lists of neighbours
//!    then, of which the second graph makes one (`build/part.rs`);
//! 4. written, with the codes of neighbours read again (`build/merge.rs`).
//!
//! The idea of overlapping parts is DiskANN's (Subramanya et al., 2019), which joins lists without looking at their
//! vectors.
//!
//! An index too small to train on is filled row by row.

mod batch;
mod collect;
mod divide;
mod memory;
mod merge;
mod number;
mod part;
mod write;

use std::sync::Arc;

use half::f16;

use crate::arena::Arena;
use crate::basis::{Basis, Code, SAMPLE, enough};
use crate::directory;
use crate::entries::SAMPLED;
use crate::error::{Error, Result};
use crate::index::{Index, Parameters};
use crate::insert::insert;
use crate::layout::{INLINE_TIDS, Shape, Tid};
use crate::rescue::rescue;
use crate::space::Space;
use crate::spool::Records;
use crate::store::PageStore;
use crate::threads::Threads;
use crate::tids::NewRow;
use crate::vectors::{Vectors, swap};

use batch::Batch;
use collect::{Aside, Collected, Row};
use divide::Division;
use memory::Plan;
use merge::Parts;
use number::Numbered;
use write::{Source, Staged};

pub use memory::Estimate;

/// Bytes for whatever is small, which are looked for before a build in memory begins.
const SMALL_BYTES: usize = 1 << 24;

/// What a build is at, after its rows were collected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Training the basis of the codes, and encoding.
    Training,
    /// Dividing rows into parts; counts rows.
    Dividing,
    /// Bringing the nodes of each part into an order; counts rows.
    Ordering,
    /// Linking nodes in memory.
    Linking,
    /// Writing pages.
    Writing,
}

/// Rows on their way into an index.
pub struct Builder<S: PageStore> {
    store: S,
    parameters: Parameters,
    shape: Shape,
    /// Bytes granted.
    budget: usize,
    /// Rows in memory, until they are too many.
    collected: Collected,
    /// Then, all rows.
    aside: Option<Aside>,
}

/// What a build of so many different vectors takes within `budget` bytes of memory.
///
/// # Errors
/// As [`Index::create`].
pub fn estimate(parameters: &Parameters, rows: u64, budget: usize) -> Result<Estimate> {
    Ok(memory::estimate(&parameters.shape()?, rows, budget))
}

impl<S: PageStore> Builder<S> {
    /// A build into an empty store that uses up to `budget` bytes of memory, or as few as it can.
    ///
    /// # Errors
    /// As [`Index::create`].
    pub fn new(store: S, parameters: Parameters, budget: usize) -> Result<Self> {
        Ok(Self {
            store,
            shape: parameters.shape()?,
            parameters,
            budget,
            collected: Collected::default(),
            aside: None,
        })
    }

    /// Bytes of memory that a build of what is in memory will have used at its peak.
    fn bytes(&self) -> usize {
        self.collected.bytes(&self.shape) + self.bytes_to_come()
    }

    /// Bytes of them that are allocated when all rows are there.
    fn bytes_to_come(&self) -> usize {
        let nodes = self.collected.nodes();
        // The sample is gone when the graph begins to grow.
        let graph = nodes * memory::linking_bytes(&self.shape);
        graph.max(memory::training_bytes(&self.shape, nodes))
    }

    /// Adds a row.
    ///
    /// A vector of norm zero has no cosine distance and is left out.
    ///
    /// # Errors
    /// When the vector has another number of dimensions than the index, or there is no memory or no room in the store.
    pub fn push<'w>(&mut self, vector: &[f16], row: impl Into<NewRow<'w>>) -> Result<()> {
        let row = row.into();
        debug_assert_eq!(row.words.len(), self.shape.columns);
        if vector.len() != self.shape.dims {
            return Err(Error::Dimensions {
                expected: self.shape.dims,
                found: vector.len(),
            });
        }
        if !self.parameters.metric.takes(vector) {
            return Ok(());
        }
        if self.aside.is_none() && self.bytes() >= self.budget {
            self.put_aside()?;
        }
        match &mut self.aside {
            Some(aside) => aside.push(&self.shape, vector, row),
            None => self.collected.push(&self.shape, vector, row),
        }
    }

    /// Puts what is in memory aside.
    fn put_aside(&mut self) -> Result<()> {
        let plan = Plan::new(&self.shape, 0, self.budget);
        let rows = Records::new(self.store.spool()?, Row::words(&self.shape));
        let mut aside = Aside::new(rows, plan.sample);
        let collected = std::mem::take(&mut self.collected);
        aside.take(&self.shape, collected, || self.store.interrupt())?;
        self.aside = Some(aside);
        Ok(())
    }

    /// Builds the graph and writes the index. `progress` is told of the phase, and how many nodes of how many are done.
    ///
    /// # Errors
    /// When the store fails or asks to stop, or there is no memory.
    pub fn finish(
        mut self,
        threads: Threads,
        progress: impl FnMut(Phase, u64, u64),
    ) -> Result<Index<S>> {
        let mut index = Index::create(self.store, &self.parameters)?;
        match self.aside.take() {
            Some(aside) => self.finish_aside(&mut index, aside, threads, progress)?,
            None => self.finish_collected(&mut index, threads, progress)?,
        }
        Ok(index)
    }

    fn finish_collected(
        self,
        index: &mut Index<S>,
        threads: Threads,
        mut progress: impl FnMut(Phase, u64, u64),
    ) -> Result<()> {
        let (store, shape, bytes) = (self.store, self.shape, self.bytes_to_come());
        let Collected {
            distinct,
            mut tids,
            mut words,
            mut more,
            ..
        } = self.collected;
        let vectors = distinct.vectors;
        let nodes = tids.len();
        if nodes < enough(&shape) {
            for node in 0..nodes {
                let vector = vectors.get(&shape, node).0;
                let more = more.get(&(node as u32)).into_iter().flatten();
                let words = &words[node * shape.columns..][..shape.columns];
                for &tid in std::iter::once(&tids[node]).chain(more) {
                    insert(index, vector, NewRow { tid, words })?;
                }
            }
            return Ok(());
        }
        // Small allocations cannot fail in an orderly way: it is time to know whether there is room for all.
        Vec::<u8>::new().try_reserve_exact(bytes + SMALL_BYTES)?;
        progress(Phase::Training, 0, nodes as u64);
        let mut batch = Batch::new(shape, vectors);
        let mut order = batch.shuffled()?;
        let sample = order.iter().take(SAMPLE).map(|&node| node as usize);
        let basis = Arc::new(train(
            store,
            &self.parameters,
            &shape,
            &batch.vectors,
            sample,
        )?);
        batch.encode(store, &basis, threads)?;
        let places = batch.arrange(store, &basis, &order, threads, |a, b| {
            tids.swap(a, b);
            swap(&mut words, shape.columns, a, b);
        })?;
        more = more
            .into_iter()
            .map(|(node, tids)| (places[node as usize], tids))
            .collect();
        drop(places);
        let ef = self.parameters.ef_construction;
        let arena = batch.link(store, &basis, &mut order, ef, threads, |added| {
            progress(Phase::Linking, added as u64, nodes as u64);
        })?;
        let entries = &order[..nodes.div_ceil(SAMPLED)];
        rescue(store, &arena, entries)?;
        let mut others: Vec<(u32, &[Tid])> = more
            .iter()
            .map(|(&node, tids)| (node, tids.get(INLINE_TIDS - 1..).unwrap_or_default()))
            .collect();
        others.sort_unstable_by_key(|&(node, _)| node);
        let others = others.iter();
        let mut source = Linked {
            arena: &arena,
            tids: &tids,
            words: &words,
            more: &more,
            others: others.flat_map(|&(node, tids)| tids.iter().map(move |&tid| (node, tid))),
        };
        let place = write::places(index)?;
        let means = write::nodes(index, &basis, &mut source, &place, |written| {
            progress(Phase::Writing, written as u64, nodes as u64);
        })?;
        let mut listed = Vec::with_capacity(entries.len());
        for &entry in entries {
            let (factors, code) = arena.coded(entry as usize);
            let code = Code {
                factors,
                bytes: code.into(),
            };
            listed.push((place(entry as usize)?, code));
        }
        write::rest(index, &basis, &mut source, &place, means, &listed)
    }

    fn finish_aside(
        self,
        index: &mut Index<S>,
        aside: Aside,
        threads: Threads,
        mut progress: impl FnMut(Phase, u64, u64),
    ) -> Result<()> {
        let (store, shape) = (self.store, self.shape);
        let Aside {
            mut rows, sample, ..
        } = aside;
        let plan = Plan::new(&shape, rows.count(), self.budget);
        let count = rows.count();
        let of_sample = sample.of.vectors.len();
        if of_sample < enough(&shape) {
            let mut record = vec![0; rows.words()];
            let mut words = Vec::new();
            for row in 0..count {
                rows.read(row, &mut record)?;
                words.clear();
                words.extend(Row::words_of(&shape, &record));
                let row = NewRow {
                    tid: Row::tid(&record),
                    words: &words,
                };
                insert(index, Row::vector(&shape, &record), row)?;
            }
            rows.close();
            return Ok(());
        }
        progress(Phase::Training, 0, count);
        let trained = 0..of_sample.min(plan.trained);
        let basis = train(store, &self.parameters, &shape, &sample.of.vectors, trained)?;
        let basis = Arc::new(basis);
        let division = Division {
            store,
            shape,
            space: basis.space(),
            plan,
            threads,
        };
        let (centres, parts) = division.divide(rows, sample, |done| {
            progress(Phase::Dividing, done, count);
        })?;
        let mut numbered = Numbered::new(&division, &basis, &centres, parts, |done| {
            progress(Phase::Ordering, done, count);
        })?;
        drop(centres);
        let nodes = numbered.nodes();
        // A node in several parts has as many times the candidates.
        let ef = (self.parameters.ef_construction * 3 / 4).max(4);
        let lists = part::link(&division, &basis, &mut numbered, ef, |done| {
            progress(Phase::Linking, done, nodes);
        })?;
        let mut parts = Parts::new(&division, numbered, lists)?;
        let place = write::places(index)?;
        let means = write::nodes(index, &basis, &mut parts, &place, |written| {
            progress(Phase::Writing, written as u64, nodes);
        })?;
        let entries = parts.entries(&place)?;
        write::rest(index, &basis, &mut parts, &place, means, &entries)?;
        parts.close();
        Ok(())
    }
}

/// Trains a basis on some of the vectors.
fn train<S: PageStore>(
    store: S,
    parameters: &Parameters,
    shape: &Shape,
    vectors: &Vectors,
    sample: impl Iterator<Item = usize> + Clone,
) -> Result<Basis> {
    let node = |node| vectors.get(shape, node);
    let norms = sample.clone().map(|at| node(at).1);
    let space = Space::fit(parameters.metric, norms);
    let points = sample.map(node);
    let points = points.flat_map(|(vector, norm)| space.node(vector, norm));
    Basis::train(space, shape, 1, points.collect(), || store.interrupt())
}

/// Nodes of a graph in memory, staged for their pages.
struct Linked<'a, O> {
    arena: &'a Arena,
    tids: &'a [Tid],
    words: &'a [u64],
    more: &'a rustc_hash::FxHashMap<u32, Vec<Tid>>,
    others: O,
}

impl<O> Linked<'_, O> {
    fn words_of(&self, node: usize) -> &[u64] {
        let columns = self.arena.shape.columns;
        &self.words[node * columns..][..columns]
    }
}

impl<O: Iterator<Item = (u32, Tid)>> Source for Linked<'_, O> {
    fn nodes(&self) -> usize {
        self.tids.len()
    }

    fn stage(&mut self, node: usize, staged: &mut Staged) -> Result<()> {
        let (vector, norm_squared) = self.arena.vector(node);
        staged.vector.clear();
        staged.vector.extend_from_slice(vector);
        staged.norm_squared = norm_squared;
        let (factors, code) = self.arena.coded(node);
        staged.own = Some((factors, code.to_vec()));
        staged.edges.clear();
        staged.factors.clear();
        staged.codes.clear();
        for edge in self.arena.edges(node) {
            let (factors, code) = self.arena.coded(edge as usize);
            staged.edges.push(edge);
            staged.factors.push(factors);
            staged.codes.extend_from_slice(code);
        }
        staged.words.clear();
        staged.words.extend_from_slice(self.words_of(node));
        let more = self.more.get(&(node as u32)).map_or(&[][..], |more| more);
        let inline = more.len().min(INLINE_TIDS - 1);
        staged.tids.clear();
        staged.tids.push(self.tids[node]);
        staged.tids.extend_from_slice(&more[..inline]);
        staged.others = more.len() - inline;
        Ok(())
    }

    fn other(&mut self) -> Result<Option<(u32, Tid)>> {
        Ok(self.others.next())
    }

    fn list(&mut self, node: usize, entry: &mut directory::Entry) -> Result<()> {
        let (factors, code) = self.arena.coded(node);
        entry.words.clear();
        entry.words.extend_from_slice(self.words_of(node));
        entry.factors = factors;
        entry.code.clear();
        entry.code.extend_from_slice(code);
        Ok(())
    }
}
