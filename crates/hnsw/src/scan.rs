//! Rows in the order of their distance, as many as the reader wants.
//!
//! A scan finds a batch and goes on from where the search stopped with one of twice the size: it never
//! comes up short while there are rows to find and its [`Limits`] allow. For a batch the search keeps twice
//! as many nodes, since it is sure of the nearest only; the farther half waits for the next batch.
//! Between batches it holds no lock, and what it remembers may be gone when it goes on: slots of another
//! version are passed over.
//!
//! A batch may turn up a row that is nearer than one handed out before. In strict order it is dropped
//! and counted, for the executor relies on the order; in relaxed order it is returned late.

use std::collections::VecDeque;

use crate::codes::{Metric, Query};
use crate::directory;
use crate::error::Result;
use crate::graph::{OnPages, Rows};
use crate::index::Index;
use crate::layout::{Pointer, Tid};
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

/// How far a scan goes for more rows than its first batch has.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes to visit.
    pub nodes: usize,
    /// Bytes of memory.
    pub bytes: usize,
}

impl Limits {
    /// As far as there are rows.
    pub const NONE: Self = Self {
        nodes: usize::MAX,
        bytes: usize::MAX,
    };
}

/// How a scan works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Nodes of the first batch. The search's beam is twice as wide.
    pub ef: usize,
    /// What becomes of late finds.
    pub order: Order,
    /// When to stop looking for more.
    pub limits: Limits,
    /// Whether rows that are marked dead are left out. A reader who sees more than others must not.
    pub skip_dead: bool,
}

/// A row and its distance, as the SQL operator gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Distance to the query.
    pub distance: f64,
    /// The row.
    pub tid: Tid,
}

/// A scan in progress.
pub struct Scan {
    query: Query,
    options: Options,
    search: Search<Rows>,
    batch: std::vec::IntoIter<Hit<Rows>>,
    /// The node that was reached last, and what is left of its rows.
    node: Option<(Pointer, Rows)>,
    rows: VecDeque<Tid>,
    distance: f64,
    late: usize,
    begun: bool,
    truncated: bool,
}

impl Scan {
    /// A scan for the neighbours of `query`.
    pub fn new(query: Query, options: Options) -> Self {
        Self {
            query,
            options,
            search: Search::default(),
            batch: Vec::new().into_iter(),
            node: None,
            rows: VecDeque::new(),
            distance: f64::NEG_INFINITY,
            late: 0,
            begun: false,
            truncated: false,
        }
    }

    /// The next row, or `None` when there are no more.
    ///
    /// # Errors
    /// When the store fails or asks to stop.
    pub fn next_row<S: PageStore>(&mut self, index: &Index<S>) -> Result<Option<Row>> {
        loop {
            if let Some(tid) = self.rows.pop_front() {
                let distance = match index.metric {
                    Metric::L2 => self.distance.sqrt(),
                    Metric::Cosine | Metric::InnerProduct => self.distance,
                };
                return Ok(Some(Row { distance, tid }));
            }
            let Some(hit) = self.batch.next() else {
                if self.more(index)? {
                    continue;
                }
                return Ok(None);
            };
            if hit.distance < self.distance && self.options.order == Order::Strict {
                self.late += 1;
                continue;
            }
            self.distance = hit.distance;
            self.rows = rows::all(index, hit.at, &hit.found, self.options.skip_dead)?.into();
            self.node = Some((hit.at, hit.found));
        }
    }

    /// Marks the row dead that was returned last.
    ///
    /// # Errors
    /// When the store fails.
    pub fn mark_dead<S: PageStore>(&self, index: &Index<S>, row: Tid) -> Result<()> {
        match &self.node {
            Some((node, rows)) => rows::mark_dead(index, *node, rows, row),
            None => Ok(()),
        }
    }

    /// Looks for the next batch. The gate is shared meanwhile, so that vacuum frees no slot that the
    /// search has yet to visit.
    fn more<S: PageStore>(&mut self, index: &Index<S>) -> Result<bool> {
        let limits = self.options.limits;
        if self.begun && (self.search.hops() >= limits.nodes || self.search.bytes() >= limits.bytes)
        {
            self.truncated = !self.search.is_exhausted();
            self.batch = self.search.rest().into_iter();
            return Ok(self.batch.len() > 0);
        }
        let _pass = index.store.pass(Gate::Scan, Mode::Shared)?;
        if self.begun {
            self.options.ef = self.options.ef.saturating_mul(2);
            return self.run(index);
        }
        self.begun = true;
        loop {
            // Where a search begins is read under the gate: it may have moved since the index was
            // opened.
            let meta = *index.store.read(0)?.meta()?;
            directory::begin(index, &meta, &self.query, &mut self.search)?;
            // A standby has no gate: the entry may be gone by the time it is visited.
            if self.run(index)? || index.store.read(0)?.meta()?.entry == meta.entry {
                return Ok(self.batch.len() > 0);
            }
        }
    }

    fn run<S: PageStore>(&mut self, index: &Index<S>) -> Result<bool> {
        let graph = OnPages::for_rows(index, self.options.skip_dead);
        let ef = self.options.ef;
        let mut batch = self.search.run(&graph, &self.query, ef.saturating_mul(2))?;
        if !self.search.is_exhausted() {
            self.search.put_back(batch.split_off(ef.min(batch.len())));
        }
        self.batch = batch.into_iter();
        Ok(self.batch.len() > 0)
    }

    /// Whether its limits kept it from rows that may be there.
    pub fn truncated(&self) -> bool {
        self.truncated
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
