//! All nodes in the order of what their distances are at least, from all pages.
//!
//! A walk on the graph may miss rows, and it pays several times as much for a node as reading the pages one after the
//! other does. So a scan that wants more rows than the graph is good for ends here: a [`Sweep`] of all pages tells
//! that of every node, a [sorter](crate::sort::Sorter) puts 16 bytes of each in order, in memory or on disk, and the rows
//! are read when a node's turn has come. Who wants rows in no order takes them from the sweep.
//!
//! # Why nothing is lost
//!
//! A reader sees rows that were there when its snapshot was taken, and the snapshot is older than the scan. Such a
//! row lies in the slot that it was put into: nothing but a build or an insertion gives a row its slot, and only
//! vacuum takes it away, when no snapshot sees it. A node keeps its slot as long as it has rows. So
//!
//! - the sweep, which looks at every page that there was when it began, each at one moment under the page's lock, meets every
//!   node with a row that the reader sees, whatever is inserted, removed or mended before, behind or between; slots
//!   that others add meanwhile, or fill again, are too new for the reader;
//! - a node that was met is found where it was when its turn comes. If its slot is of another version by then, or it
//!   has no rows any more, the reader saw none of them;
//! - nothing is met twice, for a node has one slot, and what was returned before the sweep is known by its slot: if
//!   vacuum has since put another node there, that one is too new.
//!
//! No gate is needed, and none is held: nothing here follows an edge. A standby replays the records in the order in
//! which they were written, and a row's before its transaction's commit, so all of this holds there, too.

use crate::error::Result;
use crate::filter::Filter;
use crate::index::Index;
use crate::layout::{Pointer, State};
use crate::page_graph::{FromSlot, Tids};
use crate::query::Query;
use crate::search::Hit;
use crate::store::PageStore;

/// The nodes of all pages, page by page.
pub(crate) struct Sweep {
    next: u32,
    end: u32,
}

impl Sweep {
    pub(crate) fn new<S: PageStore>(index: &Index<S>) -> Result<Self> {
        Ok(Self {
            next: 1,
            end: index.store.blocks()?,
        })
    }

    /// Nodes that its pages have room for.
    pub(crate) fn most_nodes<S: PageStore>(&self, index: &Index<S>) -> usize {
        self.end as usize * index.shape.slots
    }

    /// Puts the nodes with rows that pass on the next page in place of what is in `found`. Returns false when there is no page
    /// any more.
    pub(crate) fn page<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        skip_dead: bool,
        filter: Option<&Filter>,
        found: &mut Vec<Hit<Tids>>,
    ) -> Result<bool> {
        found.clear();
        if self.next >= self.end {
            return Ok(false);
        }
        index.store.interrupt()?;
        let (block, shape) = (self.next, &index.shape);
        self.next += 1;
        let page = index.store.read_once(block)?;
        if page.has_slots() {
            for number in 0..shape.slots {
                let slot = page.slot(shape, number);
                if slot.state() == State::Live
                    && !(skip_dead && slot.is_dead())
                    && filter.is_none_or(|filter| filter.passes(slot.words()))
                {
                    let header = slot.header();
                    found.push(Hit {
                        measure: query.measure(slot.rounded(), header.norm_squared),
                        at: Pointer::new(shape.id(block, number)?, header.version),
                        found: Tids::from_slot(&slot),
                    });
                }
            }
        }
        Ok(true)
    }
}
