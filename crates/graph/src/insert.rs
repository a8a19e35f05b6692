//! Adding a row.
//!
//! The gate for inserts is shared from the search to the last edge, so that vacuum can wait for those
//! who may link to a node it has found without rows. Who finds no node at all makes the first one, alone: searches
//! begin there from then on. The order of records makes a crash cost recall and never validity: the node with its
//! own edges first, which nothing leads to yet; then an edge back from each neighbour; then, for some, the entry in
//! the entry tree.

use half::f16;

use crate::error::Result;
use crate::index::Index;
use crate::layout::{Pointer, Tid, Unreachable};
use crate::link::{Edge, NewNode, back, choose, link_back, set_edges};
use crate::page_graph::{NodeVector, PageGraph};
use crate::query::Query;
use crate::random::Random;
use crate::rounded::Rounded;
use crate::search::{Hit, Search};
use crate::store::{Gate, Mode, PageStore};
use crate::tids;
pub use crate::tids::NewRow;
use crate::{directory, entries};

/// Adds a row of the heap to the index.
///
/// A vector equal to one that is there already adds its row to that node; what is equal when it is [rounded](Rounded) is
/// as near to any query, for all that a node tells. A vector of norm zero has no
/// cosine distance and is left out.
///
/// # Errors
/// When the vector has another number of dimensions than the index, and when the store fails.
pub fn insert<'w, S: PageStore>(
    index: &mut Index<S>,
    vector: &[f16],
    row: impl Into<NewRow<'w>>,
) -> Result<()> {
    let row = row.into();
    debug_assert_eq!(row.words.len(), index.shape.columns);
    index.check_dimensions(vector)?;
    if !index.takes(vector) {
        return Ok(());
    }
    let store = index.store;
    let (gate, query, hits) = loop {
        let gate = store.lock_gate(Gate::Insert, Mode::Shared)?;
        index.refresh()?;
        let query = index.node_query(vector);
        let hits = candidates(index, &query)?;
        if !hits.is_empty() {
            break (gate, query, hits);
        }
        let entry = index.meta.entry;
        drop(gate);
        let gate = store.lock_gate(Gate::Insert, Mode::Exclusive)?;
        index.refresh()?;
        // Everything that the search went through is without rows, and stays so. Another one may have made the first
        // node meanwhile; to search from there takes its time where many are without rows, so not before the gate
        // is shared again.
        if index.meta.entry == entry {
            let query = index.node_query(vector);
            break (gate, query, hits);
        }
    };
    let rounded = Rounded::of(vector);
    if !add_to_equal(index, &rounded, &hits, row)? {
        add_node(index, &query, &rounded, hits, row)?;
    }
    drop(gate);
    Ok(())
}

fn candidates<S: PageStore>(index: &Index<S>, query: &Query) -> Result<Vec<Hit<NodeVector>>> {
    let mut search = Search::default();
    entries::begin(index, &index.meta, query, &mut search)?;
    let ef = usize::from(index.meta.ef_construction);
    search.run(&PageGraph::new(index), query, ef)
}

/// Adds the row to a node of the same vector, if there is one.
fn add_to_equal<S: PageStore>(
    index: &mut Index<S>,
    rounded: &Rounded,
    hits: &[Hit<NodeVector>],
    row: NewRow<'_>,
) -> Result<bool> {
    for hit in hits {
        let mut is_other = false;
        if hit.found.rounded == *rounded && tids::add(index, hit.at, row, &mut is_other)? {
            if is_other {
                let code = hit.found.code(index);
                directory::add(index, hit.at, row.words, code.as_ref())?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

fn add_node<S: PageStore>(
    index: &mut Index<S>,
    query: &Query,
    rounded: &Rounded,
    hits: Vec<Hit<NodeVector>>,
    NewRow { tid, words }: NewRow<'_>,
) -> Result<()> {
    let chosen = choose(index, &hits)?;
    let edges: Vec<Edge> = chosen
        .positions
        .iter()
        .map(|&i| Edge {
            to: hits[i].at,
            code: hits[i].found.code(index),
        })
        .collect();
    let code = index.encode(&query.vector, query.norm_squared);
    let epoch = index.epoch();
    let node = index.allocate(|mut slot| {
        slot.init_rounded(rounded.get(), query.norm_squared);
        if let Some(code) = &code {
            slot.set_own(epoch, code.factors, &code.bytes);
        }
        set_edges(&mut slot, epoch, &edges);
        slot.set_words(words);
        slot.push_tid(tid);
    })?;
    if !words.is_empty() {
        directory::add(index, node, words, code.as_ref())?;
    }
    if edges.is_empty() {
        index.change_meta(|meta| {
            meta.entry = node;
            true
        })?;
    }
    let back = back(&chosen, &index.shape);
    let mut new = NewNode {
        at: node,
        query,
        rounded,
        code: code.as_ref(),
        hits: &hits,
        edges: edges.iter().map(|edge| edge.to).collect(),
        given_up: Vec::new(),
    };
    let linked = link_back(index, &mut new, &edges[..back])?;
    if !linked && !edges.is_empty() {
        // Its neighbours have lost their rows since they were found.
        index.change_meta(|meta| {
            let possible = Unreachable::Possible as u16;
            std::mem::replace(&mut meta.unreachable, possible) != possible
        })?;
    }
    if let Some(code) = &code
        && is_entry(node, tid)
    {
        entries::add(index, query, node, code)?;
    }
    Ok(())
}

/// Whether a new node is one of the sample that the entry tree holds.
fn is_entry(node: Pointer, tid: Tid) -> bool {
    let seed = u64::from(node.id) << 32 | u64::from(tid.block() ^ u32::from(tid.offset()) << 16);
    Random::new(seed).below(entries::SAMPLED) == 0
}
