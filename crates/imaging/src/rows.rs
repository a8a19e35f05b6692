//! A picture as rows: what decoders hand out and resizing takes in.

use super::source::Pulse;
use crate::Result;

/// A picture read from top to bottom.
pub(crate) trait Rows {
    /// Width and height of what is read, which may be less than the file holds.
    fn size(&self) -> (usize, usize);

    /// Where that lies in the picture as stored.
    fn view(&self) -> View {
        View::WHOLE
    }

    /// Writes the next row, RGB, into `row` of 3 × width bytes. Called at most height times.
    fn next_row(&mut self, row: &mut [u8]) -> Result<()>;

    /// Passes over `count` rows; `row` is room for one.
    fn skip(&mut self, count: usize, row: &mut [u8], pulse: &Pulse<'_>) -> Result<()> {
        for _ in 0..count {
            pulse.beat();
            self.next_row(row)?;
        }
        Ok(())
    }
}

/// How pixels that are read lie in the picture as stored: pixel `(x, y)` covers what begins at `origin + (x, y) × step` and
/// is a step wide and high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) origin: (f64, f64),
    pub(crate) step: (f64, f64),
}

impl View {
    /// Every pixel of the picture, where it is.
    pub(crate) const WHOLE: Self = Self {
        origin: (0.0, 0.0),
        step: (1.0, 1.0),
    };

    /// A whole picture reduced to `size` of `full`, each of its pixels the mean of those that it covers.
    pub(crate) fn reduced(full: (usize, usize), size: (usize, usize)) -> Self {
        Self {
            origin: (0.0, 0.0),
            step: (full.0 as f64 / size.0 as f64, full.1 as f64 / size.1 as f64),
        }
    }
}
