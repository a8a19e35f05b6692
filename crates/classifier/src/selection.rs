//! Which of the classes count.

use crate::{Classifier, Scores};

/// The least probability at which a label counts by itself, where nobody has chosen another.
pub const LIKELIER_THAN_NOT: f64 = 0.5;

/// Which of the classes count, and how many at most.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// Classes at most, at least 1.
    pub top_k: usize,
    /// The least probability.
    pub threshold: Option<f64>,
    /// The least ratio to the probability of the likeliest class, which itself counts in any case.
    pub margin: Option<f64>,
}

impl Selection {
    /// The classes that count with their probabilities, the likeliest first. NaN, of an embedding without a direction,
    /// reaches no threshold.
    pub fn classes(&self, classifier: &Classifier, scores: &Scores) -> Vec<(usize, f64)> {
        self.select(classifier, scores, |_| None)
    }

    /// As [`Selection::classes`]. Where the selection has no threshold, each class has its own, or else
    /// [`LIKELIER_THAN_NOT`].
    pub fn labels(&self, classifier: &Classifier, scores: &Scores) -> Vec<(usize, f64)> {
        self.select(classifier, scores, |class| {
            classifier.thresholds()[class].or(Some(LIKELIER_THAN_NOT))
        })
    }

    fn select(
        &self,
        classifier: &Classifier,
        scores: &Scores,
        threshold: impl Fn(usize) -> Option<f64>,
    ) -> Vec<(usize, f64)> {
        let probabilities = classifier.probabilities(&scores.logits);
        let order = scores.order();
        let most = probabilities[order[0]];
        let counts = |(rank, class): (usize, usize)| {
            let probability = probabilities[class];
            let threshold = self.threshold.or_else(|| threshold(class));
            let likely = threshold.is_none_or(|threshold| probability >= threshold);
            let near = self
                .margin
                .is_none_or(|margin| rank == 0 || probability > margin * most);
            (near && likely).then_some((class, probability))
        };
        let first = order.into_iter().enumerate().take(self.top_k);
        first.filter_map(counts).collect()
    }
}
