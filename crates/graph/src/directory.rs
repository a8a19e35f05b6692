//! The filter directory: of every node its words and its code.
//!
//! A filter that few nodes pass has no use for the graph, whose neighbours do not pass. Here the words of nodes are looked
//! at, some 130 to a page, and distances are estimated from the codes of those that pass; only the nearest by these estimates
//! are visited. An index without filter columns has no such pages.
//!
//! # Pages with summaries, and a chain
//!
//! A build writes the nodes to the directory in their order, in which near ones are near, and a summary of every page: the
//! mean of its nodes, how far they are from it, and which words there are. So a [reader](reading) begins with the pages that
//! promise the nearest and ends where the others promise none nearer: an inverted file (Sivic and Zisserman, Video Google,
//! 2003; Jégou et al., Product quantization for nearest neighbor search, 2011), on pages that the filter leaves of it. Nothing
//! is added to such a page. Nodes that come later are listed on a chain of pages without summaries, which every reader
//! reads whole, until vacuum finds that they are many and [gives them summaries](summarize).
//!
//! # Why nothing is lost
//!
//! A row's node is listed with words that cover the row's before its insertion ends: with a new node's first row, and with
//! every row whose words are others than its node had. An entry stays where it is until vacuum removes it, with all others
//! of a node that has no rows any more, before the node's slot is freed. So whoever reads the chain from its beginning, and
//! those pages with summaries that he needs, meets an entry for every row that his snapshot sees, wherever others add entries
//! meanwhile. A node may be listed more than once, and an entry may be of a node that is gone, which its version tells.
//!
//! New entries go where vacuum has made room on the chain, or to its end. A crash between writing a page and linking it
//! leaves one that is not of the chain, for vacuum to free.

mod reading;
mod summarize;
mod write;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::basis::Code;
use crate::error::{Error, Result};
use crate::index::{Index, Steps};
use crate::layout::{Factors, Kind, Page, Pointer, Shape, Summaries};
use crate::page_graph::{FromSlot, NodeVector};
use crate::store::{PageStore, Write};
pub(crate) use reading::{Nearest, Reading};
pub(crate) use summarize::summarize;
pub(crate) use write::{Entry, Mean, Means, recode_summaries, write};

/// A page with fewer entries than this part of what it holds gets new ones.
const FILLED: (usize, usize) = (3, 4);

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
            expect(&page, Kind::Directory, at)?;
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
            _ => link(index, Kind::Directory, at, block)?,
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
fn link<S: PageStore>(index: &Index<S>, kind: Kind, at: u32, block: u32) -> Result<u32> {
    let mut page = index.store.write(at)?;
    expect(&page, kind, at)?;
    if page.next() != 0 {
        return Ok(page.next());
    }
    page.set_next(block);
    page.commit()?;
    Ok(block)
}

fn expect(page: &Page, kind: Kind, block: u32) -> Result<()> {
    match page.kind(block)? == kind {
        true => Ok(()),
        false => Err(Error::corrupt(
            block,
            "no such page of the filter directory",
        )),
    }
}

/// The pages of the chain that begins with `block`, one after the other. `ahead` are the bytes of each that are looked at first.
fn for_each<S: PageStore>(
    index: &Index<S>,
    kind: Kind,
    mut block: u32,
    ahead: Range<usize>,
    mut read: impl FnMut(u32, &Page) -> Result<()>,
) -> Result<()> {
    let mut steps = Steps::default();
    while block != 0 {
        index.store.interrupt()?;
        steps.take(index, block)?;
        let page = index.store.read(block)?;
        expect(&page, kind, block)?;
        let next = page.next();
        if next != 0 {
            // No processor guesses where the next page is; its bytes take longer to come than these to be looked at.
            index.store.expect(std::iter::once((next, ahead.clone())));
        }
        read(block, &page)?;
        block = next;
    }
    Ok(())
}

/// The pages of the directory's chain, one after the other. Where what was the chain has got summaries meanwhile, some are read
/// twice.
fn for_each_chained<S: PageStore>(
    index: &Index<S>,
    mut read: impl FnMut(u32, &Page) -> Result<()>,
) -> Result<()> {
    let ahead = index.shape.listed_words();
    loop {
        let first = index.store.read(0)?.meta()?.directory;
        let all = for_each(index, Kind::Directory, first, ahead.clone(), &mut read);
        if all.is_ok() || index.store.read(0)?.meta()?.directory == first {
            return all;
        }
    }
}

/// The pages of summaries, one after the other.
fn for_each_summaries<S: PageStore>(
    index: &Index<S>,
    mut read: impl FnMut(u32, Summaries<'_>, u16) -> Result<()>,
) -> Result<()> {
    let first = index.store.read(0)?.meta()?.summaries;
    let ahead = index.shape.summary_zones();
    for_each(index, Kind::Summaries, first, ahead, |block, page| {
        read(block, page.summaries(&index.shape), page.epoch())
    })
}

/// Has new entries go where vacuum has made room on the chain, and frees those of the `written` pages, of entries and of
/// summaries, that nothing leads to. Whoever has written one has linked it by now, or never will.
pub(crate) fn tidy<S: PageStore>(index: &mut Index<S>, written: &[u32]) -> Result<()> {
    let (shape, mut room) = (index.shape, 0);
    let mut lost: BTreeSet<u32> = written.iter().copied().collect();
    for_each_summaries(index, |block, summaries, _| {
        lost.remove(&block);
        for block in summaries.blocks {
            lost.remove(block);
        }
        Ok(())
    })?;
    for_each_chained(index, |block, page| {
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

/// The entries of a page: nodes and the words that they are listed with.
fn listed(page: &Page, shape: &Shape) -> Vec<(Pointer, Vec<u64>)> {
    let listing = page.listing(shape);
    let words = |at: usize| {
        (0..shape.columns)
            .map(|column| listing.words(column)[at])
            .collect()
    };
    let pointers = listing.pointers.iter().enumerate();
    pointers.map(|(at, &node)| (node, words(at))).collect()
}

/// Every entry, but those that a reader may not meet because the summary of their page does not tell of them.
pub(crate) fn entries<S: PageStore>(index: &Index<S>) -> Result<Vec<(Pointer, Vec<u64>)>> {
    let shape = index.shape;
    let mut entries = Vec::new();
    for_each_chained(index, |_, page| {
        entries.extend(listed(page, &shape));
        Ok(())
    })?;
    let mut summarized = Vec::new();
    for_each_summaries(index, |_, summaries, _| {
        summarized.extend(summaries.blocks.iter().enumerate().map(|(at, &block)| {
            let zones = (0..shape.columns).map(|column| summaries.zone(column, at));
            (block, zones.collect::<Vec<_>>())
        }));
        Ok(())
    })?;
    for (block, zones) in summarized {
        index.store.interrupt()?;
        let page = index.store.read(block)?;
        expect(&page, Kind::Directory, block)?;
        let told = |words: &[u64]| {
            words
                .iter()
                .zip(&zones)
                .all(|(&word, zone)| zone.covers(word))
        };
        entries.extend(
            listed(&page, &shape)
                .into_iter()
                .filter(|(_, words)| told(words)),
        );
    }
    Ok(entries)
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
    expect(&page, Kind::Directory, block)?;
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
