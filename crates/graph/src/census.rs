//! What an index holds, counted.

use crate::error::Result;
use crate::index::Index;
use crate::layout::{Kind, LeftOut, State};
use crate::store::PageStore;

/// Numbers of what is on the pages of an index.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Census {
    /// Nodes with rows.
    pub live: u64,
    /// Nodes whose rows are gone, which the next vacuum frees.
    pub dying: u64,
    /// Free slots.
    pub free: u64,
    /// Rows.
    pub rows: u64,
    /// Rows that are marked dead.
    pub dead_rows: u64,
    /// Entries of the entry tree.
    pub entries: u64,
    /// What scans have left out.
    pub left_out: LeftOut,
    /// Pages of nodes.
    pub node_pages: u64,
    /// Pages of the entry tree.
    pub entry_pages: u64,
    /// Pages of the filter directory.
    pub filter_pages: u64,
    /// Pages of the basis of the codes.
    pub basis_pages: u64,
    /// Pages that were never written.
    pub empty_pages: u64,
}

/// Reads every page of an index, which others may change meanwhile.
///
/// # Errors
/// When the store fails, or a page is not of such an index.
pub fn census<S: PageStore>(index: &Index<S>) -> Result<Census> {
    let mut census = Census {
        left_out: index.store.read(0)?.left_out(),
        ..Census::default()
    };
    for block in 1..index.store.blocks()? {
        index.store.interrupt()?;
        let page = index.store.read(block)?;
        match page.kind(block)? {
            Kind::Nodes => {
                census.node_pages += 1;
                for number in 0..index.shape.slots {
                    let slot = page.slot(&index.shape, number);
                    census.rows += slot.tids().len() as u64;
                    census.dead_rows += u64::from(slot.dead().count_ones());
                    match slot.state() {
                        State::Live => census.live += 1,
                        State::Dying => census.dying += 1,
                        State::Free => census.free += 1,
                        State::Overflow | State::Closed => {}
                    }
                }
            }
            Kind::Leaf => {
                census.entry_pages += 1;
                if page.epoch() == index.meta.epoch {
                    census.entries += page.entries(&index.shape).0.len() as u64;
                }
            }
            Kind::Root => census.entry_pages += 1,
            Kind::Directory | Kind::Summaries => census.filter_pages += 1,
            Kind::Basis => census.basis_pages += 1,
            Kind::New | Kind::Meta => census.empty_pages += 1,
        }
    }
    Ok(census)
}
