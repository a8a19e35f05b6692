//! How much memory a build takes, and how it is divided where that is more than was granted.

use crate::arena::Arena;
use crate::basis::{self, Basis, SAMPLE};
use crate::layout::{PAGE_BYTES, Shape};

use super::collect::{COPIES, Collected, Distinct, Row, code_words, filter_halves};

/// One part of so many of what was granted goes to holes between what comes and goes.
const UNUSED: usize = 12;
/// Bytes for whatever is small, threads' searches among them.
const SMALL_BYTES: usize = 1 << 20;
/// Bytes that a file of the store takes while it is open, nearly: its buffer.
const FILE_BYTES: usize = 9 << 10;
/// Bytes of each record that is read or written at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Files that there are for each part.
const FILES: usize = 3;
/// Most vectors of a sample.
const MOST_SAMPLE: usize = 1 << 16;
/// Most parts that rows are divided into at once.
pub(crate) const MOST_PARTS: usize = 128;
/// Of the nodes that fit, those that a part is made to have on average.
const ON_AVERAGE: f64 = 0.8;
/// How many more nodes of its own than on average a part may have.
const AT_MOST: f64 = 1.5;
/// Parts beside its own that a node is in on average, fewest and most.
const FEWEST_MORE: f64 = 0.5;
const MOST_MORE: f64 = 1.5;
/// By how much these grow when parts are twice as many: the smaller a part is, the more of its nodes have neighbours in
/// others.
const MORE_WITH_PARTS: f64 = 0.2;

/// How memory is divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Nodes of a part, at most.
    pub(crate) members: usize,
    /// Of them, those of its own.
    pub(crate) own: usize,
    /// Parts beside its own that a node is in on average, if they have room.
    pub(crate) more: f64,
    /// Vectors in the sample that the basis and the parts are found by.
    pub(crate) sample: usize,
    /// Of them, those that the basis is trained on.
    pub(crate) trained: usize,
    /// Records that are read at a time.
    pub(crate) chunk: usize,
    /// Bytes that all of it takes: more than the budget where that is too small to build anything in.
    pub(crate) bytes: usize,
}

/// Bytes of each node from when all are there until the graph is.
pub(crate) fn linking_bytes(shape: &Shape) -> usize {
    Arena::node_bytes(shape) + 2 * size_of::<u32>()
}

/// Bytes that training on a sample of so many takes.
pub(crate) fn training_bytes(shape: &Shape, nodes: usize) -> usize {
    Basis::training_bytes(shape, nodes.min(SAMPLE))
}

impl Plan {
    /// The plan for so many rows in `budget` bytes.
    pub(crate) fn new(shape: &Shape, rows: u64, budget: usize) -> Self {
        let budget = budget - budget / UNUSED;
        let enough = basis::enough(shape);
        let in_sample = 2 * shape.dims + Distinct::BYTES;
        let sample = (budget / 8 / in_sample).clamp(enough, MOST_SAMPLE);
        let training = training_bytes(shape, 0) + sample * in_sample + SMALL_BYTES;
        let per_vector = training_bytes(shape, 1) - training_bytes(shape, 0);
        let trained = budget.saturating_sub(training) / per_vector;
        let trained = trained.clamp(enough, SAMPLE).min(sample);
        // A vector, its numbers here and in the whole, and the parts that it is in; keys while nodes are arranged are
        // gone later.
        let member = 2 * shape.dims + linking_bytes(shape) + (4 + COPIES) * size_of::<u32>();
        let least = 4 * enough;
        let (mut members, mut more, mut bytes) = (least, MOST_MORE, 0);
        // More parts have more files open and more nodes in common, which makes them smaller.
        for _ in 0..4 {
            let parts = expected_parts(rows, members, more) as usize;
            more = (MORE_WITH_PARTS * (parts.max(1) as f64).log2()).clamp(FEWEST_MORE, MOST_MORE);
            let fixed =
                SMALL_BYTES + 2 * CHUNK_BYTES + basis_bytes(shape) + FILES * parts * FILE_BYTES;
            members = (budget.saturating_sub(fixed) / member).max(least);
            bytes = fixed + members * member;
        }
        Self {
            members,
            own: (own_on_average(members, more) * AT_MOST) as usize,
            more,
            sample,
            trained,
            chunk: (CHUNK_BYTES / (Row::words(shape) * size_of::<u32>())).max(16),
            bytes: bytes.max(training + trained * per_vector),
        }
    }

    /// Into how many parts so many rows are divided at once.
    pub(crate) fn parts(&self, rows: u64) -> usize {
        (expected_parts(rows, self.members, self.more) as usize).clamp(2, MOST_PARTS)
    }
}

/// Nodes that a part of so many members has of its own, on average; the others are near nodes of other parts.
fn own_on_average(members: usize, more: f64) -> f64 {
    members as f64 * ON_AVERAGE / (1.0 + more)
}

/// Into how many parts of so many members rows are divided, nearly.
fn expected_parts(rows: u64, members: usize, more: f64) -> u64 {
    (rows as f64 / own_on_average(members, more)).ceil() as u64
}

/// Words that are put aside of each row, at most at a time: while all nodes are linked.
fn aside_words(shape: &Shape, more: f64) -> f64 {
    let (vector, code) = (shape.dims.div_ceil(2), code_words(shape));
    let node = vector + code + 2 + COPIES + filter_halves(shape);
    let told = 1 + COPIES + vector + code;
    let lists = 4 + 3 * shape.degree;
    (node + lists) as f64 + more * told as f64
}

fn basis_bytes(shape: &Shape) -> usize {
    // What training takes beside the sample is more than the basis itself.
    let directions = shape
        .elements(kernels::quantize::Bits::One)
        .min(shape.dims + 1);
    (directions + 64) * (shape.dims + 1 + directions) * size_of::<f32>()
}

/// What a build takes, told beforehand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Estimate {
    /// Bytes of memory for a build in one part.
    pub whole_bytes: u64,
    /// Bytes of memory that it will take.
    pub memory_bytes: u64,
    /// Parts, nearly: 1 where all rows fit into memory.
    pub parts: u64,
    /// Most bytes put aside at a time, 0 where all rows fit into memory.
    pub aside_bytes: u64,
    /// Bytes of the pages of the index, without what the store adds.
    pub index_bytes: u64,
}

/// What a build of so many different vectors takes within `budget` bytes.
pub(crate) fn estimate(shape: &Shape, rows: u64, budget: usize) -> Estimate {
    let count = usize::try_from(rows).unwrap_or(usize::MAX);
    let linking = rows * linking_bytes(shape) as u64;
    let whole_bytes = rows * Collected::node_bytes(shape) as u64
        + linking.max(training_bytes(shape, count) as u64);
    let pages = rows.div_ceil(shape.slots as u64) + rows.div_ceil(32 * shape.entries as u64) + 64;
    let directory = match shape.columns {
        0 => 0,
        _ => {
            let listing = rows.div_ceil(shape.listed() as u64);
            listing + listing.div_ceil(shape.summarized() as u64)
        }
    };
    let index_bytes = (pages + directory) * PAGE_BYTES as u64;
    if whole_bytes <= budget as u64 {
        return Estimate {
            whole_bytes,
            memory_bytes: whole_bytes,
            parts: 1,
            aside_bytes: 0,
            index_bytes,
        };
    }
    let plan = Plan::new(shape, rows, budget);
    Estimate {
        whole_bytes,
        memory_bytes: plan.bytes.max(budget) as u64,
        parts: expected_parts(rows, plan.members, plan.more),
        aside_bytes: (rows as f64 * aside_words(shape, plan.more) * size_of::<u32>() as f64) as u64,
        index_bytes,
    }
}
