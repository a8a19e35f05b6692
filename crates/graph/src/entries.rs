//! Entry points, where searches begin: codes of a sample of the nodes, on a tree of two levels.
//!
//! Leaf pages hold entry points, each page those nearest to its pivot; root pages hold the pivots'
//! codes. A search estimates its distance to the pivots, then to the entry points of the nearest leaves, and
//! begins at the nearest of those, in place of the upper layers of an HNSW. There is a root page for each
//! 780 000 nodes of 512 dimensions, all of which a search reads, and three leaves. Entry points are hints: one whose
//! node is gone is passed over, and a page of another epoch ignored, so nothing here needs a lock beyond its page.
//! Vacuum removes those of the nodes it frees.

use std::sync::Arc;

use crate::basis::{Basis, Code};
use crate::error::Result;
use crate::estimator::{Estimator, Scratch};
use crate::index::{Index, Steps};
use crate::layout::{Kind, Meta, Pointer};
use crate::query::Query;
use crate::random::Random;
use crate::search::Search;
use crate::store::{PageStore, Write};

/// One node of so many is an entry point.
pub(crate) const SAMPLED: usize = 64;
/// Leaves that a search reads.
const LEAVES: usize = 3;
/// Entries between checks for interrupts.
const INTERRUPT: usize = 256;
/// Entries that a search begins at.
const ENTRIES: usize = 4;

/// The nearest entries of the pages from `block` on, at most `count`, nearest first.
fn nearest<S: PageStore>(
    index: &Index<S>,
    query: &Query,
    pages: &[u32],
    kind: Kind,
    count: usize,
) -> Result<Vec<(f32, Pointer)>> {
    let Some(estimator) = &query.estimator else {
        return Ok(Vec::new());
    };
    let mut best: Vec<(f32, Pointer)> = Vec::new();
    let (mut scratch, mut estimates) = (Scratch::default(), Vec::new());
    for &start in pages {
        let (mut block, mut steps) = (start, Steps::default());
        while block != 0 {
            index.store.interrupt()?;
            steps.take(index, block)?;
            let page = index.store.read(block)?;
            if page.kind(block)? != kind || page.epoch() != estimator.epoch() {
                break;
            }
            let (pointers, factors, codes) = page.entries(&index.shape);
            estimates.clear();
            estimator.estimate(factors, codes, &mut scratch, &mut estimates);
            for (&estimate, &pointer) in estimates.iter().zip(pointers) {
                if best.len() < count || estimate < best[best.len() - 1].0 {
                    let at = best.partition_point(|&(other, _)| other <= estimate);
                    best.insert(at, (estimate, pointer));
                    best.truncate(count);
                }
            }
            block = page.next();
        }
    }
    Ok(best)
}

fn leaves<S: PageStore>(index: &Index<S>, meta: &Meta, query: &Query) -> Result<Vec<u32>> {
    let roots = [meta.roots];
    let leaves = nearest(index, query, &roots, Kind::Root, LEAVES)?;
    Ok(leaves.into_iter().map(|(_, leaf)| leaf.id).collect())
}

/// Seeds a search from what the meta page says.
pub(crate) fn begin<S: PageStore, F>(
    index: &Index<S>,
    meta: &Meta,
    query: &Query,
    search: &mut Search<F>,
) -> Result<()> {
    let leaves = leaves(index, meta, query)?;
    for (estimate, at) in nearest(index, query, &leaves, Kind::Leaf, ENTRIES)? {
        search.seed(at, estimate);
    }
    // Of use only where the entries are gone or lead to too few nodes: it comes last.
    search.seed(meta.entry, f32::MAX);
    Ok(())
}

/// Adds a node, or returns false when the leaves nearest to it are full.
pub(crate) fn add<S: PageStore>(
    index: &Index<S>,
    query: &Query,
    at: Pointer,
    code: &Code,
) -> Result<bool> {
    for leaf in leaves(index, &index.meta, query)? {
        let mut page = index.store.write(leaf)?;
        if page.kind(leaf)? == Kind::Leaf
            && page.epoch() == index.epoch()
            && page.push_entry(&index.shape, at, code.factors, &code.bytes)
        {
            page.commit()?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes an entry tree of `nodes` in the epoch of `basis` and returns its first root page.
pub(crate) fn write<S: PageStore>(
    index: &Index<S>,
    basis: &Arc<Basis>,
    nodes: &[(Pointer, Code)],
) -> Result<u32> {
    let shape = &index.shape;
    // Half full on average, so that nearly all find room at their own pivot, now and later.
    let count = nodes.len().div_ceil(shape.entries / 2).max(1);
    let mut random = Random::new(u64::from(basis.epoch()));
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    random.shuffle(&mut order);
    let pivots: Vec<&Code> = order.iter().take(count).map(|&i| &nodes[i].1).collect();
    let (mut pivot_factors, mut pivot_codes) = (Vec::new(), Vec::new());
    for pivot in &pivots {
        pivot_factors.push(pivot.factors);
        pivot_codes.extend_from_slice(&pivot.bytes);
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); pivots.len()];
    let (mut scratch, mut estimates) = (Scratch::default(), Vec::new());
    for (done, i) in order.into_iter().enumerate() {
        if done % INTERRUPT == 0 {
            index.store.interrupt()?;
        }
        let code = &nodes[i].1;
        estimates.clear();
        Estimator::of_code(basis, code.factors, &code.bytes).estimate(
            &pivot_factors,
            &pivot_codes,
            &mut scratch,
            &mut estimates,
        );
        let nearest = (0..pivots.len())
            .filter(|&pivot| members[pivot].len() < shape.entries)
            .min_by(|&a, &b| estimates[a].total_cmp(&estimates[b]));
        if let Some(nearest) = nearest {
            members[nearest].push(i);
        }
    }
    let mut leaves = Vec::new();
    for members in &members {
        index.store.interrupt()?;
        let (block, mut page) = index.extend()?;
        page.init(Kind::Leaf, basis.epoch());
        for &i in members {
            let (at, code) = &nodes[i];
            page.push_entry(shape, *at, code.factors, &code.bytes);
        }
        page.commit()?;
        leaves.push(block);
    }
    let mut next = 0;
    let pairs: Vec<_> = leaves.iter().zip(&pivots).collect();
    for pairs in pairs.chunks(shape.entries) {
        let (block, mut page) = index.extend()?;
        page.init(Kind::Root, basis.epoch());
        page.set_next(next);
        for (leaf, pivot) in pairs {
            page.push_entry(shape, Pointer::new(**leaf, 0), pivot.factors, &pivot.bytes);
        }
        page.commit()?;
        next = block;
    }
    Ok(next)
}
