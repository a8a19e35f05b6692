//! Pages with summaries for what has been added to the chain.
//!
//! The chain gets a page at its end, to which all new entries go from then on. What is listed before is listed once more, in
//! an order in which near nodes are near, on new pages with summaries; then the meta page names these, and the chain begins
//! with the page at its end, by one record. A reader of the chain who meets what was a page of it begins anew, for no such
//! page becomes one of the directory again. A crash leaves pages that nothing names, which the next vacuum frees.

use std::sync::atomic::Ordering;

use super::write::{Means, write};
use super::{expect, for_each_chained, link, listed};
use crate::error::Result;
use crate::index::{Index, Steps};
use crate::layout::{Kind, Pointer};
use crate::near;
use crate::page_graph::{FromSlot, NodeVector};
use crate::random::Random;
use crate::store::{Gate, Mode, PageStore, Write};
use crate::threads::Threads;

/// Pages of the chain that are worth it, and one of so many nodes that have summaries already.
const PAGES: usize = 4;
const GROWN: usize = 8;
/// Entries that are put in order at a time.
const TOGETHER: usize = 1 << 17;

/// Lists on pages with summaries what is listed on the chain, if that is much. Vacuum calls this; it must not run beside
/// another one.
///
/// # Errors
/// When the store fails or asks to stop; what was done is of no account then, and the next call begins anew.
pub(crate) fn summarize<S: PageStore>(index: &mut Index<S>) -> Result<()> {
    let shape = index.shape;
    if shape.columns == 0 || index.basis().is_none() {
        return Ok(());
    }
    index.refresh()?;
    let mut entries = 0;
    for_each_chained(index, |_, page| {
        entries += page.listing(&shape).pointers.len();
        Ok(())
    })?;
    let summarized = index.meta.summarized as usize;
    if entries < (PAGES * shape.listed()).max(summarized / GROWN) {
        return Ok(());
    }
    let (frozen, end) = freeze(index)?;
    let (mut head, mut count) = (index.meta.summaries, 0);
    let mut pages = frozen.iter();
    loop {
        let mut nodes = Vec::new();
        while nodes.len() < TOGETHER
            && let Some(&block) = pages.next()
        {
            index.store.interrupt()?;
            let page = index.store.read(block)?;
            expect(&page, Kind::Directory, block)?;
            nodes.extend(listed(&page, &shape));
        }
        if nodes.is_empty() {
            break;
        }
        count += nodes.len();
        head = list(index, nodes, head)?;
    }
    index.change_meta(|meta| {
        meta.directory = end;
        meta.summaries = head;
        meta.summarized = meta.summarized.saturating_add(count as u32);
        true
    })?;
    frozen
        .into_iter()
        .try_for_each(|block| index.discard(block))
}

/// Has new entries go to a new page at the end of the chain. Returns the pages before it, to which nobody adds any more, and
/// that page.
fn freeze<S: PageStore>(index: &mut Index<S>) -> Result<(Vec<u32>, u32)> {
    let (end, mut page) = index.extend()?;
    page.init(Kind::Directory, index.epoch());
    page.commit()?;
    let mut last = index.meta.room;
    let mut steps = Steps::default();
    loop {
        steps.take(index, last)?;
        match link(index, Kind::Directory, last, end)? {
            next if next == end => break,
            next => last = next,
        }
    }
    loop {
        index.change_meta(|meta| {
            meta.room = end;
            true
        })?;
        drop(index.store.lock_gate(Gate::Insert, Mode::Exclusive)?);
        index.refresh()?;
        let (mut frozen, mut before, mut is_before) = (Vec::new(), true, false);
        let room = index.meta.room;
        for_each_chained(index, |block, _| {
            before &= block != end;
            if before {
                frozen.push(block);
                is_before |= block == room;
            }
            Ok(())
        })?;
        // Whoever found a page full before the end was linked may have told others of the one after it.
        if !is_before {
            return Ok((frozen, end));
        }
    }
}

/// Writes nodes to pages with summaries, the last of which leads to `next`, and returns the first of the summaries.
fn list<S: PageStore>(index: &Index<S>, nodes: Vec<(Pointer, Vec<u64>)>, next: u32) -> Result<u32> {
    let Some(basis) = index.basis() else {
        return Ok(next);
    };
    let (shape, bytes) = (index.shape, index.shape.code_bytes);
    let (mut factors, mut codes) = (Vec::new(), Vec::new());
    let mut there = Vec::with_capacity(nodes.len());
    for (node, words) in nodes {
        index.store.interrupt()?;
        let vector = index.with_node(node, NodeVector::from_slot)?;
        // A node that is gone has no rows.
        if let Some(code) = vector.and_then(|vector| vector.code(index)) {
            factors.push(code.factors);
            codes.extend_from_slice(&code.bytes);
            there.push((node, words));
        }
    }
    let mut order: Vec<u32> = (0..there.len() as u32).collect();
    Random::new(order.len() as u64).shuffle(&mut order);
    let alone = Threads {
        count: 1,
        spawning: |start| start(),
    };
    let keys = near::keys(index.store, basis, (&factors, &codes), &order, alone)?;
    order.sort_by_key(|&at| keys[at as usize].load(Ordering::Relaxed));
    let mut means = Means::new(&shape, basis);
    for &at in &order {
        index.store.interrupt()?;
        let (node, _) = there[at as usize];
        let told = index.with_node(node, |slot| {
            means.add(&slot.rounded().halves(), slot.header().norm_squared);
        })?;
        if told.is_none() {
            means.skip();
        }
    }
    write(
        index,
        index.epoch(),
        order.len(),
        means.finish(),
        next,
        |number, entry| {
            let at = order[number] as usize;
            let (node, words) = &there[at];
            entry.node = *node;
            entry.words.clone_from(words);
            entry.factors = factors[at];
            entry.code.clear();
            entry.code.extend_from_slice(&codes[at * bytes..][..bytes]);
            Ok(())
        },
    )
}
