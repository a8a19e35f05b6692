//! What is to become of a picture, from its full size: which part is looked at, how it is turned, and what size it gets.

use super::geometry::Geometry;
use super::region::{Area, Mirrors, Region};
use super::rows::View;
use crate::Result;
use std::ops::Range;

/// The way of one picture.
pub(crate) struct Plan {
    pub(crate) turn: Mirrors,
    /// The part, in the picture as stored.
    pub(crate) area: Area,
    /// Of that part the right way up.
    pub(crate) geometry: Geometry,
}

impl Plan {
    /// Of a picture of `size` as stored that is turned by `orientation` (EXIF, 1 to 8).
    ///
    /// # Errors
    /// [`crate::Error::RegionOutside`], and what `geometry` gives.
    pub(crate) fn new(
        (width, height): (usize, usize),
        orientation: u8,
        region: Region,
        geometry: impl FnOnce((usize, usize)) -> Result<Geometry>,
    ) -> Result<Self> {
        let turn = Mirrors::of(orientation);
        let upright = match turn.transposed {
            true => (height, width),
            false => (width, height),
        };
        let area = region.of(upright)?;
        let geometry = geometry(area.size())?;
        Ok(Self {
            area: area.stored(upright, &turn),
            turn,
            geometry,
        })
    }

    /// Width and height that the part has in the end, as stored.
    pub(crate) fn enough(&self) -> (usize, usize) {
        let (width, height) = self.geometry.resized;
        match self.turn.transposed {
            true => (height, width),
            false => (width, height),
        }
    }
}

/// A side of what is resized, in pixels that were read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Side {
    /// Those that take part.
    pub(crate) pixels: Range<usize>,
    /// Where, counted from the first of them, the part begins and ends.
    pub(crate) span: Range<f64>,
}

impl Side {
    fn new(part: &Range<usize>, origin: f64, step: f64, pixels: usize) -> Self {
        let place = |at: usize| (at as f64 - origin) / step;
        let (start, end) = (place(part.start), place(part.end));
        // Casts stop at zero.
        let first = (start as usize).min(pixels.saturating_sub(1));
        let last = (end.ceil() as usize).clamp(first + 1, pixels.max(first + 1));
        Self {
            pixels: first..last,
            span: start - first as f64..end - first as f64,
        }
    }

    /// Columns and rows that show `area`, of a picture of `size` that lies like `view`.
    pub(crate) fn of(area: &Area, view: &View, size: (usize, usize)) -> (Self, Self) {
        (
            Self::new(&area.columns, view.origin.0, view.step.0, size.0),
            Self::new(&area.rows, view.origin.1, view.step.1, size.1),
        )
    }

    /// The same counted from the other end.
    pub(crate) fn reversed(&self) -> Self {
        let length = self.pixels.len() as f64;
        Self {
            pixels: self.pixels.clone(),
            span: length - self.span.end..length - self.span.start,
        }
    }
}
