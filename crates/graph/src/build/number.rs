//! Nodes numbered, part by part, in the order in which they will lie on pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use half::slice::HalfFloatSliceExt;

use crate::basis::Basis;
use crate::error::{Error, Result, filled};
use crate::layout::{Factors, Shape, Tid};
use crate::sort::{RankedNode, Sorter};
use crate::spool::Records;
use crate::store::PageStore;
use crate::threads::in_parallel;
use crate::vectors::{Vectors, swap};

use super::batch::Batch;
use super::collect::{COPIES, Distinct, Row, code_words, filter_halves, merge_into, vector_words};
use super::divide::{Centres, Division};

/// No part.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// Entries that are sorted in memory before the store's own way.
const SORTED: usize = 1 << 16;

/// Nodes of a part.
pub(crate) struct Part {
    /// The number of its first node.
    pub(crate) first: u32,
    /// Nodes of its own.
    pub(crate) nodes: u32,
    /// Nodes of other parts that are near to it.
    pub(crate) told: Records,
}

/// All nodes, put aside in their order.
pub(crate) struct Numbered {
    pub(crate) parts: Vec<Part>,
    pub(crate) vectors: Records,
    pub(crate) codes: Records,
    /// A row of each, which parts it is in, and the words of its filter columns.
    pub(crate) rows: Records,
    /// The other rows, by their nodes.
    pub(crate) more: Option<Box<dyn Sorter>>,
}

/// Appends a code to a record.
fn push_code(record: &mut Vec<u32>, (factors, code): (Factors, &[u8])) {
    record.push(bytemuck::cast(factors));
    let start = record.len();
    record.resize(start + code.len().div_ceil(size_of::<u32>()), 0);
    bytemuck::cast_slice_mut(&mut record[start..])[..code.len()].copy_from_slice(code);
}

/// The code that is a record, or the beginning of one.
pub(crate) fn code<'r>(shape: &Shape, record: &'r [u32]) -> (Factors, &'r [u8]) {
    let code: &[u8] = bytemuck::cast_slice(&record[1..]);
    (bytemuck::cast(record[0]), &code[..shape.code_bytes])
}

/// The parts that a record begins with.
pub(crate) fn parts(record: &[u32]) -> [u32; COPIES] {
    std::array::from_fn(|at| record[at])
}

/// A node told to another part.
pub(crate) struct Told<'r> {
    pub(crate) number: u32,
    /// The parts that it is in, its own first.
    pub(crate) parts: [u32; COPIES],
    pub(crate) code: (Factors, &'r [u8]),
    /// A record that begins with its vector.
    pub(crate) vector: &'r [u32],
}

impl<'r> Told<'r> {
    fn words(shape: &Shape) -> usize {
        1 + COPIES + code_words(shape) + vector_words(shape)
    }

    pub(crate) fn of(shape: &Shape, record: &'r [u32]) -> Self {
        Self {
            number: record[0],
            parts: parts(&record[1..]),
            code: code(shape, &record[1 + COPIES..]),
            vector: &record[1 + COPIES + code_words(shape)..],
        }
    }
}

impl Numbered {
    /// Numbers the nodes of all parts. `progress` is told how many rows were looked at.
    pub(crate) fn new<S: PageStore>(
        division: &Division<S>,
        basis: &Arc<Basis>,
        centres: &Centres,
        mut parts: Vec<Records>,
        mut progress: impl FnMut(u64),
    ) -> Result<Self> {
        let (store, shape) = (division.store, division.shape);
        let records = |words: usize| Ok::<_, Error>(Records::new(store.spool()?, words));
        let mut numbered = Self {
            parts: Vec::with_capacity(parts.len()),
            vectors: records(vector_words(&shape))?,
            codes: records(code_words(&shape))?,
            rows: records(2 + COPIES + filter_halves(&shape))?,
            more: None,
        };
        let mut room = Vec::with_capacity(parts.len());
        for rows in &parts {
            let own = rows.count().min(division.plan.own as u64) as usize;
            room.push(division.plan.members - own);
            numbered.parts.push(Part {
                first: 0,
                nodes: 0,
                told: records(Told::words(&shape))?,
            });
        }
        let farther = division.farther(centres, &mut parts, division.plan.more)?;
        let mut looked_at = 0;
        for (part, rows) in parts.into_iter().enumerate() {
            looked_at += rows.count();
            numbered.part(division, basis, (centres, farther), &mut room, part, rows)?;
            progress(looked_at);
        }
        Ok(numbered)
    }

    /// Number of nodes.
    pub(crate) fn nodes(&self) -> u64 {
        self.vectors.count()
    }

    fn part<S: PageStore>(
        &mut self,
        division: &Division<S>,
        basis: &Arc<Basis>,
        (centres, farther): (&Centres, f32),
        room: &mut [usize],
        part: usize,
        rows: Records,
    ) -> Result<()> {
        let (store, shape, threads) = (division.store, division.shape, division.threads);
        let first = u32::try_from(self.nodes()).map_err(|_| Error::Full { limit: 1 << 32 })?;
        let Loaded {
            vectors,
            mut tids,
            mut words,
            others,
        } = load(division, rows)?;
        let mut batch = Batch::new(shape, vectors);
        batch.encode(store, basis, threads)?;
        let order = batch.shuffled()?;
        let places = batch.arrange(store, basis, &order, threads, |a, b| {
            tids.swap(a, b);
            swap(&mut words, shape.columns, a, b);
        })?;
        drop(order);
        self.put_others(division, first, &places, others)?;
        drop(places);

        let (nodes, space) = (batch.nodes(), division.space);
        let near = filled(nodes, || [const { AtomicU32::new(NOWHERE) }; COPIES])?;
        let look = |(): &mut (), node: usize| {
            let (vector, norm) = batch.vectors.get(&shape, node);
            let point = space.node(vector, norm);
            let nearest: [_; COPIES] = centres.nearest(&point);
            let limit = nearest[0].0 * farther;
            for ((distance, other), to) in nearest.into_iter().zip(&near[node]) {
                if let Some(other) = other
                    && distance <= limit
                {
                    to.store(other as u32, Ordering::Relaxed);
                }
            }
            Ok(())
        };
        in_parallel(store, threads, 0..nodes, look, |_| ())?;
        let mut record = Vec::new();
        for (node, near) in near.iter().enumerate() {
            if node.is_multiple_of(division.plan.chunk) {
                store.interrupt()?;
            }
            let mut copies = [NOWHERE; COPIES];
            copies[0] = part as u32;
            let mut count = 1;
            for other in near.iter().map(|other| other.load(Ordering::Relaxed)) {
                if other != NOWHERE
                    && other as usize != part
                    && count < COPIES
                    && room[other as usize] > 0
                {
                    room[other as usize] -= 1;
                    copies[count] = other;
                    count += 1;
                }
            }
            let coded = batch.coded(node);
            record.clear();
            record.push(first + node as u32);
            record.extend(copies);
            push_code(&mut record, coded);
            let start = record.len();
            record.resize(start + vector_words(&shape), 0);
            let bits: &[u16] = batch.vectors.get(&shape, node).0.reinterpret_cast();
            bytemuck::cast_slice_mut(&mut record[start..])[..bits.len()].copy_from_slice(bits);
            self.vectors.write(&record[start..])?;
            self.codes.write(&record[1 + COPIES..start])?;
            for &other in &copies[1..count] {
                self.parts[other as usize].told.write(&record)?;
            }
            let tid = tids[node];
            self.rows.write(&[tid.block(), tid.offset().into()])?;
            self.rows.write(&copies)?;
            let words = &words[node * shape.columns..][..shape.columns];
            self.rows.write(bytemuck::cast_slice(words))?;
        }
        self.parts[part].first = first;
        self.parts[part].nodes = nodes as u32;
        Ok(())
    }

    /// Has the rows of equal vectors sorted by the numbers of their nodes, which are at `places` from `first` on.
    fn put_others<S: PageStore>(
        &mut self,
        division: &Division<S>,
        first: u32,
        places: &[u32],
        others: Option<Records>,
    ) -> Result<()> {
        let Some(mut others) = others else {
            return Ok(());
        };
        let more = match &mut self.more {
            Some(more) => more,
            None => self.more.insert(division.store.sorter(SORTED)?),
        };
        division.each_chunk(&mut others, |records| {
            for record in records.chunks_exact(3) {
                let node = first + places[record[0] as usize];
                let tid = Tid::new(record[1], record[2] as u16);
                more.put(RankedNode::row(node, tid))?;
            }
            Ok(true)
        })?;
        others.close();
        Ok(())
    }
}

/// The different vectors of a part.
struct Loaded {
    vectors: Vectors,
    /// A row of each.
    tids: Vec<Tid>,
    /// Words of the filter columns of each.
    words: Vec<u64>,
    /// The other rows, by their vector's place.
    others: Option<Records>,
}

fn load<S: PageStore>(division: &Division<S>, mut rows: Records) -> Result<Loaded> {
    let (store, shape) = (division.store, division.shape);
    let (mut distinct, mut tids, mut others) = (Distinct::default(), Vec::new(), None);
    let (mut words_of_all, mut words) = (Vec::new(), Vec::new());
    let length = rows.words();
    division.each_chunk(&mut rows, |records| {
        for record in records.chunks_exact(length) {
            words.clear();
            words.extend(Row::words_of(&shape, record));
            let (vector, tid) = (Row::vector(&shape, record), Row::tid(record));
            let Some(equal) = distinct.find(&shape, vector) else {
                distinct.push(&shape, vector)?;
                tids.try_reserve(1)?;
                tids.push(tid);
                words_of_all.try_reserve(words.len())?;
                words_of_all.extend_from_slice(&words);
                continue;
            };
            merge_into(&mut words_of_all, equal, &words);
            let others = match &mut others {
                Some(others) => others,
                None => others.insert(Records::new(store.spool()?, 3)),
            };
            others.write(&[equal, tid.block(), tid.offset().into()])?;
        }
        Ok(true)
    })?;
    rows.close();
    Ok(Loaded {
        vectors: distinct.vectors,
        tids,
        words: words_of_all,
        others,
    })
}
