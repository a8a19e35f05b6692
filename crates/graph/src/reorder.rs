//! What the executor makes of a scan, for tests and measurements: it works out each row's distance from the table, and
//! keeps rows back until the scan has come as far.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::Result;
use crate::index::Index;
use crate::layout::Tid;
use crate::scan::Scan;
use crate::store::PageStore;

/// The rows of a scan in the order of their distances.
pub struct Reordered<'i, S: PageStore, D> {
    index: &'i Index<S>,
    scan: Scan,
    distance: D,
    /// Rows that are kept back: distances, whose bits compare like they do, and rows.
    queue: BinaryHeap<Reverse<(u64, Tid)>>,
    /// How far the scan has come.
    bound: f64,
    ended: bool,
    fetched: usize,
}

impl<'i, S: PageStore, D: Fn(Tid) -> f64> Reordered<'i, S, D> {
    /// The rows of `scan`, whose distances the SQL operator would tell by `distance`.
    pub fn new(index: &'i Index<S>, scan: Scan, distance: D) -> Self {
        Self {
            index,
            scan,
            distance,
            queue: BinaryHeap::new(),
            bound: f64::NEG_INFINITY,
            ended: false,
            fetched: 0,
        }
    }

    /// The next row, and its distance.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Panics
    /// When a row is nearer than the scan has said, which the executor makes an error.
    pub fn next_row(&mut self) -> Result<Option<(f64, Tid)>> {
        loop {
            if let Some(&Reverse((bits, tid))) = self.queue.peek() {
                let distance = from_ordered(bits);
                if self.ended || distance <= self.bound {
                    self.queue.pop();
                    return Ok(Some((distance, tid)));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let Some(row) = self.scan.next_row(self.index)? else {
                self.ended = true;
                continue;
            };
            let distance = (self.distance)(row.tid);
            assert!(
                distance >= row.bound,
                "a row at {distance} was said to be at {} at least",
                row.bound
            );
            self.bound = row.bound;
            self.fetched += 1;
            self.queue.push(Reverse((ordered(distance), row.tid)));
        }
    }

    /// Rows whose distances were worked out.
    pub fn fetched(&self) -> usize {
        self.fetched
    }

    /// The scan.
    pub fn scan(&self) -> &Scan {
        &self.scan
    }
}

fn ordered(distance: f64) -> u64 {
    let bits = distance.to_bits();
    if bits >> 63 == 0 {
        bits | 1 << 63
    } else {
        !bits
    }
}

fn from_ordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 {
        bits & !(1 << 63)
    } else {
        !bits
    })
}
