//! How much was done, and when that is told.

use std::time::{Duration, Instant};

/// How often a call tells how far it has come.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How many rows were visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that were embedded.
    pub embedded: u64,
    /// Those that could not be.
    pub failed: u64,
}

/// The rows of a backfill.
#[derive(Debug)]
pub struct Tally {
    /// Rows that were visited.
    pub counts: Counts,
    /// Rows that were pending when it began, if they were counted.
    pub total: Option<u64>,
    began: Instant,
    told: Instant,
}

impl Tally {
    pub fn new(total: Option<u64>, now: Instant) -> Self {
        Self {
            counts: Counts::default(),
            total,
            began: now,
            told: now,
        }
    }

    /// What there is to tell now, if it is time.
    pub fn tell(&mut self, now: Instant) -> Option<String> {
        if now.duration_since(self.told) <= TOLD_EVERY {
            return None;
        }
        self.told = now;
        let Counts { embedded, failed } = self.counts;
        let of = self
            .total
            .map_or_else(String::new, |total| format!(" of {total}"));
        let rate = embedded as f64 / now.duration_since(self.began).as_secs_f64();
        Some(format!(
            "embedded {embedded} row(s){of} so far, {rate:.1} per second; {failed} could not be embedded"
        ))
    }
}
