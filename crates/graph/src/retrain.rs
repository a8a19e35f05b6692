//! Training a basis for an index that was too small for one, or has outgrown it.
//!
//! An index that is created first and filled afterwards has no codes, and searches read every
//! neighbour. When it has grown enough, the pages of a new basis and entry tree are written, then the
//! meta page names them, and inserts that began before are waited for; from then on everyone encodes in
//! the new epoch, and codes of another one are not used. Then every page is brought to the new epoch:
//! first all own codes, then those of the edges. If that is cut short, searches read more pages than
//! they need, and the next call goes on. Where it is cut short before the meta page names the new pages, they
//! become free slots with the next call, which the meta page tells so beforehand. What the former entry tree alone
//! led to is linked to in the end.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::basis::{Basis, Code, SAMPLE, enough};
use crate::directory;
use crate::entries::{self, SAMPLED};
use crate::error::Result;
use crate::index::Index;
use crate::layout::{Factors, Kind, Pointer, State, Unreachable};
use crate::link::read;
use crate::page_graph::{FromSlot, NodeVector};
use crate::random::Random;
use crate::space::Space;
use crate::store::{Gate, Mode, PageStore, Write};
use crate::vacuum::relink;
use crate::vectors::Vectors;

/// An index so many times larger than what its basis was trained on gets a new one.
const OUTGROWN: usize = 16;

/// What nothing leads to is looked for when the index has grown by one part in so many.
const GROWN: u32 = 16;

/// Trains a basis if the index has none and enough nodes, or has outgrown the one it has, and brings
/// all codes to it. Then it gives summaries to pages of the filter directory that have none, where they have become many, and
/// links to nodes that no search can reach, where there may be some. Vacuum calls this; it must not run beside another one.
///
/// # Errors
/// When the store fails or asks to stop; what was done stays valid, and the next call goes on.
pub fn retrain<S: PageStore>(index: &mut Index<S>) -> Result<()> {
    index.refresh()?;
    if index.meta.unfinished != 0 {
        discard_unfinished(index)?;
    }
    let wanted = match index.meta.epoch {
        0 => enough(&index.shape),
        _ => (index.meta.trained_on as usize).saturating_mul(OUTGROWN),
    };
    // What the pages could hold tells most indexes apart without reading them.
    let most = index.store.blocks()? as usize * index.shape.slots;
    if most >= wanted {
        let sample = sample(index)?;
        if sample.nodes >= wanted {
            switch(index, &sample)?;
        }
    }
    if index.meta.recoded != index.meta.epoch {
        let store = index.store;
        drop(store.lock_gate(Gate::Insert, Mode::Exclusive)?);
        recode(index)?;
        let epoch = index.meta.epoch;
        index.change_meta(|meta| {
            meta.recoded = epoch;
            true
        })?;
    }
    directory::summarize(index)?;
    // Of two insertions at once, each may give up an edge because of one that the other gives up.
    let (blocks, explored) = (index.store.blocks()?, index.meta.explored);
    if index.meta.unreachable != Unreachable::None as u16 || blocks > explored + explored / GROWN {
        relink(index)?;
    }
    Ok(())
}

/// Frees the pages of a basis and entry tree that the meta page never came to name.
fn discard_unfinished<S: PageStore>(index: &mut Index<S>) -> Result<()> {
    for block in 1..index.store.blocks()? {
        index.store.interrupt()?;
        let page = index.store.read(block)?;
        let (kind, epoch) = (page.kind(block)?, page.epoch());
        drop(page);
        match kind {
            Kind::Basis | Kind::Root | Kind::Leaf if epoch == index.meta.unfinished => {
                index.discard(block)?;
            }
            Kind::New => index.store.note_free(block)?,
            _ => {}
        }
    }
    index.change_meta(|meta| {
        meta.unfinished = 0;
        true
    })
}

/// A sample of the live nodes.
struct Sample {
    /// How many live nodes there are.
    nodes: usize,
    /// Vectors, one after the other, and their squared norms.
    vectors: Vectors,
    /// Nodes for the entry tree.
    entries: Vec<Pointer>,
}

fn sample<S: PageStore>(index: &Index<S>) -> Result<Sample> {
    let mut random = Random::new(u64::from(index.meta.epoch));
    let mut sample = Sample {
        nodes: 0,
        vectors: Vectors::default(),
        entries: Vec::new(),
    };
    index.each_slot(|at, slot| {
        if slot.state() != State::Live {
            return Ok(());
        }
        sample.nodes += 1;
        let norm = slot.header().norm_squared;
        // Reservoir sampling (Vitter, Random sampling with a reservoir, 1985, algorithm R).
        if sample.nodes <= SAMPLE {
            sample.vectors.push(&slot.rounded().halves(), norm)?;
        } else {
            let place = random.below(sample.nodes);
            if place < SAMPLE {
                sample
                    .vectors
                    .replace(place, &slot.rounded().halves(), norm);
            }
        }
        if sample.entries.is_empty() || random.below(SAMPLED) == 0 {
            sample.entries.push(at);
        }
        Ok(())
    })?;
    Ok(sample)
}

/// Writes a basis and an entry tree and lets the meta page name them.
fn switch<S: PageStore>(index: &mut Index<S>, sample: &Sample) -> Result<()> {
    // 0 says that there is none.
    let epoch = index.meta.epoch.checked_add(1).unwrap_or(1);
    let nodes = (0..sample.vectors.len()).map(|i| sample.vectors.get(&index.shape, i));
    let space = Space::fit(index.metric, nodes.clone().map(|(_, norm)| norm));
    let points = nodes.flat_map(|(vector, norm)| space.node(vector, norm));
    let store = index.store;
    let basis = Basis::train(space, &index.shape, epoch, points.collect(), || {
        store.interrupt()
    });
    let basis = Arc::new(basis?);
    let mut entries = Vec::with_capacity(sample.entries.len());
    for &at in &sample.entries {
        if let Some(node) = read(index, at)? {
            entries.push((at, node.encode(&basis)));
        }
    }
    index.change_meta(|meta| {
        meta.unfinished = epoch;
        true
    })?;
    let block = index.write_basis(&basis)?;
    let roots = entries::write(index, &basis, &entries)?;
    let nodes = sample.nodes as u32;
    index.change_meta(|meta| {
        meta.epoch = epoch;
        meta.basis = block;
        meta.basis_hash = basis.hash();
        meta.roots = roots;
        meta.trained_on = nodes;
        meta.unfinished = 0;
        meta.unreachable = Unreachable::Possible as u16;
        true
    })?;
    index.refresh()
}

fn recode<S: PageStore>(index: &Index<S>) -> Result<()> {
    let blocks = index.store.blocks()?;
    for block in 1..blocks {
        recode_own(index, block)?;
    }
    for block in 1..blocks {
        recode_edges(index, block)?;
    }
    Ok(())
}

/// Brings the own codes of a page's nodes to the epoch in use. A page of an older basis or entry tree
/// becomes one of free slots.
fn recode_own<S: PageStore>(index: &Index<S>, block: u32) -> Result<()> {
    index.store.interrupt()?;
    let (shape, epoch) = (index.shape, index.epoch());
    let page = index.store.read(block)?;
    let mut codes = Vec::new();
    match page.kind(block)? {
        Kind::Basis | Kind::Root | Kind::Leaf if page.epoch() != epoch => {
            drop(page);
            return index.discard(block);
        }
        Kind::Nodes => {
            for number in 0..shape.slots {
                let (slot, header) = (
                    page.slot(&shape, number),
                    page.slot(&shape, number).header(),
                );
                if slot.is_node(header.version) && header.own_epoch != epoch {
                    codes.push((number, header.version, NodeVector::from_slot(&slot)));
                }
            }
        }
        Kind::Directory => {
            drop(page);
            return directory::recode(index, block);
        }
        Kind::Summaries => {
            drop(page);
            return directory::recode_summaries(index, block);
        }
        Kind::New | Kind::Meta | Kind::Basis | Kind::Root | Kind::Leaf => {}
    }
    drop(page);
    if codes.is_empty() {
        return Ok(());
    }
    let codes: Vec<(usize, u16, Option<Code>)> = codes
        .into_iter()
        .map(|(number, version, node)| (number, version, node.code(index)))
        .collect();
    let mut page = index.store.write(block)?;
    for (number, version, code) in &codes {
        let mut slot = page.slot_mut(&shape, *number);
        if let Some(code) = code
            && slot.get().is_node(*version)
        {
            slot.set_own(epoch, code.factors, &code.bytes);
        }
    }
    page.commit()
}

/// Brings the codes of the edges of a page's nodes to the epoch in use.
fn recode_edges<S: PageStore>(index: &Index<S>, block: u32) -> Result<()> {
    index.store.interrupt()?;
    let (shape, epoch) = (index.shape, index.epoch());
    for number in 0..shape.slots {
        let id = shape.id(block, number)?;
        let outdated = index.with_slot(id, |slot| {
            let version = slot.header().version;
            let outdated = slot.is_node(version) && slot.header().edge_epoch != epoch;
            outdated.then(|| (version, slot.edges().collect::<Vec<Pointer>>()))
        })?;
        let Some((version, edges)) = outdated.flatten() else {
            continue;
        };
        let mut codes = FxHashMap::default();
        for edge in edges {
            codes.insert(edge, own_code(index, edge)?);
        }
        index.change_slot(id, |slot| {
            if !slot.get().is_node(version) {
                return false;
            }
            slot.header_mut().edge_epoch = epoch;
            let edges: Vec<Pointer> = slot.get().edges().collect();
            for (at, edge) in edges.iter().enumerate() {
                match codes.get(edge) {
                    Some(Some(code)) => slot.set_edge_code(at, code.factors, &code.bytes),
                    _ => slot.set_edge_code(at, Factors::UNCODED, &[]),
                }
            }
            true
        })?;
    }
    Ok(())
}

/// The code of a node in the epoch in use.
fn own_code<S: PageStore>(index: &Index<S>, at: Pointer) -> Result<Option<Code>> {
    let node = index.with_node(at, NodeVector::from_slot)?;
    Ok(node.and_then(|node| node.code(index)))
}
