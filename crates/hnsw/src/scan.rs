//! Rows in the order of their distance, as many as the reader wants.
//!
//! A scan finds a batch, hands out its rows, and goes on from where the search stopped with a batch of
//! twice the size: it never comes up short while there are rows to find. Between batches it holds no
//! lock, and what it remembers may be gone when it goes on: slots of another version are passed over.
//!
//! A batch may turn up a row that is nearer than one handed out before. In strict order it is dropped
//! and counted, for the executor relies on the order; in relaxed order it is returned late.

use std::collections::VecDeque;

use crate::codes::{Metric, Query};
use crate::directory;
use crate::error::Result;
use crate::graph::{OnPages, Rows};
use crate::index::Index;
use crate::layout::Tid;
use crate::rows;
use crate::search::{Hit, Search};
use crate::store::{Gate, Mode, PageStore};

/// What becomes of a row that is found after a farther one was handed out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// It is dropped.
    Strict,
    /// It is returned.
    Relaxed,
}

/// A scan in progress.
pub struct Scan {
    query: Query,
    search: Search<Rows>,
    order: Order,
    ef: usize,
    batch: std::vec::IntoIter<Hit<Rows>>,
    /// Rows of the node that was reached last.
    rows: VecDeque<Tid>,
    distance: f64,
    late: usize,
    begun: bool,
}

impl Scan {
    /// A scan for the neighbours of `query`, in batches of `ef` and more.
    pub fn new(query: Query, ef: usize, order: Order) -> Self {
        Self {
            query,
            search: Search::default(),
            order,
            ef,
            batch: Vec::new().into_iter(),
            rows: VecDeque::new(),
            distance: f64::NEG_INFINITY,
            late: 0,
            begun: false,
        }
    }

    /// The next row and its distance as the SQL operator gives it, or `None` when there are no more.
    pub fn next_row<S: PageStore>(&mut self, index: &Index<S>) -> Result<Option<(f64, Tid)>> {
        loop {
            if let Some(tid) = self.rows.pop_front() {
                let distance = match index.metric {
                    Metric::L2 => self.distance.sqrt(),
                    Metric::Cosine | Metric::InnerProduct => self.distance,
                };
                return Ok(Some((distance, tid)));
            }
            let Some(hit) = self.batch.next() else {
                if self.more(index)? {
                    continue;
                }
                return Ok(None);
            };
            if hit.distance < self.distance && self.order == Order::Strict {
                self.late += 1;
                continue;
            }
            self.distance = hit.distance;
            self.rows = rows::all(index, hit.at, &hit.found)?.into();
        }
    }

    /// Looks for the next batch. The gate is shared meanwhile, so that vacuum frees no slot that the
    /// search has yet to visit.
    fn more<S: PageStore>(&mut self, index: &Index<S>) -> Result<bool> {
        let store = index.store;
        let _pass = store.pass(Gate::Scan, Mode::Shared)?;
        if self.begun {
            self.ef *= 2;
            return self.run(index);
        }
        self.begun = true;
        loop {
            // Where a search begins is read under the gate: it may have moved since the index was
            // opened.
            let meta = *store.read(0)?.meta()?;
            directory::begin(index, &meta, &self.query, &mut self.search)?;
            // A standby has no gate: the entry may be gone by the time it is visited.
            if self.run(index)? || store.read(0)?.meta()?.entry == meta.entry {
                return Ok(self.batch.len() > 0);
            }
        }
    }

    fn run<S: PageStore>(&mut self, index: &Index<S>) -> Result<bool> {
        let graph = OnPages::new(index);
        let batch = self.search.run(&graph, &self.query, self.ef)?;
        self.batch = batch.into_iter();
        Ok(self.batch.len() > 0)
    }

    /// Rows dropped because they were found late.
    pub fn late(&self) -> usize {
        self.late
    }

    /// Nodes visited.
    pub fn hops(&self) -> usize {
        self.search.hops()
    }

    /// Bytes of memory in use, nearly.
    pub fn bytes(&self) -> usize {
        self.search.bytes()
    }
}
