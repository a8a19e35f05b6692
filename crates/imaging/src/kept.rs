//! A picture in memory, for several regions of it: decoding costs many times what a region does.

use super::resample::Rows;
use super::source::Pulse;
use super::{Limits, Picture, Region, open, raster};
use crate::Result;
use crate::preprocess::{Alpha, Preprocess};

/// A decoded picture, as stored.
pub struct Kept {
    pixels: Vec<u8>,
    width: usize,
    orientation: u8,
}

impl Kept {
    /// Decodes the first picture of `bytes`; `None` where it has more than `most_pixels`.
    ///
    /// `progress` is called between rows and while reading; it may unwind.
    ///
    /// # Errors
    /// As [`super::pixels`].
    pub fn new(
        bytes: &[u8],
        alpha: Alpha,
        limits: &Limits,
        most_pixels: usize,
        progress: &dyn Fn(),
    ) -> Result<Option<Self>> {
        let pulse = Pulse::new(progress);
        let mut picture = open(bytes, alpha, limits, &pulse)?;
        let (width, height) = picture.rows.size();
        if width * height > most_pixels {
            return Ok(None);
        }
        let mut pixels = raster::zeroed(3 * width * height, &pulse)?;
        for row in pixels.chunks_exact_mut(3 * width) {
            pulse.beat();
            picture.rows.next_row(row)?;
        }
        Ok(Some(Self {
            pixels,
            width,
            orientation: picture.orientation,
        }))
    }

    /// What [`super::pixels`] gives for the file, read with the same alpha.
    ///
    /// # Errors
    /// [`crate::Error::RegionOutside`], or that memory is short.
    pub fn pixels(
        &self,
        region: Region,
        preprocess: &Preprocess,
        limits: &Limits,
        progress: &dyn Fn(),
    ) -> Result<Vec<u8>> {
        let rows = Stored {
            picture: self,
            next: 0,
        };
        let mut picture = Picture {
            orientation: self.orientation,
            rows: Box::new(rows),
        };
        picture.prepared(region, preprocess, limits, &Pulse::new(progress))
    }
}

struct Stored<'a> {
    picture: &'a Kept,
    next: usize,
}

impl Rows for Stored<'_> {
    fn size(&self) -> (usize, usize) {
        let Kept { pixels, width, .. } = self.picture;
        (*width, pixels.len() / (3 * width))
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let start = self.next * row.len();
        let stored = self.picture.pixels.get(start..start + row.len());
        row.copy_from_slice(stored.unwrap_or_default());
        self.next += 1;
        Ok(())
    }

    fn skip(&mut self, count: usize, _row: &mut [u8], _pulse: &Pulse<'_>) -> Result<()> {
        self.next += count;
        Ok(())
    }
}
