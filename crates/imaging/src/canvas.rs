//! What the frames of an animation make one after another: red, green, blue and opacity of every pixel, as Pillow's
//! `seek` has them.

use super::raster::{Raster, zeroed};
use super::region::Area;
use super::source::Pulse;
use crate::Result;
use crate::preprocess::Alpha;

/// What becomes of a frame's part of the canvas before the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposal {
    /// It stays.
    Keep,
    /// It gets this colour.
    Fill([u8; 4]),
    /// It becomes what it was.
    Restore,
}

/// A picture that frames are drawn on.
pub(super) struct Canvas {
    samples: Vec<u8>,
    size: (u32, u32),
    /// The part of the frame that was drawn last, what becomes of it, and what was there.
    last: Option<(Area, Disposal, Vec<u8>)>,
}

impl Canvas {
    /// Transparent black. Memory is claimed for what frames cover, too.
    pub(super) fn new(size: (u32, u32), pulse: &Pulse<'_>) -> Result<Self> {
        let bytes = 4 * size.0 as usize * size.1 as usize;
        pulse.claim(2 * bytes as u64)?;
        Ok(Self {
            samples: zeroed(bytes, pulse)?,
            size,
            last: None,
        })
    }

    /// Begins a frame that covers `area`, which is on the canvas; what was agreed for the one before is done.
    pub(super) fn begin(&mut self, area: Area, disposal: Disposal, pulse: &Pulse<'_>) {
        self.dispose(pulse);
        let mut covered = Vec::new();
        if disposal == Disposal::Restore {
            for y in area.rows.clone() {
                pulse.beat();
                covered.extend_from_slice(self.row(&area, y).as_flattened());
            }
        }
        self.last = Some((area, disposal, covered));
    }

    fn dispose(&mut self, pulse: &Pulse<'_>) {
        let Some((area, disposal, covered)) = self.last.take() else {
            return;
        };
        let mut covered = covered.as_chunks::<4>().0.chunks(area.columns.len().max(1));
        for y in area.rows.clone() {
            pulse.beat();
            let row = self.row(&area, y);
            match disposal {
                Disposal::Keep => return,
                Disposal::Fill(color) => row.fill(color),
                Disposal::Restore => {
                    let was = covered.next().unwrap_or_default();
                    row.iter_mut()
                        .zip(was)
                        .for_each(|(pixel, was)| *pixel = *was);
                }
            }
        }
    }

    /// The pixels of an area in row `y` of the canvas.
    pub(super) fn row(&mut self, area: &Area, y: usize) -> &mut [[u8; 4]] {
        let start = y * self.size.0 as usize;
        let pixels = self.samples.as_chunks_mut::<4>().0;
        let row = pixels.get_mut(start + area.columns.start..start + area.columns.end);
        row.unwrap_or_default()
    }

    /// Samples of all pixels, row by row.
    pub(super) fn into_samples(self) -> Vec<u8> {
        self.samples
    }

    /// The picture.
    pub(super) fn into_raster(self, alpha: Alpha) -> Raster {
        Raster::new(self.samples, 4, self.size, alpha)
    }
}
