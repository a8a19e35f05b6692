//! Rows put aside, divided into parts of near ones.

use std::sync::atomic::{AtomicU32, Ordering};

use rustc_hash::FxHashSet;

use crate::error::{Error, Result, filled};
use crate::layout::Shape;
use crate::random::Random;
use crate::space::Space;
use crate::spool::Records;
use crate::store::PageStore;
use crate::threads::{Threads, in_parallel};
use crate::training;

use super::collect::{COPIES, Row, Sample, hash};
use super::memory::Plan;

/// Vectors that centres are found by, for each of them.
const FOR_CENTRE: usize = 64;
/// Rows that are looked at to find out how far parts overlap.
const LOOKED_AT: usize = 4096;
/// A division that leaves more than this share of the rows in one part is none.
const MOST: f64 = 0.9;

/// Points that others are near to.
#[derive(Default)]
pub(crate) struct Centres {
    points: Vec<f32>,
    norms: Vec<f32>,
}

impl Centres {
    fn new(points: Vec<f32>, dims: usize) -> Self {
        Self {
            norms: points
                .chunks_exact(dims)
                .map(kernels::norm_squared)
                .collect(),
            points,
        }
    }

    fn push(&mut self, point: &[f32]) {
        self.points.extend_from_slice(point);
        self.norms.push(kernels::norm_squared(point));
    }

    fn len(&self) -> usize {
        self.norms.len()
    }

    fn get(&self, number: usize) -> &[f32] {
        let dims = self.points.len() / self.norms.len();
        &self.points[number * dims..][..dims]
    }

    /// The centres nearest to a point, nearest first, and their squared distances.
    pub(crate) fn nearest<const N: usize>(&self, point: &[f32]) -> [(f32, Option<usize>); N] {
        let mut best = [(f32::INFINITY, None); N];
        let centres = self.points.chunks_exact(point.len()).zip(&self.norms);
        for (number, (centre, norm)) in centres.enumerate() {
            let distance = norm - 2.0 * kernels::dot(centre, point);
            if distance < best[N - 1].0 {
                let at = best.partition_point(|other| other.0 <= distance);
                best[at..].rotate_right(1);
                best[at] = (distance, Some(number));
            }
        }
        let squared = kernels::norm_squared(point);
        best.map(|(distance, number)| ((distance + squared).max(0.0), number))
    }
}

/// What rows are divided by.
pub(crate) struct Division<S> {
    pub(crate) store: S,
    pub(crate) shape: Shape,
    pub(crate) space: Space,
    pub(crate) plan: Plan,
    pub(crate) threads: Threads,
}

/// How a row finds its part.
enum By {
    Centres(Centres),
    /// Vectors that no centres tell apart, in halves.
    Hash(u64),
}

impl<S: PageStore> Division<S> {
    /// Divides rows into parts that have no more different vectors than a part may have of its own, which is told by
    /// hashes. Equal vectors are in one part. Returns their centres, and their rows. `progress` is told how many rows
    /// were divided.
    pub(crate) fn divide(
        &self,
        rows: Records,
        sample: Sample,
        mut progress: impl FnMut(u64),
    ) -> Result<(Centres, Vec<Records>)> {
        let (mut centres, mut parts) = (Centres::default(), Vec::new());
        let mut random = Random::new(rows.count());
        let dims = self.space.dims(self.shape.dims);
        let mut waiting = vec![(vec![0.0; dims], rows, Some(sample))];
        let mut round = 0;
        while let Some((centre, mut rows, sample)) = waiting.pop() {
            if !self.is_too_large(&mut rows)? {
                centres.push(&centre);
                parts.push(rows);
                continue;
            }
            let sample = match sample {
                Some(sample) => sample,
                None => self.sample(&mut rows, &mut random)?,
            };
            let by = self.centres(sample, rows.count(), &mut random)?;
            let mut divided = self.spread(&mut rows, &By::Centres(by), &mut progress)?;
            round += 1;
            let most = divided.iter().map(|(_, part)| part.count()).max();
            if most.unwrap_or(0) as f64 > MOST * rows.count() as f64 {
                divided.into_iter().for_each(|(_, part)| part.close());
                divided = self.spread(&mut rows, &By::Hash(round), &mut progress)?;
                divided
                    .iter_mut()
                    .for_each(|(by, _)| by.clone_from(&centre));
            }
            rows.close();
            waiting.extend(
                divided
                    .into_iter()
                    .rev()
                    .map(|(centre, part)| (centre, part, None)),
            );
        }
        Ok((centres, parts))
    }

    /// Whether there are more different vectors than a part may have.
    fn is_too_large(&self, rows: &mut Records) -> Result<bool> {
        if rows.count() <= self.plan.own as u64 {
            return Ok(false);
        }
        let mut seen = FxHashSet::default();
        let mut few = true;
        self.each_chunk(rows, |records| {
            for record in records.chunks_exact(Row::words(&self.shape)) {
                seen.insert(hash(Row::vector(&self.shape, record)));
            }
            few = seen.len() <= self.plan.own;
            Ok(few)
        })?;
        Ok(!few)
    }

    /// Calls `work` with all records, some at a time, until it returns false.
    pub(crate) fn each_chunk(
        &self,
        rows: &mut Records,
        mut work: impl FnMut(&[u32]) -> Result<bool>,
    ) -> Result<()> {
        let words = rows.words();
        let mut records: Vec<u32> = filled(self.plan.chunk * words, || 0)?;
        let mut first = 0;
        while first < rows.count() {
            self.store.interrupt()?;
            let count = (rows.count() - first).min(self.plan.chunk as u64);
            let records = &mut records[..count as usize * words];
            rows.read(first, records)?;
            if !work(records)? {
                break;
            }
            first += count;
        }
        Ok(())
    }

    /// Some of the rows.
    fn sample(&self, rows: &mut Records, random: &mut Random) -> Result<Sample> {
        let wanted = (FOR_CENTRE * self.plan.parts(rows.count())).min(self.plan.sample);
        let mut sample = Sample::new(wanted);
        let mut record = vec![0; rows.words()];
        for _ in 0..wanted {
            self.store.interrupt()?;
            rows.read(random.below(rows.count() as usize) as u64, &mut record)?;
            sample.offer(&self.shape, Row::vector(&self.shape, &record))?;
        }
        Ok(sample)
    }

    /// How much farther from a node than its nearest centre those of other parts may be that it is in as well, squared,
    /// for so many of these on average: a node in the midst of a part has no neighbours elsewhere, and one at the
    /// borders of several has in each of them.
    pub(crate) fn farther(
        &self,
        centres: &Centres,
        parts: &mut [Records],
        more: f64,
    ) -> Result<f32> {
        let mut random = Random::new(parts.len() as u64);
        let rows: u64 = parts.iter().map(Records::count).sum();
        let (mut ratios, mut looked_at) = (Vec::new(), 0);
        let mut record = vec![0; Row::words(&self.shape)];
        for part in parts {
            let share = part.count() as f64 / rows as f64;
            for _ in 0..(share * LOOKED_AT as f64).ceil() as usize {
                self.store.interrupt()?;
                part.read(random.below(part.count() as usize) as u64, &mut record)?;
                let vector = Row::vector(&self.shape, &record);
                let point = self.space.node(vector, kernels::norm_squared(vector));
                let [(nearest, _), others @ ..]: [_; COPIES] = centres.nearest(&point);
                let there = others.iter().filter(|(_, other)| other.is_some());
                ratios.extend(there.map(|(distance, _)| distance / nearest.max(f32::MIN_POSITIVE)));
                looked_at += 1;
            }
        }
        ratios.sort_unstable_by(f32::total_cmp);
        let most = (more * f64::from(looked_at)) as usize;
        Ok(ratios.get(most).or(ratios.last()).copied().unwrap_or(1.0))
    }

    /// Centres of the parts that so many rows are divided into.
    fn centres(&self, sample: Sample, rows: u64, random: &mut Random) -> Result<Centres> {
        let parts = self.plan.parts(rows);
        let count = sample.of.vectors.len().min(FOR_CENTRE * parts);
        let dims = self.space.dims(self.shape.dims);
        let mut points = Vec::new();
        points.try_reserve_exact(count * dims)?;
        for at in 0..count {
            let (vector, norm) = sample.of.vectors.get(&self.shape, at);
            points.extend(self.space.node(vector, norm));
        }
        drop(sample);
        let interrupt = || self.store.interrupt();
        let centres = training::centres(dims, &points, parts.min(count), random, &interrupt)?;
        Ok(Centres::new(centres, dims))
    }

    /// Spreads rows over parts.
    fn spread(
        &self,
        rows: &mut Records,
        by: &By,
        progress: &mut impl FnMut(u64),
    ) -> Result<Vec<(Vec<f32>, Records)>> {
        let words = rows.words();
        let count = match by {
            By::Centres(centres) => centres.len(),
            By::Hash(_) => 2,
        };
        let mut parts = Vec::with_capacity(count);
        for number in 0..count {
            let centre = match by {
                By::Centres(centres) => centres.get(number).to_vec(),
                By::Hash(_) => Vec::new(),
            };
            parts.push((centre, Records::new(self.store.spool()?, words)));
        }
        let targets = filled(self.plan.chunk, || AtomicU32::new(0))?;
        let (shape, space) = (self.shape, self.space);
        let mut done = 0;
        self.each_chunk(rows, |records| {
            let count = records.len() / words;
            let work = |(): &mut (), at: usize| {
                let vector = Row::vector(&shape, &records[at * words..]);
                let part = match by {
                    By::Centres(centres) => {
                        let point = space.node(vector, kernels::norm_squared(vector));
                        let [(_, nearest)] = centres.nearest(&point);
                        nearest.unwrap_or(0)
                    }
                    By::Hash(round) => (Random::new(hash(vector) ^ round).bits() & 1) as usize,
                };
                targets[at].store(part as u32, Ordering::Relaxed);
                Ok(())
            };
            in_parallel(self.store, self.threads, 0..count, work, |_| ())?;
            for (record, part) in records.chunks_exact(words).zip(&targets) {
                parts[part.load(Ordering::Relaxed) as usize]
                    .1
                    .write(record)?;
            }
            done += count as u64;
            progress(done);
            Ok(true)
        })?;
        let mut kept = Vec::new();
        for (centre, part) in parts {
            match part.count() {
                0 => part.close(),
                _ => kept.push((centre, part)),
            }
        }
        if kept.is_empty() {
            return Err(Error::Store("rows put aside are gone".into()));
        }
        Ok(kept)
    }
}
