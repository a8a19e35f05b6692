//! A part of a picture as a picture.

use super::raster::zeroed;
use super::region::Area;
use super::rows::Rows;
use super::source::Pulse;
use crate::Result;

/// An area of a picture, as a picture.
pub(super) struct Cropped<'a> {
    rows: &'a mut dyn Rows,
    area: Area,
    /// The next row of the whole picture.
    next: usize,
    /// Room for one of its rows.
    row: Vec<u8>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Cropped<'a> {
    pub(super) fn new(rows: &'a mut dyn Rows, area: Area, pulse: &'a Pulse<'a>) -> Result<Self> {
        let row = zeroed(3 * rows.size().0, pulse)?;
        Ok(Self {
            rows,
            area,
            next: 0,
            row,
            pulse,
        })
    }
}

impl Rows for Cropped<'_> {
    fn size(&self) -> (usize, usize) {
        self.area.size()
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let Area {
            columns,
            rows: kept,
        } = &self.area;
        let above = kept.start.saturating_sub(self.next);
        self.rows.skip(above, &mut self.row, self.pulse)?;
        self.rows.next_row(&mut self.row)?;
        self.next += above + 1;
        let columns = 3 * columns.start..3 * columns.end;
        row.copy_from_slice(self.row.get(columns).unwrap_or_default());
        if self.next == kept.end {
            // Only a file that was read to its end is known to be sound.
            let below = self.rows.size().1 - self.next;
            self.rows.skip(below, &mut self.row, self.pulse)?;
        }
        Ok(())
    }
}
