//! Where a scan takes its next nodes from: batches of the graph, the filter directory, or an exact pass over all pages, and
//! when it changes over.

use super::{Order, Scan, Source, Way};
use crate::directory::Reading;
use crate::effort::{PROBE, WORTH, beam, fewest, visits_of_directory};
use crate::entries;
use crate::error::Result;
use crate::gated::Gated;
use crate::index::Index;
use crate::listed::Listed;
use crate::page_graph::Tids;
use crate::search::{Hit, Limits, Search};
use crate::sort::RankedNode;
use crate::store::PageStore;
use crate::sweep::Sweep;
use crate::tids::Chain;

/// How many times as much an exact pass may cost in strict order where the graph has been seen to pass rows over.
const SEEN: usize = 4;
/// One of so many nodes is a few.
const FEW: usize = 50;
/// Visits in a hundred for nodes to be found beyond which the graph is likely to pass rows over, and the share of the first batch that is handed
/// out then.
const DOUBTFUL: usize = 160;
const SURE: usize = 4;

/// So many times what was expected is much more.
const MUCH: f64 = 3.0;

/// Distances are off by one in so many of what they may be off by, mostly: that much is a product of two vectors that
/// point the same way, and these point anywhere.
const USUAL: f64 = 8.0;

/// As many nodes as an index has room for.
fn nodes<S: PageStore>(index: &Index<S>) -> Result<f64> {
    Ok((index.store.blocks()? as usize * index.shape.slots) as f64)
}

/// Puts nodes in the order of what their distances are at least.
fn by_bounds(hits: &mut [Hit<Tids>]) {
    hits.sort_unstable_by(|a, b| {
        let bounds = a.measure.least().total_cmp(&b.measure.least());
        bounds.then(a.at.id.cmp(&b.at.id))
    });
}

impl Scan {
    /// Looks for the next batch on the graph, or changes over to where there are more rows.
    pub(super) fn more<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        let begun = matches!(self.source, Source::Graph);
        self.source = Source::Graph;
        let limits = self.limits();
        if !begun {
            return self.begin(index);
        } else if self.is_worth_listing(index)? && self.list(index)? {
            return Ok(());
        } else if self.complete && (self.search.is_at(limits) || self.is_worth(index, 1)?) {
            return self.take_all(index);
        } else if self.search.is_at(limits) {
            self.truncated = !self.search.is_exhausted();
            let mut rest = self.search.rest();
            by_bounds(&mut rest);
            self.batch = rest.into_iter();
        } else {
            self.options.ef = self.options.ef.saturating_mul(2);
            self.fewest = self.fewest.saturating_mul(2);
            let filter = self.filter.clone();
            let graph = Gated::new(index, self.options.skip_dead, filter.as_deref())?;
            self.run(&graph, limits)?;
            // What was found by then are not the nearest of what was looked for.
            if self.complete && self.search.is_at(limits) {
                return self.take_all(index);
            }
        }
        self.look_at_batch(index)
    }

    /// Goes elsewhere where the batch at hand says that the graph is done with, or does not do.
    fn look_at_batch<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        match self.batch.as_slice().first() {
            None if self.complete => self.take_all(index)?,
            None => self.source = Source::Nowhere,
            Some(nearest) if nearest.measure.least() > self.radius => self.source = Source::Nowhere,
            Some(_) if self.doubtful && self.has_passed_over() && self.is_worth(index, SEEN)? => {
                self.take_all(index)?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Whether the batch at hand shows that the graph has passed over more than a few of the nodes that were handed out.
    fn has_passed_over(&self) -> bool {
        let batch = self.batch.as_slice();
        let late = batch.partition_point(|hit| self.is_late(hit));
        late * FEW > self.handed.len()
    }

    /// The limits of the search, given what else takes memory.
    pub(super) fn limits(&self) -> Limits {
        let rows = self.rows.as_ref().map_or(0, Chain::bytes);
        let taken = rows + self.handed.capacity() * size_of::<u32>();
        Limits {
            bytes: self.options.limits.bytes.saturating_sub(taken),
            ..self.options.limits
        }
    }

    /// Whether an exact pass costs no more than so many times as much as the next batch.
    fn is_worth<S: PageStore>(&self, index: &Index<S>, times: usize) -> Result<bool> {
        Ok(self.search.hops().saturating_mul(WORTH * times) as f64 >= nodes(index)?)
    }

    /// Looks for the first batch.
    fn begin<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        let filter = self.filter.clone();
        let graph = Gated::new(index, self.options.skip_dead, filter.as_deref())?;
        // The first batch is whole, but where few pass.
        let mut limits = Limits::NONE;
        if filter.is_some() {
            limits.nodes = PROBE;
            self.fewest = fewest(nodes(index)?);
        }
        loop {
            // Where a search begins is read under the gate: it may have moved since the index was
            // opened.
            let meta = *index.store.read(0)?.meta()?;
            entries::begin(index, &meta, &self.query, &mut self.search)?;
            self.run(&graph, limits)?;
            // The gate may have been let go of, and a standby has none: the entry may be gone by the time it is
            // visited.
            if self.batch.len() > 0
                || self.search.is_at(limits)
                || index.store.read(0)?.meta()?.entry == meta.entry
            {
                break;
            }
        }
        drop(graph);
        if !self.search.is_at(limits) {
            return self.look_at_batch(index);
        }
        // By now it is known, nearly, what share of the nodes around passes.
        let batch = std::mem::take(&mut self.batch);
        self.search.put_back(batch.collect());
        if self.is_worth_listing(index)? && self.list(index)? {
            return Ok(());
        }
        // That may be wrong: most of what passes may be far from the query. So a walk is given up for the directory when it has
        // cost as much as that and much more than expected, or half as much where nothing has passed so far.
        let mut limits = self.limits();
        if self.complete {
            let (all, expected) = (self.visits_of_all(index)?, self.visits_of_batch());
            let most = match self.search.live() > self.search.filtered() {
                true => all.max(MUCH * expected),
                false => all / 2.0,
            };
            limits.nodes = limits.nodes.min((most as usize).max(PROBE));
        }
        let graph = Gated::new(index, self.options.skip_dead, filter.as_deref())?;
        self.run(&graph, limits)?;
        drop(graph);
        match self.complete && self.search.is_at(limits) {
            true => self.take_all(index),
            false => self.look_at_batch(index),
        }
    }

    /// Whether to look for nodes that pass a filter in the directory costs less than the next batch on the graph.
    fn is_worth_listing<S: PageStore>(&self, index: &Index<S>) -> Result<bool> {
        if self.filter.is_none() {
            return Ok(false);
        }
        Ok(self.visits_of_batch() >= self.visits_of_all(index)?)
    }

    /// What the next batch costs, in visits, as far as is known.
    fn visits_of_batch(&self) -> f64 {
        self.beam() as f64 / self.passing()
    }

    /// The share of nodes that pass the filter among those visited so far; the first visits are on the way to where the query
    /// is.
    fn passing(&self) -> f64 {
        let (all, filtered) = (self.search.live(), self.search.filtered());
        (1 + all - filtered) as f64 / (2 + all) as f64
    }

    /// What it costs to look for all nodes that pass in the filter directory, in visits on the graph.
    fn visits_of_all<S: PageStore>(&self, index: &Index<S>) -> Result<f64> {
        let listed = index.shape.listed();
        let summarized = f64::from(index.store.read(0)?.meta()?.summarized);
        let passing = self.passing();
        Ok(visits_of_directory(
            nodes(index)?,
            summarized,
            passing,
            listed,
        ))
    }

    /// Goes over to the filter directory, if the index has one and there is room for what passes.
    fn list<S: PageStore>(&mut self, index: &Index<S>) -> Result<bool> {
        let Some(filter) = self.filter.clone() else {
            return Ok(false);
        };
        let room = self.limits().bytes / size_of::<RankedNode>();
        let mut found = Vec::new();
        let Some(reading) = Reading::begin(index, &self.query, &filter, room, &mut found)? else {
            return Ok(false);
        };
        self.leave_graph(Way::Directory);
        let ef = self.options.ef;
        let listed = Listed::new(filter, reading, found, &self.handed, ef);
        self.source = Source::Listed(Box::new(listed));
        Ok(true)
    }

    fn run<S: PageStore>(&mut self, graph: &Gated<'_, S>, limits: Limits) -> Result<()> {
        // Nothing was handed out.
        let first = self.bound == f64::NEG_INFINITY;
        let mut beam = self.beam();
        let mut batch = self.search.run_until(graph, &self.query, beam, limits)?;
        let wider = self.beam();
        if wider > beam && !self.search.is_at(limits) {
            beam = wider;
            self.search.put_back(batch);
            batch = self.search.run_until(graph, &self.query, beam, limits)?;
        }
        let ef = beam / 2;
        let passing = self.search.live() - self.search.filtered();
        let astray = first && passing > beam.saturating_mul(DOUBTFUL) / 100;
        if first {
            self.doubtful = astray && self.complete && self.options.order == Order::Strict;
        }
        let sure = match first && self.doubtful {
            true => (ef / SURE).max(1),
            false => ef.max(1),
        };
        let last = batch.get(sure - 1).map(|last| last.measure);
        by_bounds(&mut batch);
        if !self.search.is_exhausted()
            && let Some(last) = last
        {
            let far = last.distance + last.error / USUAL;
            let near = match astray {
                // More of what is not sure would come late.
                true => sure,
                false => batch.partition_point(|hit| hit.measure.least() <= far),
            };
            let rest = batch.split_off((near + 1).min(batch.len()));
            self.search.put_back(rest);
        }
        self.batch = batch.into_iter();
        Ok(())
    }

    /// Nodes of the beam: twice those of a batch, or as many of a filter's as its share of them promises.
    fn beam(&self) -> usize {
        if self.filter.is_none() {
            return self.options.ef.saturating_mul(2);
        }
        let (all, filtered) = (self.search.live(), self.search.filtered());
        let passing = (all - filtered) as f64 / all.max(1) as f64;
        beam(self.options.ef, passing, self.fewest)
    }

    /// Goes over to where there are all that were not handed out and still can be: the filter directory, or all pages.
    fn take_all<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        match self.list(index)? {
            true => Ok(()),
            false => self.sort_all(index),
        }
    }

    /// Forgets the search.
    fn leave_graph(&mut self, way: Way) {
        self.way = way;
        self.visited += self.search.hops();
        self.batch = Vec::new().into_iter();
        self.search = Search::default();
    }

    /// Puts all nodes in order that were not handed out and still can be.
    pub(super) fn sort_all<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        self.leave_graph(Way::Pages);
        self.handed.sort_unstable();
        // All that was found late is met again.
        self.late = 0;
        let mut sweep = Sweep::new(index)?;
        let mut sorter = index.store.sorter(sweep.most_nodes(index))?;
        let mut found = Vec::new();
        while sweep.page(
            index,
            &self.query,
            self.options.skip_dead,
            self.filter.as_deref(),
            &mut found,
        )? {
            for hit in &found {
                let handed = |hit: &Hit<Tids>| {
                    hit.measure.least() <= self.reached
                        && self.handed.binary_search(&hit.at.id).is_ok()
                };
                if hit.measure.least() > self.radius || handed(hit) {
                    continue;
                }
                if self.is_late(hit) {
                    self.late += 1;
                } else {
                    sorter.put(RankedNode::new(hit.measure.least(), hit.at))?;
                }
            }
        }
        self.handed = Vec::new();
        self.source = Source::Sorted(sorter);
        Ok(())
    }
}
