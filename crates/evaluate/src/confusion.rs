//! The confusion matrix and what is computed from it.

use crate::Error;
use crate::limits::{MAX_COUNT, MAX_LABEL_BYTES, MAX_LABELS};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How many rows there are of each true and each predicted label.
///
/// Every label is one of truth and of prediction, whether it occurs in both or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    labels: Vec<String>,
    /// A row for each true label, a column for each predicted one.
    counts: Vec<Vec<u64>>,
    /// Rows of each true label without a prediction.
    none: Vec<u64>,
}

/// A matrix as it is written, before anything is known of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    labels: Vec<String>,
    counts: Vec<Vec<u64>>,
    /// May be left out where every row has a prediction, as in matrices that are copied from elsewhere.
    none: Option<Vec<u64>>,
}

/// The figures of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// The label.
    pub label: &'a str,
    /// Rows that have it.
    pub support: u64,
    /// Rows for which it was predicted.
    pub predicted: u64,
    /// Of the rows for which it was predicted, the share that has it.
    pub precision: f64,
    /// Of the rows that have it, the share for which it was predicted.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
}

/// The figures of all labels together.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    /// Share of the rows for which the true label was predicted: accuracy. A row without a prediction is a miss.
    pub micro: f64,
    /// Mean of the labels' precision.
    pub macro_precision: f64,
    /// Mean of the labels' recall.
    pub macro_recall: f64,
    /// Mean of the labels' F1.
    pub macro_f1: f64,
    /// Mean of the labels' F1, weighted by their support.
    pub weighted_f1: f64,
    /// Mean of the recall of those labels that some row has: balanced accuracy.
    pub balanced: f64,
    /// Cohen's kappa: how much better than by chance, 1 being perfect.
    pub kappa: f64,
}

/// A share, 0 of nothing.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    values.sum::<f64>() / count as f64
}

impl Confusion {
    /// What a tally has counted, in which everything that [`Confusion::from_json`] checks holds.
    pub(crate) fn counted(labels: Vec<String>, counts: Vec<Vec<u64>>, none: Vec<u64>) -> Self {
        Self {
            labels,
            counts,
            none,
        }
    }

    /// Reads `{"labels": […], "counts": [[…], …], "none": […]}`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        // Of arrays serde would make one, too.
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json)?;
        let Written {
            labels,
            counts,
            none,
        } = serde_json::from_value(object.into())?;
        if labels.len() > MAX_LABELS {
            return Err(Error::TooManyLabels);
        }
        labels.iter().try_for_each(|label| check(label))?;
        let mut seen = HashSet::new();
        if let Some(label) = labels.iter().find(|label| !seen.insert(label.as_str())) {
            return Err(Error::DuplicateLabel(label.clone()));
        }
        let none = none.unwrap_or_else(|| vec![0; labels.len()]);
        let expect = |part: &dyn Fn() -> String, found| {
            if found == labels.len() {
                return Ok(());
            }
            Err(Error::Shape {
                part: part(),
                found,
                labels: labels.len(),
            })
        };
        expect(&|| "counts".to_owned(), counts.len())?;
        for (n, row) in counts.iter().enumerate() {
            expect(&|| format!("counts[{n}]"), row.len())?;
        }
        expect(&|| "none".to_owned(), none.len())?;
        let all = counts.iter().flatten().chain(&none);
        if all.fold(0_u64, |sum, &count| sum.saturating_add(count)) > MAX_COUNT {
            return Err(Error::TooManyRows);
        }
        Ok(Self::counted(labels, counts, none))
    }

    /// What [`Confusion::from_json`] reads.
    pub fn to_json(&self) -> String {
        // Serialising plain data cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The labels, in the order of rows and columns.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Rows of a true label, by the predicted one.
    pub(crate) fn counts(&self, label: usize) -> &[u64] {
        &self.counts[label]
    }

    /// Rows of a true label without a prediction.
    pub(crate) fn none(&self, label: usize) -> u64 {
        self.none[label]
    }

    /// Rows of all labels.
    pub fn support(&self) -> u64 {
        (0..self.labels.len())
            .map(|label| self.true_rows(label))
            .sum()
    }

    /// Rows for which the true label was predicted.
    pub fn hits(&self) -> u64 {
        (0..self.labels.len())
            .map(|label| self.counts[label][label])
            .sum()
    }

    fn true_rows(&self, label: usize) -> u64 {
        self.counts[label].iter().sum::<u64>() + self.none[label]
    }

    fn predicted_rows(&self, label: usize) -> u64 {
        self.counts.iter().map(|row| row[label]).sum()
    }

    /// The figures of each label, in the order of the labels.
    pub fn report(&self) -> Vec<Row<'_>> {
        let rows = self.labels.iter().enumerate().map(|(n, label)| {
            let hits = self.counts[n][n];
            let (support, predicted) = (self.true_rows(n), self.predicted_rows(n));
            Row {
                label,
                support,
                predicted,
                precision: share(hits, predicted),
                recall: share(hits, support),
                f1: share(2 * hits, support + predicted),
            }
        });
        rows.collect()
    }

    /// The figures of all labels together; none of no rows.
    pub fn accuracy(&self) -> Option<Accuracy> {
        let support = self.support();
        if support == 0 {
            return None;
        }
        let report = self.report();
        let with_rows: Vec<&Row<'_>> = report.iter().filter(|row| row.support > 0).collect();
        let weighted = report.iter().map(|row| row.support as f64 * row.f1);
        Some(Accuracy {
            micro: share(self.hits(), support),
            macro_precision: mean(report.iter().map(|row| row.precision)),
            macro_recall: mean(report.iter().map(|row| row.recall)),
            macro_f1: mean(report.iter().map(|row| row.f1)),
            weighted_f1: weighted.sum::<f64>() / support as f64,
            balanced: mean(with_rows.iter().map(|row| row.recall)),
            kappa: self.kappa(&report, support),
        })
    }

    /// `(pₒ − pₑ) / (1 − pₑ)` of the observed and the expected agreement, here times the square of the number of rows, which
    /// keeps it exact: `i128` holds the square of [`MAX_COUNT`].
    fn kappa(&self, report: &[Row<'_>], support: u64) -> f64 {
        let product = |a: u64, b: u64| i128::from(a) * i128::from(b);
        let expected: i128 = report
            .iter()
            .map(|row| product(row.support, row.predicted))
            .sum();
        let possible = product(support, support) - expected;
        if possible == 0 {
            return 0.0;
        }
        (product(self.hits(), support) - expected) as f64 / possible as f64
    }
}

/// Checks the length of a label.
pub(crate) fn check(label: &str) -> Result<(), Error> {
    match label.len() > MAX_LABEL_BYTES {
        true => Err(Error::LongLabel(label.len())),
        false => Ok(()),
    }
}
