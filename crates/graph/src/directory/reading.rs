//! Reading the directory for a query and a filter: no more of its pages than it takes.
//!
//! Of a page whose nodes are at a mean squared distance `s` (the spread) from their mean, and that is `d` from the query, the
//! mean squared distance of the nodes from the query is `d + s`, and the nearest of them is nearer by some times
//! `2 √s √(d + s)`, for that is how far the query and a node vary together. How many times is seen on the pages that were
//! read: on average, and how much it varies. A page promises no more than the average and some deviations.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::{expect, for_each_chained, for_each_summaries};
use crate::error::Result;
use crate::estimator::Scratch;
use crate::filter::Filter;
use crate::index::Index;
use crate::layout::{Factors, Kind, Listing, Pointer};
use crate::query::Query;
use crate::samples::Samples;
use crate::sort::RankedNode;
use crate::store::PageStore;

/// Pages are read in the order of what they promise by this, whatever the query; it has been found to need the fewest of 100 000
/// and of a million vectors, for .97 of what is near.
const USUAL: f64 = 0.3;
/// Deviations from the average that a page may promise. Of a million vectors of which a tenth passes or less, 2.25 find .971 to
/// .999 of the ten nearest, and 3.25 .986 to .999 on a half more pages.
const DEVIATIONS: f64 = 2.75;
/// Pages with nodes that pass before it is known what these promise.
const FEWEST: usize = 24;

/// The distances of the nearest of some nodes.
pub(crate) struct Nearest {
    wanted: usize,
    /// The bits of the distances, which are in their order.
    distances: BinaryHeap<RankedNode>,
}

impl Nearest {
    /// Of none so far, at most so many.
    pub(crate) fn new(wanted: usize) -> Self {
        Self {
            wanted,
            distances: BinaryHeap::with_capacity(wanted),
        }
    }

    /// With one more, unless it is at no distance that is known.
    pub(crate) fn put(&mut self, node: RankedNode) {
        if !node.distance().is_finite() {
            return;
        }
        if self.distances.len() < self.wanted {
            self.distances.push(node);
        } else if let Some(mut farthest) = self.distances.peek_mut()
            && node < *farthest
        {
            *farthest = node;
        }
    }

    /// Beyond which nothing is of interest.
    fn reach(&self) -> f64 {
        match self.distances.peek() {
            Some(farthest) if self.distances.len() == self.wanted => farthest.distance(),
            _ => f64::INFINITY,
        }
    }
}

/// A page that was not read yet.
#[derive(Clone, Copy)]
struct Promise {
    /// The squared distance by which pages are in order.
    key: f32,
    /// The mean squared distance of its nodes.
    mean: f32,
    /// What the nearest is nearer by, some times.
    width: f32,
    block: u32,
}

impl Promise {
    fn new(block: u32, mean: f32, spread: f32) -> Self {
        let width = 2.0 * (spread.max(0.0) * mean.max(0.0)).sqrt();
        let promise = Self {
            key: 0.0,
            mean,
            width,
            block,
        };
        match width.is_finite() && mean.is_finite() {
            true => promise.keyed(USUAL),
            false => Self::unknown(block),
        }
    }

    /// Of a page of which nothing is known.
    fn unknown(block: u32) -> Self {
        Self {
            key: f32::NEG_INFINITY,
            mean: f32::NEG_INFINITY,
            width: 0.0,
            block,
        }
    }

    /// The page in the order of where its nearest node is if it is so many times nearer than the mean.
    fn keyed(self, times: f64) -> Self {
        Self {
            key: self.mean - times as f32 * self.width,
            ..self
        }
    }

    /// How many times nearer than the mean a squared distance is.
    fn times(&self, squared: f64) -> Option<f64> {
        let times = (f64::from(self.mean) - squared) / f64::from(self.width);
        times.is_finite().then_some(times)
    }
}

impl PartialEq for Promise {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Promise {}

impl PartialOrd for Promise {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Promise {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = self.key.total_cmp(&other.key);
        keys.then(self.block.cmp(&other.block))
    }
}

/// The pages of the directory that were not read yet.
pub(crate) struct Reading {
    pages: BinaryHeap<Reverse<Promise>>,
    /// How many times nearer than the mean the nearest nodes of pages were.
    times: Samples,
    estimates: Estimates,
}

impl Reading {
    /// Of a directory whose chain was read: the nodes that are listed there and may pass are put into `found`. `None` where
    /// these are more than `most`.
    pub(crate) fn begin<S: PageStore>(
        index: &Index<S>,
        query: &Query,
        filter: &Filter,
        most: usize,
        found: &mut Vec<RankedNode>,
    ) -> Result<Option<Self>> {
        let (mut estimates, mut too_many) = (Estimates::default(), false);
        for_each_chained(index, |_, page| {
            too_many |= found.len() > most;
            if !too_many {
                let listing = page.listing(&index.shape);
                estimates.of(index, query, filter, &listing, page.epoch(), found);
            }
            Ok(())
        })?;
        if too_many {
            return Ok(None);
        }
        let (mut pages, mut means) = (Vec::new(), Vec::new());
        for_each_summaries(index, |_, summaries, epoch| {
            means.clear();
            let estimator = query.estimator.as_ref();
            let estimator = estimator.filter(|estimator| estimator.epoch() == epoch);
            if let Some(estimator) = estimator {
                estimator.estimate(
                    summaries.factors,
                    summaries.codes,
                    &mut estimates.scratch,
                    &mut means,
                );
            }
            for (at, (&block, &spread)) in
                summaries.blocks.iter().zip(summaries.spreads).enumerate()
            {
                if filter.may_pass(|column| summaries.zone(column, at)) {
                    let promise = match estimator.zip(means.get(at)) {
                        Some((estimator, &mean)) if summaries.factors[at].coded() => {
                            Promise::new(block, estimator.squared(mean) + spread, spread)
                        }
                        _ => Promise::unknown(block),
                    };
                    pages.push(Reverse(promise));
                }
            }
            Ok(())
        })?;
        Ok(Some(Self {
            pages: pages.into(),
            times: Samples::default(),
            estimates,
        }))
    }

    /// Whether all pages were read.
    pub(crate) fn is_done(&self) -> bool {
        self.pages.is_empty()
    }

    /// Whether the first page promises any as near as a squared distance.
    fn promises(&self, reach: f32) -> bool {
        self.pages.peek().is_none_or(|&Reverse(page)| {
            self.times.count() < FEWEST || page.keyed(self.times.above(DEVIATIONS)).key <= reach
        })
    }

    /// Reads the page that promises the nearest, if it promises any as near as these or within `radius`. The nodes listed there
    /// that may pass are added to `found`, with estimates of their distances, in no order, some of them more than once. A node
    /// without an estimate counts as the nearest. Returns whether there was such a page.
    pub(crate) fn next<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        filter: &Filter,
        nearest: &Nearest,
        radius: f64,
        found: &mut Vec<RankedNode>,
    ) -> Result<bool> {
        let estimator = query.estimator.as_ref();
        let reach = estimator.map_or(f32::INFINITY, |estimator| {
            estimator.squared(nearest.reach().max(radius) as f32)
        });
        if !self.promises(reach) {
            // Another one may promise more than the one that is usually the nearest.
            let times = self.times.above(DEVIATIONS);
            let pages = std::mem::take(&mut self.pages).into_iter();
            self.pages = pages
                .map(|Reverse(page)| Reverse(page.keyed(times)))
                .collect();
            if !self.promises(reach) {
                return Ok(false);
            }
        }
        let Some(Reverse(promise)) = self.pages.pop() else {
            return Ok(false);
        };
        if let Some(Reverse(ahead)) = self.pages.peek() {
            let soon = (ahead.block, index.shape.listed_words());
            index.store.expect(std::iter::once(soon));
        }
        index.store.interrupt()?;
        let page = index.store.read(promise.block)?;
        expect(&page, Kind::Directory, promise.block)?;
        let listing = page.listing(&index.shape);
        let least = self
            .estimates
            .of(index, query, filter, &listing, page.epoch(), found);
        if let Some((least, estimator)) = least.zip(estimator)
            && let Some(times) = promise.times(estimator.squared(least).into())
        {
            self.times.put(times);
        }
        Ok(true)
    }
}

/// Room for the steps of estimates, kept between pages.
#[derive(Default)]
struct Estimates {
    passing: Vec<u16>,
    factors: Vec<Factors>,
    codes: Vec<u8>,
    scratch: Scratch,
    estimates: Vec<f32>,
}

impl Estimates {
    /// Adds the nodes of a page that may pass, and returns the least of the estimates.
    fn of<S: PageStore>(
        &mut self,
        index: &Index<S>,
        query: &Query,
        filter: &Filter,
        listing: &Listing<'_>,
        epoch: u16,
        found: &mut Vec<RankedNode>,
    ) -> Option<f32> {
        let (count, bytes) = (listing.pointers.len(), index.shape.code_bytes);
        filter.select(count, |column| listing.words(column), &mut self.passing);
        let passing = self.passing.iter().map(|&at| usize::from(at));
        let estimator = query.estimator.as_ref();
        let Some(estimator) = estimator.filter(|estimator| estimator.epoch() == epoch) else {
            found.extend(passing.map(|at| unknown(listing.pointers[at])));
            return None;
        };
        self.estimates.clear();
        // Where most pass, all are estimated, which takes less than to bring those together.
        let whole = 2 * self.passing.len() >= count;
        let (factors, codes) = match whole {
            true => (listing.factors, listing.codes),
            false => {
                self.factors.clear();
                self.codes.clear();
                for at in passing.clone() {
                    self.factors.push(listing.factors[at]);
                    self.codes
                        .extend_from_slice(&listing.codes[at * bytes..][..bytes]);
                }
                (&self.factors[..], &self.codes[..])
            }
        };
        estimator.estimate(factors, codes, &mut self.scratch, &mut self.estimates);
        let mut least = None;
        for (number, at) in passing.enumerate() {
            let (node, estimate) = (
                listing.pointers[at],
                self.estimates[if whole { at } else { number }],
            );
            if estimate.is_nan() {
                found.push(unknown(node));
            } else {
                found.push(RankedNode::new(estimate.into(), node));
                least = Some(least.map_or(estimate, |least| estimate.min(least)));
            }
        }
        least
    }
}

/// A node without an estimate.
fn unknown(node: Pointer) -> RankedNode {
    RankedNode::new(f64::NEG_INFINITY, node)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use half::f16;

    use super::*;
    use crate::build::Builder;
    use crate::filter::{Comparison, Condition, Word};
    use crate::index::Parameters;
    use crate::insert::NewRow;
    use crate::layout::Tid;
    use crate::mem::MemStore;
    use crate::random::Random;
    use crate::space::Metric;
    use crate::threads::Threads;

    const ROWS: u32 = 24_000;

    #[test]
    fn no_more_is_read_than_the_nearest_take() {
        let (store, mut random) = (MemStore::new(), Random::new(1));
        let centres: Vec<[f32; 16]> = (0..50)
            .map(|_| [(); 16].map(|()| random.normal()))
            .collect();
        let mut vector = || -> Vec<f16> {
            let centre = centres[random.below(centres.len())];
            let numbers = centre.map(|x| f16::from_f32(x + 0.5 * random.normal()));
            numbers.to_vec()
        };
        let parameters = Parameters {
            metric: Metric::L2,
            dims: 16,
            m: 4,
            ef_construction: 16,
            columns: 1,
        };
        let mut builder = Builder::new(&store, parameters, usize::MAX).unwrap();
        let data: Vec<Vec<f16>> = (0..ROWS).map(|_| vector()).collect();
        for (row, vector) in (0..).zip(&data) {
            let words = &[Word::integer(i64::from(row % 10)).word];
            let tid = Tid::new(row, 1);
            builder.push(vector, NewRow { tid, words }).unwrap();
        }
        let alone = Threads {
            count: 1,
            spawning: |start| start(),
        };
        let index = builder.finish(alone, |_, _, _| ()).unwrap();
        let mut filter = Filter::default();
        filter.add(0, Condition::compared(Comparison::Less, Word::integer(1)));
        let (mut read, mut all, mut missed) = (0, 0, 0);
        for _ in 0..20 {
            let wanted = vector();
            let mut passing: Vec<f32> = data
                .iter()
                .step_by(10)
                .map(|x| kernels::l2_squared(&wanted[..], &x[..]))
                .collect();
            passing.sort_unstable_by(f32::total_cmp);
            let query = index.query(&wanted).unwrap();
            let (mut nearest, mut found, mut on_page) = (Nearest::new(20), Vec::new(), Vec::new());
            let reading = Reading::begin(&index, &query, &filter, usize::MAX, &mut found);
            let mut reading = reading.unwrap().unwrap();
            assert!(found.is_empty());
            all += reading.pages.len();
            while reading
                .next(
                    &index,
                    &query,
                    &filter,
                    &nearest,
                    f64::NEG_INFINITY,
                    &mut on_page,
                )
                .unwrap()
            {
                read += 1;
                on_page.iter().for_each(|&node| nearest.put(node));
                found.append(&mut on_page);
            }
            let is_near = |node: &RankedNode| {
                let row = index.with_node(node.at(), |slot| slot.tids()[0].block());
                let vector = &data[row.unwrap().unwrap() as usize];
                kernels::l2_squared(&wanted[..], &vector[..]) <= passing[9]
            };
            missed += 10 - found.iter().filter(|&node| is_near(node)).count();
            // Whoever wants more gets the others, each once.
            nearest = Nearest::new(ROWS as usize);
            while reading
                .next(
                    &index,
                    &query,
                    &filter,
                    &nearest,
                    f64::NEG_INFINITY,
                    &mut on_page,
                )
                .unwrap()
            {
                found.append(&mut on_page);
            }
            assert!(reading.is_done());
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), ROWS as usize / 10);
        }
        assert!(
            read < all * 2 / 3 && missed <= 10,
            "{read} of {all} pages, {missed} of 200 missed"
        );
    }
}
