//! Counting pairs of a true and a predicted label, in any order, in one pass or several.

use crate::{Confusion, Error, MAX_COUNT, MAX_LABELS, confusion};
use std::{borrow::Cow, collections::HashMap};

/// How many rows there are of each pair of labels.
///
/// Only pairs that occur take memory.
#[derive(Debug, Default)]
pub struct Tally {
    /// Numbers of the labels, in the order in which they came.
    numbers: HashMap<String, usize>,
    /// Rows by the numbers of the true and the predicted label, which may be none.
    counts: HashMap<(usize, Option<usize>), u64>,
    rows: u64,
}

impl Tally {
    /// Counts rows of which the label is `truth`, and of which `predicted` was predicted or nothing.
    pub fn add(&mut self, truth: &str, predicted: Option<&str>, rows: u64) -> Result<(), Error> {
        self.rows = self.rows.saturating_add(rows);
        if self.rows > MAX_COUNT {
            return Err(Error::TooManyRows);
        }
        let truth = self.number(truth)?;
        let predicted = match predicted {
            Some(label) => Some(self.number(label)?),
            None => None,
        };
        *self.counts.entry((truth, predicted)).or_default() += rows;
        Ok(())
    }

    /// Counts what another tally has counted.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        for (truth, predicted, rows) in other.pairs() {
            self.add(truth, predicted, rows)?;
        }
        Ok(())
    }

    /// Every pair that occurs, and how often.
    fn pairs(&self) -> impl Iterator<Item = (&str, Option<&str>, u64)> {
        let labels = self.labels();
        self.counts.iter().map(move |(&(truth, predicted), &rows)| {
            (
                labels[truth],
                predicted.map(|predicted| labels[predicted]),
                rows,
            )
        })
    }

    /// The matrix, its labels in the order of their UTF-8 bytes.
    pub fn confusion(&self) -> Confusion {
        let mut labels = self.labels();
        labels.sort_unstable();
        let mut places = vec![0; labels.len()];
        for (place, &label) in labels.iter().enumerate() {
            places[self.numbers[label]] = place;
        }
        let mut counts = vec![vec![0; labels.len()]; labels.len()];
        let mut none = vec![0; labels.len()];
        for (&(truth, predicted), &rows) in &self.counts {
            match predicted {
                Some(predicted) => counts[places[truth]][places[predicted]] = rows,
                None => none[places[truth]] = rows,
            }
        }
        let labels = labels.into_iter().map(str::to_owned).collect();
        Confusion::counted(labels, counts, none)
    }

    /// What [`Tally::from_json`] reads in another process.
    pub fn to_json(&self) -> Vec<u8> {
        let pairs: Vec<_> = self.pairs().collect();
        // Serialising plain data cannot fail.
        serde_json::to_vec(&pairs).unwrap_or_default()
    }

    /// The tally that [`Tally::to_json`] was called of.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let pairs: Vec<(Cow<'_, str>, Option<Cow<'_, str>>, u64)> = serde_json::from_slice(json)?;
        let mut tally = Self::default();
        for (truth, predicted, rows) in pairs {
            tally.add(&truth, predicted.as_deref(), rows)?;
        }
        Ok(tally)
    }

    fn number(&mut self, label: &str) -> Result<usize, Error> {
        if let Some(&number) = self.numbers.get(label) {
            return Ok(number);
        }
        let number = self.numbers.len();
        if number == MAX_LABELS {
            return Err(Error::TooManyLabels);
        }
        confusion::check(label)?;
        self.numbers.insert(label.to_owned(), number);
        Ok(number)
    }

    /// The labels by their numbers.
    fn labels(&self) -> Vec<&str> {
        let mut labels = vec![""; self.numbers.len()];
        for (label, &number) in &self.numbers {
            labels[number] = label;
        }
        labels
    }
}
