//! Lossless JPEG as rows of RGB.

use super::colours::Colours;
use super::lossless::Lossless;
use super::{Header, rgb_row};
use crate::Format;
use crate::Result;
use crate::raster::zeroed;
use crate::rows::Rows;
use crate::source::Pulse;

/// A lossless JPEG being decoded.
pub(super) struct Exact<'a> {
    image: Lossless<'a>,
    colours: Colours,
    /// A row of samples.
    samples: Vec<u16>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Exact<'a> {
    pub(super) fn open(bytes: &'a [u8], header: &Header, pulse: &'a Pulse<'a>) -> Result<Self> {
        let image = pulse.confine(Format::Jpeg, || Lossless::open(bytes, &[], pulse))?;
        header.check((image.width, image.height), image.components)?;
        Ok(Self {
            colours: header.colours(),
            samples: zeroed(image.width * image.components, pulse)?,
            image,
            pulse,
        })
    }
}

impl Rows for Exact<'_> {
    fn size(&self) -> (usize, usize) {
        (self.image.width, self.image.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let Self {
            image,
            colours,
            samples,
            pulse,
        } = self;
        pulse.beat();
        pulse.confine(Format::Jpeg, || image.next_row(samples))?;
        rgb_row(samples, image.components, *colours, image.bits, row);
        Ok(())
    }
}
