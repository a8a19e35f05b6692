//! The filter directory: of every node its words and its code, on a chain of pages, one after the other.
//!
//! A filter that few nodes pass has no use for the graph, whose neighbours do not pass. Here the words of all nodes are
//! looked at, some 130 to a page, and distances are estimated from the codes of those that pass; only the nearest by these
//! estimates are visited. An index without filter columns has no such pages.
//!
//! # Why nothing is lost
//!
//! A row's node is listed with words that cover the row's before its insertion ends: with a new node's first row, and with
//! every row whose words are others than its node had. An entry stays where it is until vacuum removes it, with all others
//! of a node that has no rows any more, before the node's slot is freed. So whoever reads the chain from its beginning meets
//! an entry for every row that his snapshot sees, wherever others add entries meanwhile. A node may be listed more than
//! once, and an entry may be of a node that is gone, which its version tells.
//!
//! New entries go where vacuum has made room, or to the end. A crash between writing a page and linking it leaves one that is
//! not of the chain, for vacuum to free.

use std::collections::BTreeSet;

use crate::basis::Code;
use crate::error::{Error, Result};
use crate::estimator::Scratch;
use crate::filter::Filter;
use crate::index::{Index, Steps};
use crate::layout::{Factors, Kind, Page, Pointer};
use crate::page_graph::{FromSlot, NodeVector};
use crate::query::Query;
use crate::sort::RankedNode;
use crate::store::{PageStore, Write};

/// A page with fewer entries than this part of what it holds gets new ones.
const FILLED: (usize, usize) = (3, 4);
/// Entries whose distances are estimated at once.
const TOGETHER: usize = 512;

/// Lists a node with words of rows that it has.
pub(crate) fn add<S: PageStore>(
    index: &mut Index<S>,
    node: Pointer,
    words: &[u64],
    code: Option<&Code>,
) -> Result<()> {
    let (shape, epoch) = (index.shape, index.epoch());
    let push = |page: &mut Page| match code {
        Some(code) if page.epoch() == epoch => {
            page.push_listed(&shape, node, words, code.factors, &code.bytes)
        }
        _ => page.push_listed(&shape, node, words, Factors::UNCODED, &[]),
    };
    let (mut at, mut steps) = (index.meta.room, Steps::default());
    loop {
        let mut next = 0;
        if at != 0 {
            steps.take(index, at)?;
            let mut page = index.store.write(at)?;
            expect(&page, at)?;
            if push(&mut page) {
                page.commit()?;
                break;
            }
            next = page.next();
        }
        if next != 0 {
            at = next;
            continue;
        }
        let (block, mut page) = index.extend()?;
        page.init(Kind::Directory, epoch);
        push(&mut page);
        page.commit()?;
        let follows = match at {
            0 => begin(index, block)?,
            _ => link(index, at, block)?,
        };
        if follows == block {
            at = block;
            break;
        }
        index.discard(block)?;
        at = follows;
    }
    if index.meta.room != at {
        index.change_meta(|meta| {
            meta.room = at;
            true
        })?;
    }
    Ok(())
}

/// Makes a page the first one, unless there is another by now. Returns the first one.
fn begin<S: PageStore>(index: &mut Index<S>, block: u32) -> Result<u32> {
    index.change_meta(|meta| {
        let none = meta.directory == 0;
        if none {
            meta.directory = block;
            meta.room = block;
        }
        none
    })?;
    Ok(index.meta.directory)
}

/// Links a page after another one, unless there is one after it by now. Returns the one after it.
fn link<S: PageStore>(index: &Index<S>, at: u32, block: u32) -> Result<u32> {
    let mut page = index.store.write(at)?;
    expect(&page, at)?;
    if page.next() != 0 {
        return Ok(page.next());
    }
    page.set_next(block);
    page.commit()?;
    Ok(block)
}

fn expect(page: &Page, block: u32) -> Result<()> {
    match page.kind(block)? {
        Kind::Directory => Ok(()),
        _ => Err(Error::corrupt(block, "no page of the filter directory")),
    }
}

/// What the directory has of a node.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) node: Pointer,
    pub(crate) words: Vec<u64>,
    pub(crate) factors: Factors,
    pub(crate) code: Vec<u8>,
}

/// Writes a directory of so many nodes, which `fill` is asked for one after the other, with their words and codes, all of
/// the same epoch, and returns its first page and its last.
pub(crate) fn write<S: PageStore>(
    index: &Index<S>,
    epoch: u16,
    nodes: usize,
    mut fill: impl FnMut(usize, &mut Entry) -> Result<()>,
) -> Result<(u32, u32)> {
    let shape = index.shape;
    let (mut first, mut last) = (0, 0);
    let none = Entry {
        node: Pointer::NONE,
        words: Vec::new(),
        factors: Factors::UNCODED,
        code: Vec::new(),
    };
    let mut entries = vec![none; shape.listed().min(nodes)];
    for start in (0..nodes).step_by(shape.listed()) {
        index.store.interrupt()?;
        // All that may wait comes before the page is locked.
        let entries = &mut entries[..shape.listed().min(nodes - start)];
        for (node, entry) in (start..).zip(&mut *entries) {
            fill(node, entry)?;
        }
        let (block, mut page) = index.extend()?;
        page.init(Kind::Directory, epoch);
        for entry in entries {
            page.push_listed(&shape, entry.node, &entry.words, entry.factors, &entry.code);
        }
        page.commit()?;
        if last == 0 {
            first = block;
        } else {
            link(index, last, block)?;
        }
        last = block;
    }
    Ok((first, last))
}

/// The pages of the directory, one after the other.
fn for_each<S: PageStore>(
    index: &Index<S>,
    mut read: impl FnMut(u32, &Page) -> Result<()>,
) -> Result<()> {
    let (mut block, mut steps) = (index.store.read(0)?.meta()?.directory, Steps::default());
    while block != 0 {
        index.store.interrupt()?;
        steps.take(index, block)?;
        let page = index.store.read(block)?;
        expect(&page, block)?;
        let next = page.next();
        if next != 0 {
            // No processor guesses where the next page is; its words take longer to come than these to be looked at.
            index
                .store
                .expect(std::iter::once((next, index.shape.listed_words())));
        }
        read(block, &page)?;
        block = next;
    }
    Ok(())
}

/// Has new entries go where vacuum has made room, and frees those of the `written` pages that are not of the
/// chain. Whoever has written one has linked it by now, or never will.
pub(crate) fn tidy<S: PageStore>(index: &mut Index<S>, written: &[u32]) -> Result<()> {
    let (shape, mut room) = (index.shape, 0);
    let mut lost: BTreeSet<u32> = written.iter().copied().collect();
    for_each(index, |block, page| {
        lost.remove(&block);
        if room == 0 && page.listing(&shape).pointers.len() < shape.listed() / FILLED.1 * FILLED.0 {
            room = block;
        }
        Ok(())
    })?;
    if room != 0 && room != index.meta.room {
        index.change_meta(|meta| {
            meta.room = room;
            true
        })?;
    }
    lost.into_iter().try_for_each(|block| index.discard(block))
}

/// Every entry: a node and the words that it is listed with.
pub(crate) fn entries<S: PageStore>(index: &Index<S>) -> Result<Vec<(Pointer, Vec<u64>)>> {
    let mut entries = Vec::new();
    for_each(index, |_, page| {
        let listing = page.listing(&index.shape);
        entries.extend(listing.pointers.iter().enumerate().map(|(at, &node)| {
            let columns = 0..index.shape.columns;
            (
                node,
                columns.map(|column| listing.words(column)[at]).collect(),
            )
        }));
        Ok(())
    })?;
    Ok(entries)
}

/// The nodes that may pass a filter with estimates of their distances, in no order, some of them more than once. A node
/// without an estimate counts as the nearest. `None` where they are more than `most`.
pub(crate) fn candidates<S: PageStore>(
    index: &Index<S>,
    query: &Query,
    filter: &Filter,
    most: usize,
) -> Result<Option<Vec<RankedNode>>> {
    let mut gathered = Gathered {
        query,
        code_bytes: index.shape.code_bytes,
        found: Vec::new(),
        pointers: Vec::new(),
        factors: Vec::new(),
        codes: Vec::new(),
        scratch: Scratch::default(),
        estimates: Vec::new(),
    };
    let (mut passing, mut too_many) = (Vec::new(), false);
    for_each(index, |_, page| {
        too_many |= gathered.found.len() > most;
        if too_many {
            return Ok(());
        }
        let listing = page.listing(&index.shape);
        filter.select(
            listing.pointers.len(),
            |column| listing.words(column),
            &mut passing,
        );
        let epoch = query.estimator.as_ref().map(|estimator| estimator.epoch());
        for &at in &passing {
            let (at, node) = (usize::from(at), listing.pointers[usize::from(at)]);
            if epoch != Some(page.epoch()) || !listing.factors[at].coded() {
                gathered
                    .found
                    .push(RankedNode::new(f64::NEG_INFINITY, node));
            } else {
                let code = &listing.codes[at * index.shape.code_bytes..][..index.shape.code_bytes];
                gathered.add(node, listing.factors[at], code);
            }
        }
        Ok(())
    })?;
    gathered.estimate();
    Ok((!too_many).then_some(gathered.found))
}

/// Codes that wait until there are enough to be estimated together.
struct Gathered<'q> {
    query: &'q Query,
    code_bytes: usize,
    found: Vec<RankedNode>,
    pointers: Vec<Pointer>,
    factors: Vec<Factors>,
    codes: Vec<u8>,
    scratch: Scratch,
    estimates: Vec<f32>,
}

impl Gathered<'_> {
    fn add(&mut self, node: Pointer, factors: Factors, code: &[u8]) {
        self.pointers.push(node);
        self.factors.push(factors);
        self.codes.extend_from_slice(code);
        if self.pointers.len() >= TOGETHER {
            self.estimate();
        }
    }

    fn estimate(&mut self) {
        debug_assert_eq!(self.codes.len(), self.code_bytes * self.pointers.len());
        if let Some(estimator) = &self.query.estimator {
            self.estimates.clear();
            estimator.estimate(
                &self.factors,
                &self.codes,
                &mut self.scratch,
                &mut self.estimates,
            );
            let nodes = self.pointers.iter().zip(&self.estimates);
            let ranked = nodes.map(|(&node, &estimate)| RankedNode::new(estimate.into(), node));
            self.found.extend(ranked);
        }
        self.pointers.clear();
        self.factors.clear();
        self.codes.clear();
    }
}

/// Brings the codes of a page to the epoch in use.
pub(crate) fn recode<S: PageStore>(index: &Index<S>, block: u32) -> Result<()> {
    let (shape, epoch) = (index.shape, index.epoch());
    let page = index.store.read(block)?;
    let listing = page.listing(&shape);
    let old = page.epoch() != epoch;
    let outdated: Vec<(usize, Pointer)> = (0..listing.pointers.len())
        .filter(|&at| old || !listing.factors[at].coded())
        .map(|at| (at, listing.pointers[at]))
        .collect();
    drop(page);
    if outdated.is_empty() && !old {
        return Ok(());
    }
    let mut codes = Vec::with_capacity(outdated.len());
    for (at, node) in outdated {
        let vector = index.with_node(node, NodeVector::from_slot)?;
        codes.push((at, node, vector.and_then(|vector| vector.code(index))));
    }
    let mut page = index.store.write(block)?;
    expect(&page, block)?;
    // What others have added meanwhile has no code, for the page was of another epoch.
    page.set_epoch(epoch);
    for (at, node, code) in codes {
        if page.listing(&shape).pointers.get(at) == Some(&node) {
            match code {
                Some(code) => page.set_listed_code(&shape, at, code.factors, &code.bytes),
                None => page.set_listed_code(&shape, at, Factors::UNCODED, &[]),
            }
        }
    }
    page.commit()
}
