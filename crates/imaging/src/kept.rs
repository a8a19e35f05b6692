//! A picture in memory, for several regions of it: decoding costs many times what a region does.

use super::color::Conversion;
use super::decoder::{Opening, Request};
use super::geometry::Geometry;
use super::plan::Plan;
use super::rows::Rows;
use super::source::Pulse;
use super::{Limits, Region, decoders, raster, resample};
use crate::Result;
use crate::preprocess::{Alpha, ColorProfile, Preprocess};

/// A decoded picture, as stored.
pub struct Kept {
    pixels: Vec<u8>,
    width: usize,
    orientation: u8,
    conversion: Option<Conversion>,
}

impl Kept {
    /// Decodes a page of `bytes`; `None` where it has more than `most_pixels`, or more than `limits` has, or inks with a
    /// profile, which are not the same to every model.
    ///
    /// `progress` is called between rows and while reading; it may unwind.
    ///
    /// # Errors
    /// As [`super::pixels`].
    pub fn new(
        bytes: &[u8],
        page: Option<i32>,
        alpha: Alpha,
        limits: &Limits,
        most_pixels: usize,
        progress: &dyn Fn(),
    ) -> Result<Option<Self>> {
        let pulse = Pulse::within(limits.max_memory, progress);
        let decoder = decoders::decoder(bytes)?;
        let header = decoder.header(bytes, page, &pulse)?;
        header.check(limits)?;
        let pixels = u64::from(header.size.0) * u64::from(header.size.1);
        if pixels > limits.max_pixels.min(most_pixels as u64) {
            return Ok(None);
        }
        let profile = || decoder.profile(bytes, page, &pulse);
        let conversion = Conversion::of(decoder.format(), bytes, profile, &pulse);
        if conversion.as_ref().is_some_and(Conversion::is_of_inks) {
            return Ok(None);
        }
        pulse.claim(3 * pixels)?;
        let request = Request::whole(header.size, page, alpha, *limits);
        let mut rows = decoder.open(Opening {
            bytes,
            header: &header,
            request: &request,
            pulse: &pulse,
        })?;
        let (width, height) = rows.size();
        let mut pixels = raster::zeroed(3 * width * height, &pulse)?;
        for row in pixels.chunks_exact_mut(3 * width) {
            pulse.beat();
            rows.next_row(row)?;
        }
        Ok(Some(Self {
            pixels,
            width,
            orientation: header.orientation,
            conversion,
        }))
    }

    /// What [`super::pixels`] gives for the page, read with the same alpha.
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
        let pulse = Pulse::within(limits.max_memory, progress);
        let mut rows = Stored {
            picture: self,
            next: 0,
        };
        let orientation = preprocess.orientation(self.orientation);
        let plan = Plan::new(rows.size(), orientation, region, |size| {
            Geometry::of(size, preprocess, limits)
        })?;
        let mut pixels = resample::run(&mut rows, &plan, preprocess.filter, &pulse)?;
        if preprocess.color_profile == ColorProfile::Srgb
            && let Some(conversion) = &self.conversion
        {
            conversion.run(&mut pixels, &pulse);
        }
        Ok(pixels)
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
