//! Nodes put in the order of numbers, distances or what these are at least, or rows in that of their nodes, 16 bytes
//! each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::Result;
use crate::layout::{Pointer, Tid};

/// A node and its distance, in the order of distances; or a row of a node, in the order of the nodes' numbers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RankedNode(u128);

impl RankedNode {
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

    /// A row of the node of this number.
    pub(crate) fn row(node: u32, tid: Tid) -> Self {
        let tid = u128::from(tid.block()) << 16 | u128::from(tid.offset());
        Self(u128::from(node) << 64 | tid)
    }

    /// What [`row`](Self::row) was made of.
    pub(crate) fn to_row(self) -> (u32, Tid) {
        let tid = Tid::new((self.0 >> 16) as u32, self.0 as u16);
        ((self.0 >> 64) as u32, tid)
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
    fn put(&mut self, entry: RankedNode) -> Result<()>;

    /// Takes the least that is left.
    ///
    /// # Errors
    /// When it cannot be read.
    fn take(&mut self) -> Result<Option<RankedNode>>;

    /// Gives back what it holds beyond its own memory. Dropping it leaves that to whoever cleans up after an error.
    fn close(self: Box<Self>) {}
}

/// A [`Sorter`] in memory. Taking a few of many is cheap.
#[derive(Default)]
pub struct HeapSorter {
    entries: Vec<Reverse<RankedNode>>,
    heap: BinaryHeap<Reverse<RankedNode>>,
}

impl HeapSorter {
    /// One with room for `count` entries.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn with_capacity(count: usize) -> Result<Self> {
        let mut nearest = Self::default();
        nearest.entries.try_reserve_exact(count)?;
        Ok(nearest)
    }

    /// Whether it has no room for another entry but by more memory.
    pub fn is_full(&self) -> bool {
        self.entries.len() == self.entries.capacity()
    }

    /// All that was put, in no order.
    pub fn drain(&mut self) -> impl Iterator<Item = RankedNode> + use<> {
        std::mem::take(&mut self.entries)
            .into_iter()
            .map(|Reverse(entry)| entry)
    }
}

impl Sorter for HeapSorter {
    fn put(&mut self, entry: RankedNode) -> Result<()> {
        self.entries.push(Reverse(entry));
        Ok(())
    }

    fn take(&mut self) -> Result<Option<RankedNode>> {
        if !self.entries.is_empty() {
            self.heap = std::mem::take(&mut self.entries).into();
        }
        Ok(self.heap.pop().map(|Reverse(entry)| entry))
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
        let entries: Vec<RankedNode> = distances
            .iter()
            .map(|&distance| RankedNode::new(distance, Pointer::new(u32::MAX, 7)))
            .collect();
        assert!(entries.is_sorted());
        for (entry, distance) in entries.iter().zip(distances) {
            assert_eq!(entry.distance(), distance);
            assert_eq!(entry.at(), Pointer::new(u32::MAX, 7));
            assert_eq!(RankedNode::from_bytes(entry.to_bytes()), *entry);
        }
        assert!(entries.iter().map(|entry| entry.to_bytes()).is_sorted());
        assert!(
            RankedNode::new(1.0, Pointer::new(2, 9)) < RankedNode::new(1.0, Pointer::new(3, 0))
        );
    }
}
