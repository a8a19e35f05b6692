//! Metrics of rows that are ordered by a score, some of which are relevant.

use std::num::NonZeroU64;

/// How many comparisons of a sort there are between two calls of its `pause`: some milliseconds.
const PAUSE: u32 = 1 << 20;

/// Scores from the highest on, those of relevant rows and those of others.
///
/// Rows of equal scores have no order among them: metrics either take all or none of them, or their expected value over
/// all orders. So no metric depends on the order in which rows come.
#[derive(Debug)]
pub struct Ranking<'a> {
    relevant: &'a [f64],
    others: &'a [f64],
}

/// The rows that score as high as a threshold or higher.
#[derive(Clone, Copy, Debug)]
struct Step {
    threshold: f64,
    /// How many of them are relevant.
    relevant: u64,
    /// How many there are.
    rows: u64,
}

impl<'a> Ranking<'a> {
    /// Sorts scores, which are not NaN, and of which 0 has no sign. `pause` is called now and then, and may unwind.
    pub fn new(relevant: &'a mut [f64], others: &'a mut [f64], mut pause: impl FnMut()) -> Self {
        let mut compared = 0_u32;
        for scores in [&mut *relevant, &mut *others] {
            scores.sort_unstable_by(|a, b| {
                compared = compared.wrapping_add(1);
                if compared.is_multiple_of(PAUSE) {
                    pause();
                }
                b.total_cmp(a)
            });
        }
        Self { relevant, others }
    }

    /// Mean of the precision at each relevant row: `Σ (Rₙ − Rₙ₋₁) Pₙ` over the thresholds from the highest on, as
    /// scikit-learn's `average_precision_score`. None without a relevant row.
    pub fn average_precision(&self) -> Option<f64> {
        let all = self.relevant.len() as u64;
        let mut before = 0;
        let sum: f64 = self
            .steps()
            .map(|step| {
                let more = (step.relevant - before) as f64;
                before = step.relevant;
                more * step.relevant as f64 / step.rows as f64
            })
            .sum();
        (all > 0).then(|| sum / all as f64)
    }

    /// Share of relevant rows among the first `depth`, places without a row counting as others, as trec_eval's `P`. Of rows
    /// that are tied across the depth, the expected share. None without a relevant row.
    pub fn precision_at(&self, depth: NonZeroU64) -> Option<f64> {
        if self.relevant.is_empty() {
            return None;
        }
        let depth = depth.get();
        let (mut rows, mut relevant) = (0, 0);
        for step in self.steps() {
            if step.rows > depth {
                let share = (depth - rows) as f64 / (step.rows - rows) as f64;
                let tied = (step.relevant - relevant) as f64 * share;
                return Some((relevant as f64 + tied) / depth as f64);
            }
            (rows, relevant) = (step.rows, step.relevant);
        }
        Some(relevant as f64 / depth as f64)
    }

    /// [`Ranking::precision_at`] the number of relevant rows, where precision and recall are equal.
    pub fn r_precision(&self) -> Option<f64> {
        self.precision_at(NonZeroU64::new(self.relevant.len() as u64)?)
    }

    /// The score for which `score >= threshold` has the largest F1; of equal ones the highest. None without a relevant
    /// row.
    pub fn best_threshold(&self) -> Option<f64> {
        let all = self.relevant.len() as u64;
        // F1 is 2·relevant / (rows + all). Of two fractions without division, so that equal ones are equal.
        let better = |step: &Step, than: &Step| {
            u128::from(step.relevant) * u128::from(than.rows + all)
                > u128::from(than.relevant) * u128::from(step.rows + all)
        };
        let best = self
            .steps()
            .reduce(|best, step| if better(&step, &best) { step } else { best });
        best.filter(|_| all > 0).map(|best| best.threshold)
    }

    /// One step for each score that occurs, from the highest on.
    fn steps(&self) -> impl Iterator<Item = Step> {
        let (mut relevant, mut others) = (0, 0);
        std::iter::from_fn(move || {
            let threshold = match (self.relevant.get(relevant), self.others.get(others)) {
                (Some(&a), Some(&b)) => a.max(b),
                (Some(&only), None) | (None, Some(&only)) => only,
                (None, None) => return None,
            };
            relevant = end_of_ties(self.relevant, relevant, threshold);
            others = end_of_ties(self.others, others, threshold);
            Some(Step {
                threshold,
                relevant: relevant as u64,
                rows: (relevant + others) as u64,
            })
        })
    }
}

/// Where the scores end that are equal to one, from a place on.
fn end_of_ties(scores: &[f64], from: usize, score: f64) -> usize {
    let ties = scores[from..].iter().take_while(|&&other| other == score);
    from + ties.count()
}
