//! Rows in the order of their distance, as many as the reader wants.
//!
//! A scan finds a batch on the graph and goes on from where the search stopped with one of twice the size. For a
//! batch the search keeps twice as many nodes, since it is sure of the nearest only; the farther half waits for the
//! next batch. A batch may turn up a row that is nearer than one handed out before. In strict order it is dropped and
//! counted, for the executor relies on the order; in relaxed order it is returned late.
//!
//! # Bounds
//!
//! A node tells a distance to within an error ([`crate::rounded`]), and a scan is in the order of what distances are at
//! least. The executor works out each row's distance from the table, and keeps a row back until the scan has come to a
//! bound that is as far. So it returns rows in the order of their distances, exactly, and wants some rows more than it
//! returns, the last of them only to know that those before it are the nearest. A batch ends with such a one: it has all
//! that may be as near as its last node but for the error, and one more.
//!
//! # When the graph has no more
//!
//! A [complete](Scan::complete) scan never comes up short: it leaves the graph for an [exact pass](crate::sweep) over
//! all pages, which returns every row that is left, when it has come to its [`Limits`], when the graph leads to no
//! more, and when the next batch would cost as much as that. Since nobody knows how many rows will be wanted, that is
//! the moment to change over: what was spent by then is no more than what is to be spent (the rule for renting or
//! buying skis).
//!
//! In strict order rows nearer than the last one returned are lost then. So where the graph is likely to pass rows over,
//! such a scan hands out only a quarter of the first batch, and it changes over much sooner if more than a few turn out to
//! have been passed over. That is likely where the search had to visit many more nodes than it was to find, for the estimates
//! had led it astray as often. Of 15 000 random vectors of 128 dimensions, as bad a case as there is,
//! a batch of 64 takes 213 visits, and the graph passes over .4 vectors before the 16th is handed out, 1.8 before the
//! 32nd and 11 before the 64th; of 100 000 vectors like CLIP's it takes 160, and the graph passes over next to none.

mod batches;

use std::rc::Rc;

use crate::error::Result;
use crate::filter::Filter;
use crate::index::Index;
use crate::layout::{Pointer, Tid};
use crate::listed::{Listed, Next};
use crate::page_graph::Tids;
use crate::query::Query;
use crate::search::{Hit, Limits, Search};
use crate::sort::Sorter;
use crate::space::Metric;
use crate::store::PageStore;
use crate::sweep::Sweep;
use crate::tids::{self, Chain};

/// What becomes of a row that is found after a farther one was handed out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// It is dropped.
    Strict,
    /// It is returned.
    Relaxed,
}

/// How a scan works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Nodes of the first batch. The search's beam is twice as wide.
    pub ef: usize,
    /// What becomes of late finds.
    pub order: Order,
    /// When to stop looking for more on the graph. The first batch is always whole.
    pub limits: Limits,
    /// Whether rows that are marked dead are left out. A reader who sees more than others must not.
    pub skip_dead: bool,
}

/// A row, and what is known of its distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The distance to the query that the SQL operator gives, or less.
    pub bound: f64,
    /// Whether it may be farther than the radius all the same.
    pub recheck: bool,
    /// The row.
    pub tid: Tid,
}

/// A node whose rows are handed out.
struct Node {
    bound: f64,
    recheck: bool,
    at: Pointer,
    found: Tids,
}

/// Where a scan takes its nodes from.
enum Source {
    /// The graph, before the first batch.
    Begin,
    /// An exact pass that is to come.
    Unsorted,
    /// The graph.
    Graph,
    /// The filter directory.
    Listed(Box<Listed>),
    /// An exact pass that has put all nodes in order.
    Sorted(Box<dyn Sorter>),
    /// All pages one after the other.
    Pages(Sweep, std::vec::IntoIter<Hit<Tids>>),
    /// Nowhere.
    Nowhere,
}

/// Where a scan has come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// It was on the graph all the time.
    Graph,
    /// It has gone over to the filter directory.
    Directory,
    /// It reads all pages.
    Pages,
}

/// A scan in progress.
pub struct Scan {
    query: Query,
    options: Options,
    /// What rows have to pass, if there is anything.
    filter: Option<Rc<Filter>>,
    radius: f64,
    complete: bool,
    source: Source,
    search: Search<Tids>,
    batch: std::vec::IntoIter<Hit<Tids>>,
    /// Nodes whose rows were handed out, for the exact pass.
    handed: Vec<u32>,
    /// The farthest of these.
    reached: f64,
    /// The rows of the node that was reached last, its bound, and whether it may be beyond the radius.
    rows: Option<Chain>,
    bound: f64,
    recheck: bool,
    /// Whether the graph is likely to pass rows over.
    doubtful: bool,
    /// Nodes that pass a filter, as many as the beam is to find at least.
    fewest: usize,
    late: usize,
    truncated: bool,
    way: Way,
    /// Nodes visited by searches that the scan is done with.
    visited: usize,
}

impl Scan {
    /// A scan on the graph for the neighbours of `query`.
    pub fn new(query: Query, options: Options) -> Self {
        Self {
            query,
            options,
            filter: None,
            radius: f64::INFINITY,
            complete: false,
            source: Source::Begin,
            search: Search::default(),
            batch: Vec::new().into_iter(),
            handed: Vec::new(),
            reached: f64::NEG_INFINITY,
            rows: None,
            bound: f64::NEG_INFINITY,
            recheck: false,
            doubtful: false,
            fewest: 0,
            late: 0,
            truncated: false,
            way: Way::Graph,
            visited: 0,
        }
    }

    /// A scan for all rows that are no farther from `query` than `radius`, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all<S: PageStore>(
        index: &Index<S>,
        query: Query,
        radius: f64,
        skip_dead: bool,
    ) -> Result<Self> {
        let options = Options {
            ef: 0,
            order: Order::Relaxed,
            limits: Limits::NONE,
            skip_dead,
        };
        let source = Source::Pages(Sweep::new(index)?, Vec::new().into_iter());
        Ok(Self {
            radius,
            source,
            way: Way::Pages,
            ..Self::new(query, options)
        })
    }

    /// The scan of those that are no farther than `radius`, by cosine distance or inner product. It ends where the
    /// graph promises none any more: in strict order at the first one that is farther, in relaxed order, where a
    /// nearer one may still come, at a batch of farther ones.
    pub fn within(mut self, radius: f64) -> Self {
        self.radius = radius;
        self
    }

    /// The scan of those that may pass a filter.
    pub fn filtered(mut self, filter: Filter) -> Self {
        self.filter = (!filter.is_empty()).then(|| Rc::new(filter));
        self
    }

    /// The scan that goes on by an exact pass where it would go wrong or end on the graph alone.
    pub fn complete(mut self) -> Self {
        self.complete = true;
        self
    }

    /// The scan that makes an exact pass at once, so that it misses nothing.
    pub fn exact(mut self) -> Self {
        self.source = Source::Unsorted;
        self
    }

    /// The next row, or `None` when there are no more.
    ///
    /// # Errors
    /// When the store fails or asks to stop.
    pub fn next_row<S: PageStore>(&mut self, index: &Index<S>) -> Result<Option<Row>> {
        loop {
            if let Some(rows) = &mut self.rows
                && let Some(tid) = rows.next(index, self.options.skip_dead)?
            {
                let bound = match index.metric {
                    Metric::L2 => self.bound.max(0.0).sqrt(),
                    Metric::Cosine => self.bound.max(0.0),
                    Metric::InnerProduct => self.bound,
                };
                let recheck = self.recheck || self.is_unsure();
                return Ok(Some(Row {
                    bound,
                    recheck,
                    tid,
                }));
            }
            let Some(node) = self.next_node(index)? else {
                return Ok(None);
            };
            self.bound = node.bound;
            self.recheck = node.recheck;
            self.rows = Some(Chain::new(node.at, node.found));
        }
    }

    /// Hands a node out, and remembers that for an exact pass.
    fn hand_out(&mut self, hit: Hit<Tids>) -> Node {
        if self.complete || self.filter.is_some() {
            self.handed.push(hit.at.id);
            self.reached = self.reached.max(hit.measure.least());
        }
        self.node(hit)
    }

    /// What is handed out of a node.
    fn node(&self, hit: Hit<Tids>) -> Node {
        Node {
            bound: hit.measure.least(),
            recheck: hit.measure.most() > self.radius,
            at: hit.at,
            found: hit.found,
        }
    }

    /// Whether rows of the node that was reached last may not pass the filter, for all that the index knows.
    fn is_unsure(&self) -> bool {
        let mixed = self.rows.as_ref().is_some_and(Chain::mixed);
        let filter = self.filter.as_ref();
        filter.is_some_and(|filter| mixed || !filter.is_exact())
    }

    /// Marks the row dead that was returned last.
    ///
    /// # Errors
    /// When the store fails.
    pub fn mark_dead<S: PageStore>(&self, index: &Index<S>, row: Tid) -> Result<()> {
        match &self.rows {
            Some(rows) => rows.mark_dead(index, row),
            None => Ok(()),
        }
    }

    fn next_node<S: PageStore>(&mut self, index: &Index<S>) -> Result<Option<Node>> {
        let skip_dead = self.options.skip_dead;
        loop {
            let room = self.limits().bytes;
            match &mut self.source {
                Source::Begin | Source::Graph => match self.batch.next() {
                    // All others of the batch are as far.
                    Some(hit) if hit.measure.least() > self.radius => match self.options.order {
                        Order::Strict => self.source = Source::Nowhere,
                        Order::Relaxed => self.batch = Vec::new().into_iter(),
                    },
                    Some(hit) if self.is_late(&hit) => self.late += 1,
                    Some(hit) => return Ok(Some(self.hand_out(hit))),
                    None => self.more(index)?,
                },
                Source::Listed(listed) => {
                    let next = listed.next(index, &self.query, skip_dead, self.radius, room)?;
                    match next {
                        Next::Nothing => self.source = Source::Nowhere,
                        Next::NoRoom => self.sort_all(index)?,
                        Next::Node(hit) if hit.measure.least() > self.radius => {
                            self.source = Source::Nowhere;
                        }
                        Next::Node(hit) if self.is_late(&hit) => self.late += 1,
                        Next::Node(hit) => return Ok(Some(self.hand_out(hit))),
                    }
                }
                Source::Unsorted => self.sort_all(index)?,
                Source::Sorted(sorter) => {
                    let Some(entry) = sorter.take()? else {
                        return Ok(None);
                    };
                    // Its rows may be gone since.
                    let at = entry.at();
                    if let Some(found) = tids::read(index, at, skip_dead)? {
                        return Ok(Some(Node {
                            bound: entry.distance(),
                            recheck: self.radius < f64::INFINITY,
                            at,
                            found,
                        }));
                    }
                }
                Source::Pages(sweep, found) => {
                    if let Some(hit) = found.find(|hit| hit.measure.least() <= self.radius) {
                        return Ok(Some(self.node(hit)));
                    }
                    let mut next = Vec::new();
                    if !sweep.page(
                        index,
                        &self.query,
                        skip_dead,
                        self.filter.as_deref(),
                        &mut next,
                    )? {
                        return Ok(None);
                    }
                    *found = next.into_iter();
                }
                Source::Nowhere => return Ok(None),
            }
        }
    }

    /// Whether a node comes too late for the order.
    fn is_late(&self, hit: &Hit<Tids>) -> bool {
        hit.measure.least() < self.bound && self.options.order == Order::Strict
    }

    /// Ends the scan. One that is merely dropped leaves what it has on disk to whoever cleans up after an error.
    pub fn close(self) {
        if let Source::Sorted(sorter) = self.source {
            sorter.close();
        }
    }

    /// Whether its limits kept it from rows that may be there.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Nodes that were not handed out because they were found late, or passed over by the graph when the scan left
    /// it.
    pub fn late(&self) -> usize {
        self.late
    }

    /// Nodes visited on the graph.
    pub fn hops(&self) -> usize {
        self.visited + self.search.hops()
    }

    /// Where it has come to.
    pub fn way(&self) -> Way {
        self.way
    }

    /// Whether it has visited as many nodes with rows as its limits allow.
    pub fn is_at_most_nodes(&self) -> bool {
        self.search.live() >= self.options.limits.nodes
    }

    /// Bytes of memory in use, nearly.
    pub fn bytes(&self) -> usize {
        self.search.bytes()
    }
}
