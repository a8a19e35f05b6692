//! A confusion matrix as people read it.

use crate::Confusion;
use std::{collections::HashSet, fmt};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What labels are cut to in headings: the first of these widths at which they differ.
const HEADINGS: std::ops::RangeInclusive<usize> = 5..=12;

/// What labels are cut to at the beginning of a row.
const ROW_LABEL: usize = 40;

/// Columns as wide as terminals show them: wide characters take two cells, combining marks none.
///
/// A column is headed by its label cut short or, where labels begin too much alike, by its number, which then stands in
/// front of the row's label as well. A dot is a count of 0.
impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report();
        let labels: Vec<String> = self.labels().iter().map(|label| printable(label)).collect();
        let (headings, labels) = match headings(&labels) {
            Some(headings) => (headings, labels),
            None => numbered(&labels),
        };
        let unanswered: u64 = (0..labels.len()).map(|label| self.none(label)).sum();
        let without = |cell: String| (unanswered > 0).then_some(cell);

        let mut lines = vec![line(
            "truth \\ predicted",
            headings,
            without("none".to_owned()),
            "support",
            "recall",
        )];
        for (n, (label, row)) in labels.iter().zip(&report).enumerate() {
            let counts = self.counts(n).iter().enumerate();
            let counts = counts.map(|(column, &count)| count_cell(count, column == n));
            let none = without(count_cell(self.none(n), false));
            let (support, recall) = (row.support.to_string(), share_cell(row.recall));
            lines.push(line(cut(label, ROW_LABEL), counts, none, &support, &recall));
        }
        let predicted = report.iter().map(|row| row.predicted.to_string());
        let none = without(unanswered.to_string());
        lines.push(line(
            "predicted",
            predicted,
            none,
            &self.support().to_string(),
            "",
        ));
        let precision = report.iter().map(|row| share_cell(row.precision));
        lines.push(line("precision", precision, without(String::new()), "", ""));

        write_aligned(f, &lines)?;
        let (hits, support) = (self.hits(), self.support());
        match self.accuracy() {
            Some(accuracy) => write!(f, "accuracy {:.4}, {hits} of {support}", accuracy.micro),
            None => write!(f, "no rows"),
        }
    }
}

/// The cells of a line.
fn line(
    first: &str,
    cells: impl IntoIterator<Item = String>,
    none: Option<String>,
    support: &str,
    recall: &str,
) -> Vec<String> {
    let last = [support.to_owned(), recall.to_owned()];
    [first.to_owned()]
        .into_iter()
        .chain(cells)
        .chain(none)
        .chain(last)
        .collect()
}

/// Writes lines of equally many cells: the first column to the left, others to the right.
fn write_aligned(f: &mut fmt::Formatter<'_>, lines: &[Vec<String>]) -> fmt::Result {
    let mut widths = vec![0; lines[0].len()];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().max(*width);
        }
    }
    for line in lines {
        let mut text = String::new();
        for (n, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.width());
            if n == 0 {
                text += cell;
                text += &padding;
            } else {
                text.push(' ');
                text += &padding;
                text += cell;
            }
        }
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}

fn count_cell(count: u64, diagonal: bool) -> String {
    if count == 0 && !diagonal {
        return ".".to_owned();
    }
    count.to_string()
}

fn share_cell(share: f64) -> String {
    format!("{share:.3}")
}

/// A label in one line, and without what would move a terminal's cursor.
fn printable(label: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    label.chars().map(escaped).collect()
}

/// As much of the beginning as fits.
fn cut(label: &str, width: usize) -> &str {
    let mut used = 0;
    let end = label.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    end.map_or(label, |(end, _)| &label[..end]).trim_end()
}

/// The labels cut short, where they then differ.
fn headings(labels: &[String]) -> Option<Vec<String>> {
    HEADINGS
        .map(|width| {
            labels
                .iter()
                .map(|label| cut(label, width).to_owned())
                .collect::<Vec<_>>()
        })
        .find(|cuts| {
            let mut seen = HashSet::new();
            cuts.iter().all(|cut| seen.insert(cut))
        })
}

/// Numbers, and the labels with theirs.
fn numbered(labels: &[String]) -> (Vec<String>, Vec<String>) {
    let labels = labels.iter().enumerate();
    labels
        .map(|(n, label)| ((n + 1).to_string(), format!("{} {label}", n + 1)))
        .unzip()
}
