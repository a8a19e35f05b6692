//! The pages of a new index: nodes in their order, overflow slots behind them, then the basis and the entries.

use std::sync::Arc;

use half::f16;

use crate::basis::{Basis, Code};
use crate::directory::{self, Mean, Means};
use crate::entries;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::layout::{Factors, Kind, Pointer, Tid};
use crate::store::{PageStore, Write};

/// A node about to be written.
#[derive(Default)]
pub(crate) struct Staged {
    pub(crate) vector: Vec<f16>,
    pub(crate) norm_squared: f32,
    /// Its own code.
    pub(crate) own: Option<(Factors, Vec<u8>)>,
    /// The nodes that its edges lead to, with their codes.
    pub(crate) edges: Vec<u32>,
    pub(crate) factors: Vec<Factors>,
    pub(crate) codes: Vec<u8>,
    /// The words of its filter columns.
    pub(crate) words: Vec<u64>,
    /// Rows, at most as many as a node holds itself.
    pub(crate) tids: Vec<Tid>,
    /// How many more there are.
    pub(crate) others: usize,
}

/// Where the nodes come from, numbered by their places.
pub(crate) trait Source {
    /// How many there are.
    fn nodes(&self) -> usize;

    /// Fills in a node; they are asked for in their order.
    fn stage(&mut self, node: usize, staged: &mut Staged) -> Result<()>;

    /// The next row that did not fit its node, in the order of nodes, after all nodes were staged.
    fn other(&mut self) -> Result<Option<(u32, Tid)>>;

    /// Fills in what the filter directory has of a node: its words and its code. They are asked for in their order, after
    /// all rows.
    fn list(&mut self, node: usize, entry: &mut directory::Entry) -> Result<()>;
}

/// Rows of an overflow slot.
struct Overflow {
    owner: u32,
    tids: Vec<Tid>,
}

/// Writes all nodes, whose ids then follow from their numbers. Returns the means of those that will share a page of the filter
/// directory, where there will be one.
pub(crate) fn nodes<S: PageStore>(
    index: &Index<S>,
    basis: &Basis,
    source: &mut impl Source,
    place: impl Fn(usize) -> Result<Pointer>,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Option<Mean>>> {
    let shape = index.shape;
    let nodes = source.nodes();
    let mut means = (shape.columns > 0).then(|| Means::new(&shape, basis));
    let mut staged: Vec<Staged> = (0..shape.slots).map(|_| Staged::default()).collect();
    // Overflow slots that the nodes so far need, and those written.
    let (mut needed, mut written) = (0, 0);
    let mut next_row = None;
    let mut last_owner = None;
    let mut at = 0;
    loop {
        index.store.interrupt()?;
        progress(at.min(nodes));
        // All that may wait comes before the page is locked.
        let count = shape.slots.min(nodes.saturating_sub(at));
        for (node, staged) in (at..).zip(&mut staged[..count]) {
            source.stage(node, staged)?;
            if let Some(means) = &mut means {
                means.add(&staged.vector, staged.norm_squared);
            }
        }
        let mut overflows: Vec<Overflow> = Vec::new();
        while at + count >= nodes && count + overflows.len() < shape.slots {
            let Some((owner, tid)) = next_row
                .take()
                .map_or_else(|| source.other(), |row| Ok(Some(row)))?
            else {
                break;
            };
            let mut tids = vec![tid];
            while tids.len() < shape.overflow_tids() {
                match source.other()? {
                    Some((same, tid)) if same == owner => tids.push(tid),
                    row => {
                        next_row = row;
                        break;
                    }
                }
            }
            overflows.push(Overflow { owner, tids });
        }
        let filled = count + overflows.len();
        if filled == 0 {
            return Ok(means.map_or_else(Vec::new, Means::finish));
        }
        let (block, mut page) = index.extend()?;
        if shape.id(block, 0)? != place(at)?.id {
            return Err(Error::corrupt(block, "another process extends a new index"));
        }
        page.init(Kind::Nodes, 0);
        for (number, staged) in staged[..count].iter().enumerate() {
            let mut slot = page.slot_mut(&shape, number);
            slot.init_node(&staged.vector, staged.norm_squared);
            if let Some((factors, code)) = &staged.own {
                slot.set_own(basis.epoch(), *factors, code);
            }
            slot.header_mut().edge_epoch = basis.epoch();
            slot.set_degree(staged.edges.len());
            let codes = staged.codes.chunks_exact(shape.code_bytes);
            let coded = staged.factors.iter().zip(codes);
            for (number, (&edge, (&factors, code))) in staged.edges.iter().zip(coded).enumerate() {
                slot.set_edge(number, place(edge as usize)?, factors, code);
            }
            slot.set_words(&staged.words);
            for &tid in &staged.tids {
                slot.push_tid(tid);
            }
            if staged.others > 0 {
                // Slots of a chain follow each other, so the last one to be written is the first.
                needed += staged.others.div_ceil(shape.overflow_tids());
                slot.set_overflow(place(nodes + needed - 1)?);
            }
        }
        for (number, Overflow { owner, tids }) in (count..).zip(overflows) {
            let mut slot = page.slot_mut(&shape, number);
            let next = match last_owner.replace(owner) {
                Some(last) if last == owner => place(nodes + written - 1)?,
                _ => Pointer::NONE,
            };
            slot.init_overflow(place(owner as usize)?, next);
            for tid in tids {
                slot.push_tid(tid);
            }
            written += 1;
        }
        page.commit()?;
        if filled < shape.slots {
            index.store.note_free(block)?;
        }
        at += filled;
    }
}

/// Writes the filter directory, of whose pages' nodes these are the means, the basis and the entries, and makes the index one of all that was written.
pub(crate) fn rest<S: PageStore>(
    index: &mut Index<S>,
    basis: &Arc<Basis>,
    source: &mut impl Source,
    place: impl Fn(usize) -> Result<Pointer>,
    means: Vec<Option<Mean>>,
    entries: &[(Pointer, Code)],
) -> Result<()> {
    let nodes = source.nodes();
    let summaries = match index.shape.columns {
        0 => 0,
        _ => directory::write(index, basis.epoch(), nodes, means, 0, |node, entry| {
            entry.node = place(node)?;
            source.list(node, entry)
        })?,
    };
    let basis_block = index.write_basis(basis)?;
    let roots = entries::write(index, basis, entries)?;
    let blocks = index.store.blocks()?;
    index.change_meta(|meta| {
        meta.summaries = summaries;
        meta.summarized = if summaries == 0 { 0 } else { nodes as u32 };
        meta.explored = blocks;
        meta.epoch = basis.epoch();
        meta.recoded = basis.epoch();
        meta.basis = basis_block;
        meta.basis_hash = basis.hash();
        meta.roots = roots;
        meta.trained_on = nodes as u32;
        meta.entry = entries[0].0;
        true
    })?;
    index.refresh()
}

/// Where nodes will be, by their numbers.
pub(crate) fn places<S: PageStore>(
    index: &Index<S>,
) -> Result<impl Fn(usize) -> Result<Pointer> + use<S>> {
    let first = index.shape.id(index.store.blocks()?, 0)?;
    Ok(move |at: usize| {
        u32::try_from(at)
            .ok()
            .and_then(|at| first.checked_add(at))
            .map(|id| Pointer::new(id, 0))
            .ok_or(Error::Full { limit: 1 << 32 })
    })
}
