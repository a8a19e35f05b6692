//! Orientation, resize and crop in one stream: each row goes through the horizontal pass as it is decoded
//! and is added to the sums of the output rows it takes part in. Only kept columns and rows are computed.
//!
//! The result is that of Pillow's two passes over whole images (horizontal, rounded to 8 bits, vertical),
//! because sums of integers do not depend on their order. A mirrored orientation mirrors the weights
//! instead of the pixels; a transposed one is the only case that needs the whole image.

use super::crop::Cropped;
use super::kernel::{Columns, HALF, PADDING, accumulate, clip};
use super::plan::{Plan, Side};
use super::raster::zeroed;
use super::region::Area;
use super::rows::Rows;
use super::source::Pulse;
use super::weights::Weights;
use crate::preprocess::Filter;
use crate::{Error, Result};
use std::ops::Range;

/// Turns a picture, resizes and crops the part of it that `plan` has.
///
/// All rows that a decoder hands out are read, also those that are not kept: only then what it has read is known to be
/// sound.
pub(super) fn run(
    rows: &mut dyn Rows,
    plan: &Plan,
    filter: Filter,
    pulse: &Pulse<'_>,
) -> Result<Vec<u8>> {
    let size = rows.size();
    let (columns, lines) = Side::of(&plan.area, &rows.view(), size);
    let mut cropped;
    let rows: &mut dyn Rows = match (columns.pixels.len(), lines.pixels.len()) == size {
        true => rows,
        false => {
            let area = Area {
                columns: columns.pixels.clone(),
                rows: lines.pixels.clone(),
            };
            cropped = Cropped::new(rows, area, pulse)?;
            &mut cropped
        }
    };
    match plan.turn.transposed {
        true => stream(
            &mut Transposed::read(rows, pulse)?,
            plan,
            [lines, columns],
            filter,
            pulse,
        ),
        false => stream(rows, plan, [columns, lines], filter, pulse),
    }
}

fn stream(
    rows: &mut dyn Rows,
    plan: &Plan,
    [across, down]: [Side; 2],
    filter: Filter,
    pulse: &Pulse<'_>,
) -> Result<Vec<u8>> {
    let (width, height) = rows.size();
    let Plan { turn, geometry, .. } = plan;
    let weights = |side: &Side, output, kept: &Range<usize>, mirror| {
        let upright = match mirror {
            true => side.reversed(),
            false => side.clone(),
        };
        let input = upright.pixels.len();
        let weights = Weights::new(filter, (input, upright.span), output, kept.clone(), pulse)?;
        Ok::<_, Error>(match mirror {
            true => weights.mirrored(input, pulse),
            false => weights,
        })
    };
    let columns = weights(&across, geometry.resized.0, &geometry.columns, turn.columns)?;
    let vertical = weights(&down, geometry.resized.1, &geometry.rows, turn.rows)?;
    let columns = Columns::new(columns, pulse);
    let size = (geometry.columns.len(), geometry.rows.len());
    let mut sums = Sums::new(vertical, 3 * size.0, zeroed(3 * size.0 * size.1, pulse)?);
    let mut row = zeroed(3 * width + PADDING, pulse)?;
    let mut shrunk = zeroed(3 * size.0, pulse)?;
    for y in 0..height {
        pulse.beat();
        rows.next_row(row.get_mut(..3 * width).unwrap_or_default())?;
        if sums.takes(y)? {
            columns.run(&row, &mut shrunk, pulse);
            sums.add(y, &shrunk);
        }
    }
    let place = |(pixels, size), canvas: &super::geometry::Canvas| {
        (canvas.place(pixels, size), canvas.size)
    };
    Ok(geometry.canvases.iter().fold((sums.out, size), place).0)
}

/// The vertical pass: output rows in the making, and the finished ones.
struct Sums {
    weights: Weights,
    /// Outputs before this one have been started.
    started: usize,
    /// Index into the weights' taps, and the sums so far.
    open: Vec<(usize, Vec<i32>)>,
    /// Sums of finished rows, to be used again.
    free: Vec<Vec<i32>>,
    stride: usize,
    out: Vec<u8>,
}

impl Sums {
    fn new(weights: Weights, stride: usize, out: Vec<u8>) -> Self {
        Self {
            weights,
            started: 0,
            open: Vec::new(),
            free: Vec::new(),
            stride,
            out,
        }
    }

    /// Starts the output rows that begin at input row `y`; whether any row needs `y`.
    fn takes(&mut self, y: usize) -> Result<bool> {
        while let Some(taps) = self.weights.taps.get(self.started)
            && taps.start <= y
        {
            // An output without inputs stays black.
            if taps.length > 0 {
                let mut sums = self.free.pop().unwrap_or_default();
                sums.clear();
                sums.try_reserve(self.stride)
                    .map_err(|_| Error::OutOfMemory {
                        bytes: 4 * self.stride,
                    })?;
                sums.resize(self.stride, HALF);
                self.open.push((self.started, sums));
            }
            self.started += 1;
        }
        Ok(!self.open.is_empty())
    }

    /// Adds input row `y` to the rows that need it and finishes those for which it was the last.
    fn add(&mut self, y: usize, row: &[u8]) {
        let Self {
            weights,
            open,
            free,
            stride,
            out,
            ..
        } = self;
        open.retain_mut(|(index, sums)| {
            let Some(taps) = weights.taps.get(*index) else {
                return false;
            };
            let at = y.wrapping_sub(taps.start);
            if let Some(&weight) = weights.of(taps).get(at) {
                accumulate(sums, row, weight);
            }
            if at + 1 < taps.length {
                return true;
            }
            let target = out.get_mut(taps.output * *stride..).unwrap_or_default();
            for (sample, sum) in target.iter_mut().zip(sums.iter()) {
                *sample = clip(*sum);
            }
            free.push(std::mem::take(sums));
            false
        });
    }
}

/// A picture whose columns are read as rows.
struct Transposed<'a> {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
    /// Next column to hand out.
    next: usize,
    /// Some columns, transposed together because pixels of one column share no cache line.
    block: Vec<u8>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Transposed<'a> {
    /// Columns of a block: the 48 bytes of a row that a cache line holds.
    const BLOCK: usize = 16;

    fn read(rows: &mut dyn Rows, pulse: &'a Pulse<'a>) -> Result<Self> {
        let (width, height) = rows.size();
        pulse.claim(3 * width as u64 * height as u64)?;
        let mut pixels = zeroed(3 * width * height, pulse)?;
        for row in pixels.chunks_exact_mut(3 * width) {
            pulse.beat();
            rows.next_row(row)?;
        }
        Ok(Self {
            pixels,
            width,
            height,
            next: 0,
            block: zeroed(3 * height * Self::BLOCK, pulse)?,
            pulse,
        })
    }

    fn transpose(&mut self) {
        let columns = Self::BLOCK.min(self.width - self.next);
        let target = self.block.as_chunks_mut::<3>().0;
        for (y, row) in self
            .pixels
            .as_chunks::<3>()
            .0
            .chunks_exact(self.width)
            .enumerate()
        {
            if y.is_multiple_of(1 << 12) {
                self.pulse.beat();
            }
            for (x, pixel) in row.iter().skip(self.next).take(columns).enumerate() {
                if let Some(target) = target.get_mut(x * self.height + y) {
                    *target = *pixel;
                }
            }
        }
    }
}

impl Rows for Transposed<'_> {
    fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let column = self.next % Self::BLOCK;
        if column == 0 {
            self.transpose();
        }
        self.next += 1;
        let from = 3 * self.height * column;
        row.copy_from_slice(self.block.get(from..from + row.len()).unwrap_or_default());
        Ok(())
    }
}
