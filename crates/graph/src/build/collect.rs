//! Rows as they come: in memory, equal vectors as one node, or put aside, with a sample of them in memory.

use std::hash::Hasher;

use half::f16;
use half::slice::HalfFloatSliceExt;
use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use crate::error::{Error, Result};
use crate::filter::merge;
use crate::layout::{Shape, Tid};
use crate::random::Random;
use crate::spool::Records;
use crate::tids::NewRow;
use crate::vectors::Vectors;

/// Parts that a node may be in.
pub(crate) const COPIES: usize = 4;

/// A hash table is at most 7/8 full, and twice as large as needed after growing: while it grows, the former is there
/// as well. Bytes of each of its entries.
const fn in_table(entry: usize) -> usize {
    3 * (entry + 1)
}

/// Vectors, all different, found by what they are.
#[derive(Default)]
pub(crate) struct Distinct {
    pub(crate) vectors: Vectors,
    by_vector: HashTable<u32>,
}

impl Distinct {
    /// Bytes of each, beside the vector.
    pub(crate) const BYTES: usize = size_of::<f32>() + in_table(size_of::<u32>());

    /// The number of a vector, if it is there.
    pub(crate) fn find(&self, shape: &Shape, vector: &[f16]) -> Option<u32> {
        let is_equal = |&other: &u32| self.vectors.get(shape, other as usize).0 == vector;
        self.by_vector.find(hash(vector), is_equal).copied()
    }

    /// Adds a vector that is not there.
    pub(crate) fn push(&mut self, shape: &Shape, vector: &[f16]) -> Result<()> {
        let (number, vectors) = (self.vectors.len() as u32, &mut self.vectors);
        let rehash = |vectors: &Vectors, node: u32| hash(vectors.get(shape, node as usize).0);
        self.by_vector
            .try_reserve(1, |&node| rehash(vectors, node))
            .map_err(|_| Error::Memory)?;
        vectors.push(vector, kernels::norm_squared(vector))?;
        self.by_vector
            .insert_unique(hash(vector), number, |&node| rehash(vectors, node));
        Ok(())
    }

    /// Puts a vector that is not there in the place of another one.
    fn replace(&mut self, shape: &Shape, number: u32, vector: &[f16]) {
        let old = hash(self.vectors.get(shape, number as usize).0);
        if let Ok(entry) = self.by_vector.find_entry(old, |&other| other == number) {
            entry.remove();
        }
        let vectors = &mut self.vectors;
        vectors.replace(number as usize, vector, kernels::norm_squared(vector));
        self.by_vector.insert_unique(hash(vector), number, |&node| {
            hash(vectors.get(shape, node as usize).0)
        });
    }
}

/// A hash of a vector's bits.
pub(crate) fn hash(vector: &[f16]) -> u64 {
    let bits: &[u16] = vector.reinterpret_cast();
    let mut hasher = FxHasher::default();
    hasher.write(bytemuck::cast_slice(bits));
    hasher.finish()
}

/// Rows in memory.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) distinct: Distinct,
    /// A row of each node.
    pub(crate) tids: Vec<Tid>,
    /// Words of the filter columns of each node.
    pub(crate) words: Vec<u64>,
    /// The other rows of nodes that have more than one.
    pub(crate) more: FxHashMap<u32, Vec<Tid>>,
    more_count: usize,
}

impl Collected {
    /// Number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.tids.len()
    }

    /// Bytes of each node.
    pub(crate) fn node_bytes(shape: &Shape) -> usize {
        let words = shape.columns * size_of::<u64>();
        2 * shape.dims + Distinct::BYTES + size_of::<Tid>() + words
    }

    /// Bytes of memory in use, nearly.
    pub(crate) fn bytes(&self, shape: &Shape) -> usize {
        let lists = self.more.len() * in_table(size_of::<(u32, Vec<Tid>)>());
        self.nodes() * Self::node_bytes(shape) + lists + self.more_count * 2 * size_of::<Tid>()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, shape: &Shape, vector: &[f16], row: NewRow<'_>) -> Result<()> {
        let NewRow { tid, words } = row;
        if let Some(equal) = self.distinct.find(shape, vector) {
            self.more.try_reserve(1)?;
            let rows = self.more.entry(equal).or_default();
            rows.try_reserve(1)?;
            rows.push(tid);
            merge_into(&mut self.words, equal, words);
            self.more_count += 1;
        } else {
            self.tids.try_reserve(1)?;
            self.words.try_reserve(words.len())?;
            self.distinct.push(shape, vector)?;
            self.tids.push(tid);
            self.words.extend_from_slice(words);
        }
        Ok(())
    }
}

/// Merges the words of a row into those of its node, which are among those of all nodes.
pub(crate) fn merge_into(of_nodes: &mut [u64], node: u32, words: &[u64]) {
    let own = &mut of_nodes[node as usize * words.len()..];
    for (own, &word) in own.iter_mut().zip(words) {
        *own = merge(*own, word);
    }
}

/// Words of filter columns as a record has them.
pub(crate) fn filter_words(record: &[u32]) -> impl Iterator<Item = u64> + '_ {
    let halves = record.as_chunks().0.iter();
    halves.map(|&halves: &[u32; 2]| bytemuck::cast(halves))
}

/// Words of a record for a vector.
pub(crate) fn vector_words(shape: &Shape) -> usize {
    shape.dims.div_ceil(2)
}

/// Words of a record for a code with its factors.
pub(crate) fn code_words(shape: &Shape) -> usize {
    1 + shape.code_bytes.div_ceil(size_of::<u32>())
}

/// Words of a record for the filter columns.
pub(crate) fn filter_halves(shape: &Shape) -> usize {
    2 * shape.columns
}

/// A row put aside: its vector, the words of its filter columns, and where it is.
pub(crate) struct Row;

impl Row {
    /// Words of a row.
    pub(crate) fn words(shape: &Shape) -> usize {
        vector_words(shape) + filter_halves(shape) + 2
    }

    /// Makes a record of it.
    pub(crate) fn put(record: &mut [u32], vector: &[f16], NewRow { tid, words }: NewRow<'_>) {
        let (others, tid_of) = record.split_at_mut(record.len() - 2);
        let (vector_of, words_of) = others.split_at_mut(others.len() - 2 * words.len());
        let bits: &[u16] = vector.reinterpret_cast();
        bytemuck::cast_slice_mut(vector_of)[..bits.len()].copy_from_slice(bits);
        words_of.copy_from_slice(bytemuck::cast_slice(words));
        tid_of.copy_from_slice(&[tid.block(), tid.offset().into()]);
    }

    /// The vector of a record, which is where it begins.
    pub(crate) fn vector<'r>(shape: &Shape, record: &'r [u32]) -> &'r [f16] {
        let bits: &[u16] = bytemuck::cast_slice(record);
        half::slice::HalfBitsSliceExt::reinterpret_cast(&bits[..shape.dims])
    }

    /// The words of its filter columns.
    pub(crate) fn words_of<'r>(
        shape: &Shape,
        record: &'r [u32],
    ) -> impl Iterator<Item = u64> + use<'r> {
        filter_words(&record[vector_words(shape)..][..filter_halves(shape)])
    }

    /// Where the row is.
    pub(crate) fn tid(record: &[u32]) -> Tid {
        let at = record.len() - 2;
        Tid::new(record[at], record[at + 1] as u16)
    }
}

/// Rows put aside.
pub(crate) struct Aside {
    pub(crate) rows: Records,
    record: Vec<u32>,
    pub(crate) sample: Sample,
}

impl Aside {
    /// None yet; of those to come, a sample of up to `capacity` vectors is kept.
    pub(crate) fn new(rows: Records, capacity: usize) -> Self {
        Self {
            record: vec![0; rows.words()],
            rows,
            sample: Sample::new(capacity),
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, shape: &Shape, vector: &[f16], row: NewRow<'_>) -> Result<()> {
        Row::put(&mut self.record, vector, row);
        self.rows.write(&self.record)?;
        self.sample.offer(shape, vector)
    }

    /// Adds the rows that were in memory.
    pub(crate) fn take(
        &mut self,
        shape: &Shape,
        rows: Collected,
        mut between: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        for (node, &tid) in rows.tids.iter().enumerate() {
            between()?;
            let vector = rows.distinct.vectors.get(shape, node).0;
            // Words of the node cover those of its rows, and rows of equal vectors become one node again.
            let words = &rows.words[node * shape.columns..][..shape.columns];
            self.push(shape, vector, NewRow { tid, words })?;
            for &tid in rows.more.get(&(node as u32)).into_iter().flatten() {
                Row::put(&mut self.record, vector, NewRow { tid, words });
                self.rows.write(&self.record)?;
            }
        }
        Ok(())
    }
}

/// Different vectors, drawn from all that were offered with the same chance (Vitter: Random sampling with a reservoir,
/// 1985). Offering one again that is among them changes nothing, so that one which many rows have takes no more room
/// than others.
pub(crate) struct Sample {
    pub(crate) of: Distinct,
    capacity: usize,
    offered: u64,
    random: Random,
}

impl Sample {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            of: Distinct::default(),
            capacity,
            offered: 0,
            random: Random::new(capacity as u64),
        }
    }

    pub(crate) fn offer(&mut self, shape: &Shape, vector: &[f16]) -> Result<()> {
        if self.of.find(shape, vector).is_some() {
            return Ok(());
        }
        self.offered += 1;
        if self.of.vectors.len() < self.capacity {
            return self.of.push(shape, vector);
        }
        let place = self.random.below(self.offered as usize);
        if place < self.capacity {
            self.of.replace(shape, place as u32, vector);
        }
        Ok(())
    }
}
