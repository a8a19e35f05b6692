//! JPEG of 12 bits as rows: chroma enlarged as libjpeg does it (`jdsample.c`), each sample of 12 bits.

use super::blocks::{Frame, Plane};
use super::colours::Colours;
use super::{Header, rgb_row};
use crate::raster::zeroed;
use crate::rows::Rows;
use crate::source::Pulse;
use crate::{Format, Result};

/// Bits of a sample.
pub(crate) const BITS: u32 = 12;

/// A JPEG of 12 bits, decoded.
pub(crate) struct Deep {
    frame: Frame,
    /// The colours that the markers of the stream tell, if any do.
    pub(crate) told: Option<Colours>,
    next: usize,
}

impl Deep {
    /// Decodes `bytes`, which begin with SOI; `tables` holds more tables, as TIFF's JPEGTables do.
    ///
    /// # Errors
    /// [`crate::Error::CorruptImage`], [`crate::Error::UnsupportedImageFormat`], [`crate::Error::TooMuchMemory`].
    pub(crate) fn open(bytes: &[u8], tables: &[u8], pulse: &Pulse<'_>) -> Result<Self> {
        let header = Header::parse(bytes, pulse)?;
        let marked = header.jfif || header.adobe.is_some();
        Ok(Self {
            frame: Frame::decode(bytes, tables, pulse)?,
            told: marked.then(|| header.colours()),
            next: 0,
        })
    }

    /// Pixels of a row, and rows.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.frame.width, self.frame.height)
    }

    /// Samples of a pixel.
    pub(crate) fn components(&self) -> usize {
        self.frame.planes.len()
    }

    /// Writes the next row, the samples of a pixel side by side.
    pub(crate) fn next_row(&mut self, row: &mut [u16]) {
        let Frame { across, down, .. } = self.frame;
        let step = self.frame.planes.len();
        for (n, plane) in self.frame.planes.iter().enumerate() {
            let factors = (across / plane.across, down / plane.down);
            let out = row.iter_mut().skip(n).step_by(step);
            for (x, sample) in out.enumerate() {
                *sample = enlarged(plane, factors, x, self.next);
            }
        }
        self.next += 1;
    }
}

/// The sample of a plane at a place of the picture that has so many times as many samples along each side.
///
/// Twice as many are interpolated, three quarters of the nearer and one of the farther, rounded up and down in turn; others
/// are repeated, as are those of a plane too narrow.
fn enlarged(plane: &Plane, factors: (usize, usize), x: usize, y: usize) -> u16 {
    let below = |y: usize| (y + 1).min(plane.height - 1);
    // The row and its neighbour on the side that the place lies to.
    let rows = |y: usize| match y % 2 {
        0 => (y / 2, (y / 2).saturating_sub(1)),
        _ => (y / 2, below(y / 2)),
    };
    let sample = |x: usize, y: usize| u32::from(plane.sample(x, y));
    let nearest = x / 2;
    let beside = match x % 2 {
        0 => nearest.checked_sub(1),
        _ => Some(nearest + 1).filter(|&beside| beside < plane.width),
    };
    let value = match factors {
        (2, 1) if plane.width > 2 => match beside {
            None => sample(nearest, y),
            Some(beside) => (3 * sample(nearest, y) + sample(beside, y) + 1 + (x % 2) as u32) >> 2,
        },
        (1, 2) => {
            let (near, far) = rows(y);
            (3 * sample(x, near) + sample(x, far) + 1 + (y % 2) as u32) >> 2
        }
        (2, 2) if plane.width > 2 => {
            let (near, far) = rows(y);
            let sum = |x: usize| 3 * sample(x, near) + sample(x, far);
            let other = sum(beside.unwrap_or(nearest));
            (3 * sum(nearest) + other + 8 - (x % 2) as u32) >> 4
        }
        (across, down) => sample(x / across, y / down),
    };
    value as u16
}

/// The same as rows of RGB.
pub(super) struct DeepRows<'a> {
    deep: Deep,
    colours: Colours,
    samples: Vec<u16>,
    pulse: &'a Pulse<'a>,
}

impl<'a> DeepRows<'a> {
    pub(super) fn open(bytes: &[u8], header: &Header, pulse: &'a Pulse<'a>) -> Result<Self> {
        let deep = pulse.confine(Format::Jpeg, || Deep::open(bytes, &[], pulse))?;
        header.check(deep.size(), deep.components())?;
        Ok(Self {
            colours: header.colours(),
            samples: zeroed(deep.frame.width * deep.components(), pulse)?,
            deep,
            pulse,
        })
    }
}

impl Rows for DeepRows<'_> {
    fn size(&self) -> (usize, usize) {
        self.deep.size()
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        self.pulse.beat();
        self.deep.next_row(&mut self.samples);
        rgb_row(
            &self.samples,
            self.deep.components(),
            self.colours,
            BITS,
            row,
        );
        Ok(())
    }
}
