//! How wide a search has to be to find a given share of the nearest vectors, by what was measured.
//!
//! A calibration is a ladder of widths with the share that searches of each have found of the same queries' nearest
//! vectors. It is kept as a text, which people can read, as `k=10 rows=100000 8=0.9312 16=0.9689 32=0.9871`.

use std::fmt;
use std::str::FromStr;

/// Widths are from 1 to this.
pub const WIDEST: u32 = 10_000;
/// Most steps of a ladder.
const STEPS: usize = 64;
/// Shares are kept in so many parts.
const PARTS: f64 = 10_000.0;

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// How many of the nearest vectors were to be found.
    pub k: u32,
    /// Among how many rows.
    pub rows: u64,
    /// Widths in ascending order, and shares.
    steps: Vec<(u32, f64)>,
}

/// How wide a search has to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Width {
    /// So wide.
    Of(u32),
    /// Wider than what was measured, which this is the widest of.
    Beyond(u32),
}

impl Calibration {
    /// Of a ladder that has a step, with widths in ascending order. Shares are rounded down.
    pub fn new(k: u32, rows: u64, steps: impl IntoIterator<Item = (u32, f64)>) -> Option<Self> {
        let down = |share: f64| (share * PARTS + 1e-6).floor() / PARTS;
        let steps: Vec<_> = steps
            .into_iter()
            .map(|(width, share)| (width, down(share)))
            .collect();
        let in_range = steps
            .iter()
            .all(|&(width, share)| (1..=WIDEST).contains(&width) && (0.0..=1.0).contains(&share));
        let ascending = steps.is_sorted_by(|(width, _), (next, _)| width < next);
        let sized = (1..=STEPS).contains(&steps.len());
        (k > 0 && in_range && ascending && sized).then_some(Self { k, rows, steps })
    }

    /// The least width that finds the share `target`, as far as was measured.
    ///
    /// A share counts only if all wider searches have found as much: what a few queries more or less have found by chance is
    /// no promise. Between two steps the share grows ever more slowly with the width, so that a straight line between
    /// them is below it.
    pub fn width(&self, target: f64) -> Width {
        let (mut width, mut share) = self.steps[self.steps.len() - 1];
        if share < target {
            return Width::Beyond(width);
        }
        for &(narrower, less) in self.steps.iter().rev().skip(1) {
            let less = less.min(share);
            if less < target {
                let part = (target - less) / (share - less);
                let more = (f64::from(width - narrower) * part - 1e-6).ceil();
                return Width::Of((narrower + more as u32).min(width));
            }
            (width, share) = (narrower, less);
        }
        Width::Of(width)
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k={} rows={}", self.k, self.rows)?;
        for (width, share) in &self.steps {
            write!(f, " {width}={share}")?;
        }
        Ok(())
    }
}

/// The text is none of a calibration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotACalibration;

impl FromStr for Calibration {
    type Err = NotACalibration;

    fn from_str(text: &str) -> Result<Self, NotACalibration> {
        let mut words = text.split_ascii_whitespace();
        let mut named = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let k = named("k").and_then(|k| k.parse().ok());
        let rows = named("rows").and_then(|rows| rows.parse().ok());
        let (Some(k), Some(rows)) = (k, rows) else {
            return Err(NotACalibration);
        };
        let step = |word: &str| {
            let (width, share) = word.split_once('=')?;
            Some((width.parse().ok()?, share.parse().ok()?))
        };
        let steps: Option<Vec<_>> = words.take(STEPS + 1).map(step).collect();
        steps
            .and_then(|steps| Self::new(k, rows, steps))
            .ok_or(NotACalibration)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Calibration {
        text.parse().unwrap()
    }

    #[test]
    fn widths_lie_between_the_steps() {
        let ladder = parsed("k=10 rows=2000 8=0.9 16=0.95 32=0.99");
        assert_eq!(ladder.width(0.5), Width::Of(8));
        assert_eq!(ladder.width(0.9), Width::Of(8));
        assert_eq!(ladder.width(0.925), Width::Of(12));
        assert_eq!(ladder.width(0.95), Width::Of(16));
        assert_eq!(ladder.width(0.97), Width::Of(24));
        assert_eq!(ladder.width(0.99), Width::Of(32));
        assert_eq!(ladder.width(0.991), Width::Beyond(32));
    }

    #[test]
    fn what_wider_searches_do_not_find_is_no_promise() {
        let ladder = parsed("k=10 rows=2000 8=0.9 16=0.97 32=0.95 64=0.99");
        assert_eq!(ladder.width(0.9), Width::Of(8));
        assert_eq!(ladder.width(0.95), Width::Of(16));
        assert_eq!(ladder.width(0.97), Width::Of(48));
        let falling = parsed("k=10 rows=2000 8=1 16=0.5");
        assert_eq!(falling.width(0.5), Width::Of(8));
        assert_eq!(falling.width(0.6), Width::Beyond(16));
    }

    #[test]
    fn texts_are_read_or_refused() {
        let text = "k=10 rows=2000 8=0.9312 16=1";
        assert_eq!(parsed(text).to_string(), text);
        assert_eq!(
            parsed("  k=1\trows=0  8=.5 ").to_string(),
            "k=1 rows=0 8=0.5"
        );
        let long: String = (1..=65).map(|width| format!(" {width}=0.5")).collect();
        for text in [
            "",
            "k=10",
            "k=10 rows=5",
            "rows=5 k=10 8=0.5",
            "k=0 rows=5 8=0.5",
            "k=10 rows=-5 8=0.5",
            "k=10 rows=5 8",
            "k=10 rows=5 0=0.5",
            "k=10 rows=5 10001=0.5",
            "k=10 rows=5 8=1.1",
            "k=10 rows=5 8=-0.1",
            "k=10 rows=5 8=nan",
            "k=10 rows=5 8=0.5 8=0.6",
            "k=10 rows=5 16=0.5 8=0.6",
            &format!("k=10 rows=5{long}"),
        ] {
            assert_eq!(text.parse::<Calibration>(), Err(NotACalibration), "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_back(k in 1..1000_u32, rows in any::<u64>(),
                           steps in prop::collection::btree_map(1..=WIDEST, 0.0..=1.0_f64, 1..12)) {
            let ladder = Calibration::new(k, rows, steps).unwrap();
            prop_assert_eq!(parsed(&ladder.to_string()), ladder);
        }

        /// The more is to be found, the wider; and never narrower than a step that finds less.
        #[test]
        fn widths_grow_with_the_target(steps in prop::collection::btree_map(1..=WIDEST, 0.0..=1.0_f64, 1..12),
                                       a in 0.0..=1.0_f64, b in 0.0..=1.0_f64) {
            let ladder = Calibration::new(10, 0, steps.clone()).unwrap();
            let width = |target| match ladder.width(target) {
                Width::Of(width) => width,
                Width::Beyond(_) => u32::MAX,
            };
            prop_assert!(width(a.min(b)) <= width(a.max(b)));
            for &(step, share) in &ladder.steps {
                prop_assert!(share >= a || width(a) > step);
            }
            prop_assert!(width(a) == u32::MAX || *steps.keys().next().unwrap() <= width(a));
        }
    }
}
