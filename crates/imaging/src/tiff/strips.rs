//! Rows of samples out of strips or tiles: the decoders of those that lie side by side take turns, a row each, so that
//! memory is that of rows however the file is cut up.

use super::chunk::{Chunk, Packed};
use super::codec;
use super::layout::{Color, Layout, compression};
use super::samples;
use crate::raster::zeroed;
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};
use std::ops::Range;

/// A row of samples that are in one strip or tile.
pub(super) struct Part<'a> {
    /// The sample that it holds, where each has strips or tiles of its own; 0 otherwise.
    pub(super) plane: usize,
    /// Its first column in the picture.
    pub(super) x: usize,
    /// Pixels of it.
    pub(super) width: usize,
    pub(super) bytes: &'a [u8],
}

/// The rows of a picture.
pub(super) struct Strips<'a> {
    pub(super) layout: Layout<'a>,
    color: Color,
    /// Strips or tiles that lie side by side, and those of them that are read.
    across: usize,
    columns: Range<usize>,
    per_plane: usize,
    planes: usize,
    /// Bytes of a row of a strip or tile; where colour is shared, of the rows that share it.
    stride: usize,
    shared: (usize, usize),
    /// How many pixels share a sample of each plane, across and down.
    steps: Vec<(usize, usize)>,
    /// The last row of each strip or tile whose samples are shared so, spread over all of its columns.
    spread: Vec<Vec<u8>>,
    /// The decoders of a row of strips or tiles, which one that is, and the row of it that they give next.
    open: Vec<Option<Box<dyn Packed + 'a>>>,
    band: Option<usize>,
    at: usize,
    /// The next row of the picture.
    next: usize,
    row: Vec<u8>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Strips<'a> {
    /// Of the columns of the picture that are asked for; others may come along.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where strips or tiles have no size.
    pub(super) fn new(
        layout: Layout<'a>,
        color: Color,
        columns: &Range<usize>,
        pulse: &'a Pulse<'a>,
    ) -> Result<Self> {
        let (width, height) = layout.chunk;
        if width == 0 || height == 0 {
            return Err(corrupt(Format::Tiff, "its strips or tiles have no pixels"));
        }
        let shared = layout.shared().unwrap_or((1, 1));
        let stride = stride(&layout, shared);
        let across = layout.width.div_ceil(width);
        let stride = stride.ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let columns = columns.start / width..columns.end.div_ceil(width).min(across);
        let planes = if layout.planar { layout.bits.len() } else { 1 };
        let side_by_side = columns.len() * planes;
        let held = match codec::is_held(&layout) || codec::is_gathered(&layout, side_by_side) {
            true => stride
                .saturating_mul(height.min(layout.height))
                .saturating_mul(side_by_side),
            false => stride,
        };
        pulse.claim(held as u64)?;
        Ok(Self {
            across,
            columns,
            per_plane: across * layout.height.div_ceil(height),
            planes,
            stride,
            shared,
            steps: (0..planes).map(|plane| layout.step(plane)).collect(),
            spread: Vec::new(),
            open: Vec::new(),
            band: None,
            at: 0,
            next: 0,
            row: Vec::new(),
            layout,
            color,
            pulse,
        })
    }

    /// Rows that are read at once, since they share colour.
    pub(super) fn together(&self) -> usize {
        self.shared.1
    }

    /// Goes on to a row.
    pub(super) fn seek(&mut self, row: usize) {
        self.next = row;
    }

    /// Opens the strips or tiles of a band.
    fn begin(&mut self, band: usize) -> Result<()> {
        self.open.clear();
        (self.band, self.at) = (Some(band), 0);
        let rows = match self.layout.is_tiled() {
            true => self.layout.chunk.1,
            false => self
                .layout
                .chunk
                .1
                .min(self.layout.height - band * self.layout.chunk.1),
        };
        let side_by_side = self.planes * self.columns.len();
        for (plane, &(across, down)) in self.steps.iter().enumerate() {
            // Planes with fewer samples have them of 8 bits.
            let stride = match across {
                1 => self.stride,
                _ => self.layout.chunk.0.div_ceil(across),
            };
            for column in self.columns.clone() {
                self.pulse.beat();
                let index = plane * self.per_plane + band * self.across + column;
                let needed = (self.layout.compression == compression::NONE)
                    .then(|| stride.saturating_mul(rows.div_ceil(self.shared.1 * down)));
                let decoder = match self.layout.data(index, needed)? {
                    Some((bytes, cut)) => {
                        let chunk = Chunk {
                            bytes,
                            cut,
                            size: (self.layout.chunk.0.div_ceil(across), rows.div_ceil(down)),
                            stride,
                        };
                        let (layout, color, pulse) = (&self.layout, self.color, self.pulse);
                        Some(pulse.confine(Format::Tiff, || {
                            let decoder = codec::open(layout, color, &chunk, pulse)?;
                            match codec::is_gathered(layout, side_by_side) {
                                true => codec::gather(decoder, &chunk, pulse),
                                false => Ok(decoder),
                            }
                        })?)
                    }
                    None => None,
                };
                self.open.push(decoder);
            }
        }
        Ok(())
    }

    /// Decodes the next row, or the next rows that share colour, and hands out what each strip or tile has of it.
    pub(super) fn next_row(&mut self, mut take: impl FnMut(Part<'_>)) -> Result<()> {
        let (band, row) = (
            self.next / self.layout.chunk.1,
            self.next % self.layout.chunk.1,
        );
        if self.band != Some(band) || self.at > row / self.shared.1 {
            self.begin(band)?;
        }
        self.next += self.shared.1.min(self.layout.chunk.1 - row);
        if self.row.is_empty() {
            self.row = zeroed(self.stride, self.pulse)?;
        }
        let columns = self.columns.clone();
        if self.spread.is_empty() && self.steps.iter().any(|&step| step != (1, 1)) {
            for _ in 0..self.planes * columns.len() {
                self.spread.push(zeroed(self.stride, self.pulse)?);
            }
        }
        while self.at <= row / self.shared.1 {
            let wanted = self.at == row / self.shared.1;
            let at = self.at;
            self.at += 1;
            self.pulse.beat();
            for (n, decoder) in self.open.iter_mut().enumerate() {
                let plane = n / columns.len();
                let (across, down) = self.steps.get(plane).copied().unwrap_or((1, 1));
                let spread = self.spread.get_mut(n).filter(|_| (across, down) != (1, 1));
                let kept = spread.is_some();
                let bytes = spread.unwrap_or(&mut self.row);
                if at.is_multiple_of(down) {
                    let stride = match across {
                        1 => bytes.len(),
                        _ => bytes.len().div_ceil(across),
                    };
                    let stored = bytes.get_mut(..stride).unwrap_or_default();
                    match decoder {
                        Some(decoder) => {
                            self.pulse.confine(Format::Tiff, || decoder.fill(stored))?
                        }
                        // What the file leaves out is empty: white on paper.
                        None => stored.fill(0),
                    }
                    if wanted || kept {
                        samples::unpredict(stored, &self.layout);
                    }
                    if across > 1 {
                        for x in (0..bytes.len()).rev() {
                            bytes[x] = bytes[x / across];
                        }
                    }
                }
                if !wanted {
                    continue;
                }
                take(Part {
                    plane,
                    x: (columns.start + n % columns.len()) * self.layout.chunk.0,
                    width: self.layout.chunk.0,
                    bytes,
                });
            }
        }
        Ok(())
    }
}

fn stride(layout: &Layout<'_>, shared: (usize, usize)) -> Option<usize> {
    let (width, _) = layout.chunk;
    if shared != (1, 1) {
        return width
            .div_ceil(shared.0)
            .checked_mul(shared.0 * shared.1 + 2);
    }
    let bits: usize = match layout.planar {
        true => layout.bits.first().copied()?.into(),
        false => layout.bits.iter().map(|&bits| usize::from(bits)).sum(),
    };
    Some(width.checked_mul(bits)?.div_ceil(8))
}
