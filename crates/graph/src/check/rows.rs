//! What is asked of single rows: whether one is found by its own vector, and whether the words of its node say of it what
//! they should.

use half::f16;

use crate::error::Result;
use crate::filter;
use crate::index::Index;
use crate::layout::{Pointer, State, Tid};
use crate::page_graph::{PageGraph, Tids};
use crate::query::Query;
use crate::search::{Hit, Search};
use crate::store::{Gate, Mode, PageStore};
use crate::tids::{Chain, NewRow};
use crate::{directory, entries};

/// How wide the searches for a row are, until one finds it.
const WIDER: [usize; 3] = [1, 8, 64];

/// Whether a row is found by its own vector: by a search that keeps `ef` nodes, or else by wider ones, for what a narrow one
/// misses now and then is not lost.
///
/// It looks where nodes are neighbours, in a space where each is the nearest to itself, or nearly: a query by inner
/// product is nearer to the long ones.
///
/// # Errors
/// When the vector has another number of dimensions than the index, and when the store fails.
pub fn finds<S: PageStore>(index: &Index<S>, vector: &[f16], tid: Tid, ef: usize) -> Result<bool> {
    index.check_dimensions(vector)?;
    let query = index.node_query(vector);
    let own = query.distance(vector, query.norm_squared);
    for wider in WIDER {
        let ef = ef.saturating_mul(wider);
        for hit in nearest(index, &query, ef)? {
            if hit.measure.least() <= own {
                let mut rows = Chain::new(hit.at, hit.found);
                while let Some(row) = rows.next(index, false)? {
                    if row == tid {
                        return Ok(true);
                    }
                }
            }
        }
    }
    Ok(false)
}

fn nearest<S: PageStore>(index: &Index<S>, query: &Query, ef: usize) -> Result<Vec<Hit<Tids>>> {
    loop {
        let _gate = index.store.lock_gate(Gate::Scan, Mode::Shared)?;
        let meta = *index.store.read(0)?.meta()?;
        let mut search = Search::default();
        entries::begin(index, &meta, query, &mut search)?;
        let hits = search.run(&PageGraph::for_rows(index, false, None), query, ef.max(1))?;
        // A standby has no gate: the entry may be gone by the time it is visited.
        if !hits.is_empty() || index.store.read(0)?.meta()?.entry == meta.entry {
            return Ok(hits);
        }
    }
}

/// Which nodes rows are of, in the order of the rows, and what the filter directory lists, in order.
pub struct Nodes {
    rows: Vec<(Tid, Pointer)>,
    listed: Vec<(u32, u16, Vec<u64>)>,
}

impl Nodes {
    /// Reads every page of an index.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read<S: PageStore>(index: &Index<S>) -> Result<Self> {
        let mut nodes = Vec::new();
        index.each_slot(|at, slot| {
            let node = match slot.state() {
                State::Overflow => slot.owner(),
                _ => at,
            };
            nodes.extend(slot.tids().iter().map(|&tid| (tid, node)));
            Ok(())
        })?;
        nodes.sort_unstable_by_key(|&(tid, _)| tid);
        let mut listed: Vec<_> = directory::entries(index)?
            .into_iter()
            .map(|(node, words)| (node.id, node.version, words))
            .collect();
        listed.sort_unstable();
        Ok(Self {
            rows: nodes,
            listed,
        })
    }

    /// Whether the directory lists a node with words that cover these, where there are any.
    fn lists(&self, node: Pointer, words: &[u64]) -> bool {
        let of = (node.id, node.version);
        let from = self.listed.partition_point(|entry| (entry.0, entry.1) < of);
        let mut own = self.listed[from..]
            .iter()
            .take_while(|entry| (entry.0, entry.1) == of);
        words.is_empty() || own.any(|(_, _, listed)| filter::cover(listed, words))
    }

    /// Whether the words of a row's node, in its slot and in the directory, say of the row what they should. Of a row that is not there, nothing is wrong.
    ///
    /// # Errors
    /// When the store fails.
    pub fn fit<S: PageStore>(&self, index: &Index<S>, row: NewRow<'_>) -> Result<bool> {
        let at = self.rows.partition_point(|&(tid, _)| tid < row.tid);
        match self.rows.get(at) {
            Some(&(tid, node)) if tid == row.tid => {
                let covered = index.with_node(node, |slot| filter::cover(slot.words(), row.words));
                Ok(covered?.unwrap_or(false) && self.lists(node, row.words))
            }
            _ => Ok(true),
        }
    }
}
