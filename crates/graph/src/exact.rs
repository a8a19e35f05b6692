//! All nodes in the order of their distance, exactly, from all pages.
//!
//! A walk on the graph may miss rows, and it pays several times as much for a node as reading the pages one after the
//! other does. So a scan that wants more rows than the graph is good for ends here: a [`Sweep`] of all pages tells
//! the true distance of every node, a [`Sorter`] puts 16 bytes of each in order, in memory or on disk, and the rows
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
//!
//! # What was measured, and chosen
//!
//! 30 000 nodes of 512 dimensions, in shared buffers: a sweep takes 28 ms, .9 µs a node, where a sequential scan of
//! the table with a sort takes 21 ms and a visit on the graph 6.7 µs. In order, the first 65 rows are there after 36
//! ms, after 51 ms with a sort on disk. Sorting on disk costs one pass over the pages whatever the memory, where
//! looking for the nearest that fit in memory, then for the nearest of the others, and so on, reads all pages each
//! time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::codes::Query;
use crate::error::Result;
use crate::graph::{Remember, Rows};
use crate::index::Index;
use crate::layout::{Pointer, State};
use crate::search::Hit;
use crate::store::PageStore;

/// A node and its distance, in the order of distances.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Entry(u128);

impl Entry {
    /// A node at a distance.
    pub(crate) fn new(distance: f64, at: Pointer) -> Self {
        let bits = distance.to_bits();
        // Numbers compare like their bits if those of negative ones are reversed.
        let ordered = match bits >> 63 {
            0 => bits | 1 << 63,
            _ => !bits,
        };
        Self(u128::from(ordered) << 64 | u128::from(at.id) << 32 | u128::from(at.version))
    }

    /// The distance.
    pub(crate) fn distance(self) -> f64 {
        let ordered = (self.0 >> 64) as u64;
        f64::from_bits(match ordered >> 63 {
            1 => ordered & !(1 << 63),
            _ => !ordered,
        })
    }

    /// The node.
    pub(crate) fn at(self) -> Pointer {
        Pointer::new((self.0 >> 32) as u32, self.0 as u16)
    }

    /// Bytes that compare like the entry.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// What [`to_bytes`](Self::to_bytes) made.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// Puts entries in order: first all are put in, then they are taken.
pub trait Sorter {
    /// Adds an entry.
    ///
    /// # Errors
    /// When there is no room.
    fn put(&mut self, entry: Entry) -> Result<()>;

    /// Takes the least that is left.
    ///
    /// # Errors
    /// When it cannot be read.
    fn take(&mut self) -> Result<Option<Entry>>;

    /// Gives back what it holds beyond its own memory. Dropping it leaves that to whoever cleans up after an error.
    fn close(self: Box<Self>) {}
}

/// A [`Sorter`] in memory. Taking a few of many is cheap.
#[derive(Default)]
pub struct Nearest {
    entries: Vec<Reverse<Entry>>,
    heap: BinaryHeap<Reverse<Entry>>,
}

impl Nearest {
    /// One with room for `count` entries.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn with_room(count: usize) -> Result<Self> {
        let mut nearest = Self::default();
        nearest.entries.try_reserve_exact(count)?;
        Ok(nearest)
    }

    /// Whether it has no room for another entry but by more memory.
    pub fn is_full(&self) -> bool {
        self.entries.len() == self.entries.capacity()
    }

    /// All that was put, in no order.
    pub fn drain(&mut self) -> impl Iterator<Item = Entry> + use<> {
        std::mem::take(&mut self.entries)
            .into_iter()
            .map(|Reverse(entry)| entry)
    }
}

impl Sorter for Nearest {
    fn put(&mut self, entry: Entry) -> Result<()> {
        self.entries.push(Reverse(entry));
        Ok(())
    }

    fn take(&mut self) -> Result<Option<Entry>> {
        if !self.entries.is_empty() {
            self.heap = std::mem::take(&mut self.entries).into();
        }
        Ok(self.heap.pop().map(|Reverse(entry)| entry))
    }
}

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

    /// Puts the nodes with rows on the next page in place of what is in `found`. Returns false when there is no page
    /// any more.
    pub(crate) fn page<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        skip_dead: bool,
        found: &mut Vec<Hit<Rows>>,
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
                if slot.state() == State::Live && !(skip_dead && slot.is_dead()) {
                    let header = slot.header();
                    found.push(Hit {
                        distance: query.distance(slot.vector(), header.norm_squared),
                        at: Pointer::new(shape.id(block, number)?, header.version),
                        found: Rows::remember(&slot),
                    });
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_compare_like_their_distances() {
        let distances = [
            f64::NEG_INFINITY,
            -2.5,
            -1e-300,
            0.0,
            1e-300,
            0.1,
            0.1 + 1e-16,
            7.0,
            f64::INFINITY,
        ];
        let entries: Vec<Entry> = distances
            .iter()
            .map(|&distance| Entry::new(distance, Pointer::new(u32::MAX, 7)))
            .collect();
        assert!(entries.is_sorted());
        for (entry, distance) in entries.iter().zip(distances) {
            assert_eq!(entry.distance(), distance);
            assert_eq!(entry.at(), Pointer::new(u32::MAX, 7));
            assert_eq!(Entry::from_bytes(entry.to_bytes()), *entry);
        }
        assert!(entries.iter().map(|entry| entry.to_bytes()).is_sorted());
        assert!(Entry::new(1.0, Pointer::new(2, 9)) < Entry::new(1.0, Pointer::new(3, 0)));
    }
}
