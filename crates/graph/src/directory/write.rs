//! A directory of all nodes of a new index, with summaries of its pages.

use half::f16;

use super::{expect, link};
use crate::basis::{Basis, Code};
use crate::error::Result;
use crate::index::Index;
use crate::layout::{Factors, Kind, Pointer, Shape, Summary};
use crate::store::{PageStore, Write};
use crate::zone::Zone;

/// What the directory has of a node.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) node: Pointer,
    pub(crate) words: Vec<u64>,
    pub(crate) factors: Factors,
    pub(crate) code: Vec<u8>,
}

/// What nodes of a page of the directory have in common.
pub(crate) struct Mean {
    pub(crate) code: Code,
    /// The mean squared distance of their points from the mean of these.
    pub(crate) spread: f32,
}

/// The means of nodes that are told of one after the other, a page of the directory at a time.
pub(crate) struct Means<'b> {
    basis: &'b Basis,
    /// Nodes of a page.
    together: usize,
    /// Of those so far: of how many nothing is known, and of the others how many, the sum of their points, of their squared norms, and of what these exceed the space's reach by.
    unknown: usize,
    count: usize,
    sum: Vec<f32>,
    squares: f64,
    excess: f32,
    done: Vec<Option<Mean>>,
}

impl<'b> Means<'b> {
    pub(crate) fn new(shape: &Shape, basis: &'b Basis) -> Self {
        Self {
            basis,
            together: shape.listed(),
            unknown: 0,
            count: 0,
            sum: vec![0.0; basis.space().dims(shape.dims)],
            squares: 0.0,
            excess: 0.0,
            done: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, vector: &[f16], norm_squared: f32) {
        let space = self.basis.space();
        let point = space.node(vector, norm_squared);
        for (sum, x) in self.sum.iter_mut().zip(&point) {
            *sum += x;
        }
        self.squares += f64::from(kernels::norm_squared(&point[..]));
        self.excess += space.excess(norm_squared);
        self.count += 1;
        self.take_if_full();
    }

    /// A node of which nothing is known.
    pub(crate) fn skip(&mut self) {
        self.unknown += 1;
        self.take_if_full();
    }

    fn take_if_full(&mut self) {
        if self.count + self.unknown == self.together {
            let mean = self.take();
            self.done.push(mean);
        }
    }

    /// The mean of the nodes since the last one, if anything is known of them.
    fn take(&mut self) -> Option<Mean> {
        self.unknown = 0;
        if self.count == 0 {
            return None;
        }
        let count = self.count as f32;
        let mean: Vec<f32> = self.sum.iter().map(|x| x / count).collect();
        let from_origin = f64::from(kernels::norm_squared(&mean[..]));
        let spread = (self.squares / self.count as f64 - from_origin).max(0.0) as f32;
        let code = self.basis.encode_point(mean, self.excess / count);
        self.sum.fill(0.0);
        (self.count, self.squares, self.excess) = (0, 0.0, 0.0);
        Some(Mean { code, spread })
    }

    /// All means, in order; none of a page of whose nodes nothing is known.
    pub(crate) fn finish(mut self) -> Vec<Option<Mean>> {
        if self.count + self.unknown > 0 {
            let last = self.take();
            self.done.push(last);
        }
        self.done
    }
}

/// Writes a directory of so many nodes, which `fill` is asked for one after the other, with their words and codes, all of
/// the same epoch, and returns the first page of the summaries; after the last of them comes `next`. `means` has one for each
/// page.
pub(crate) fn write<S: PageStore>(
    index: &Index<S>,
    epoch: u16,
    nodes: usize,
    means: Vec<Option<Mean>>,
    next: u32,
    mut fill: impl FnMut(usize, &mut Entry) -> Result<()>,
) -> Result<u32> {
    let shape = index.shape;
    let (mut first, mut last) = (next, 0);
    let none = Entry {
        node: Pointer::NONE,
        words: Vec::new(),
        factors: Factors::UNCODED,
        code: Vec::new(),
    };
    let mut entries = vec![none; shape.listed().min(nodes)];
    let mut summaries = Vec::with_capacity(shape.summarized());
    let mut means = means.into_iter();
    for start in (0..nodes).step_by(shape.listed()) {
        index.store.interrupt()?;
        // All that may wait comes before the page is locked.
        let entries = &mut entries[..shape.listed().min(nodes - start)];
        for (node, entry) in (start..).zip(&mut *entries) {
            fill(node, entry)?;
        }
        let mut zones = vec![Zone::EMPTY; shape.columns];
        let (block, mut page) = index.extend()?;
        page.init(Kind::Directory, epoch);
        for entry in &*entries {
            page.push_listed(&shape, entry.node, &entry.words, entry.factors, &entry.code);
            for (zone, &word) in zones.iter_mut().zip(&entry.words) {
                *zone = zone.with(word);
            }
        }
        page.commit()?;
        let (spread, factors, code) = match means.next().flatten() {
            Some(Mean { code, spread }) => (spread, code.factors, code.bytes),
            None => (0.0, Factors::UNCODED, Box::default()),
        };
        summaries.push(Summary {
            block,
            spread,
            factors,
            code,
            zones,
        });
        let is_last = start + entries.len() == nodes;
        if summaries.len() < shape.summarized() && !is_last {
            continue;
        }
        let (block, mut page) = index.extend()?;
        page.init(Kind::Summaries, epoch);
        for summary in summaries.drain(..) {
            page.push_summary(&shape, &summary);
        }
        if is_last {
            page.set_next(next);
        }
        page.commit()?;
        match last {
            0 => first = block,
            _ => {
                link(index, Kind::Summaries, last, block)?;
            }
        }
        last = block;
    }
    Ok(first)
}

/// Brings the means of a page of summaries to the epoch in use.
pub(crate) fn recode_summaries<S: PageStore>(index: &Index<S>, block: u32) -> Result<()> {
    let (shape, epoch) = (index.shape, index.epoch());
    let page = index.store.read(block)?;
    if page.epoch() == epoch {
        return Ok(());
    }
    let listing = page.summaries(&shape).blocks.to_vec();
    drop(page);
    let Some(basis) = index.basis() else {
        return Ok(());
    };
    let mut means = Vec::with_capacity(listing.len());
    for listed in listing {
        index.store.interrupt()?;
        let page = index.store.read(listed)?;
        expect(&page, Kind::Directory, listed)?;
        let nodes = page.listing(&shape).pointers.to_vec();
        drop(page);
        let mut mean = Means::new(&shape, basis);
        for node in nodes {
            index.with_node(node, |slot| {
                mean.add(&slot.rounded().halves(), slot.header().norm_squared);
            })?;
        }
        means.push(mean.finish().pop().flatten());
    }
    let mut page = index.store.write(block)?;
    expect(&page, Kind::Summaries, block)?;
    page.set_epoch(epoch);
    for (at, mean) in means.into_iter().enumerate() {
        match mean {
            Some(Mean { code, spread }) => {
                page.set_mean(&shape, at, spread, code.factors, &code.bytes);
            }
            None => page.set_mean(&shape, at, 0.0, Factors::UNCODED, &[]),
        }
    }
    page.commit()
}
