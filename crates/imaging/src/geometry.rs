//! Sizes: what an image is resized to, which part of that is kept, and what it is laid upon.

use super::Limits;
use crate::preprocess::{Preprocess, Resize};
use crate::{Error, Result};
use std::ops::Range;

/// Pixels a model's own size may have whatever the limit on images is: 4096 × 4096.
const MODEL_PIXELS: u64 = 1 << 24;

/// The way of one image of known size through resize, crop and padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Width and height of the whole image after resizing.
    pub(super) resized: (usize, usize),
    /// Columns of the resized image that are computed.
    pub(super) columns: Range<usize>,
    /// Rows of the resized image that are computed.
    pub(super) rows: Range<usize>,
    /// What the computed part is then centred upon, in this order.
    pub(super) canvases: Vec<Canvas>,
}

/// A frame that an image is centred in: the image is cropped where larger, padded where smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Canvas {
    /// Width and height.
    pub(super) size: (usize, usize),
    /// Colour of the padding.
    pub(super) fill: [u8; 3],
}

impl Geometry {
    /// Geometry of an oriented image of `size` (width, height).
    ///
    /// # Errors
    /// [`Error::ImageTooLarge`] where the result would be.
    pub(super) fn of(
        (width, height): (usize, usize),
        preprocess: &Preprocess,
        limits: &Limits,
    ) -> Result<Self> {
        let crop = preprocess.crop.map(|[height, width]| Canvas {
            size: (width as usize, height as usize),
            fill: [0; 3],
        });
        let mut geometry = match preprocess.resize {
            Resize::Shortest(side) => {
                let side = side as usize;
                // torchvision's `int(size * long / short)`; products of image sides fit in 64 bits.
                Self::whole(if width <= height {
                    (side, side * height / width)
                } else {
                    (side * width / height, side)
                })
            }
            Resize::Longest { size, fill } => {
                let side = size as usize;
                let mut whole = Self::whole(longest((width, height), side));
                whole.canvases.push(Canvas {
                    size: (side, side),
                    fill,
                });
                whole
            }
            Resize::Squash([height, width]) => Self::whole((width as usize, height as usize)),
            Resize::Keep => Self::whole((width, height)),
        };
        if let Some(crop) = crop {
            if geometry.canvases.is_empty() {
                geometry.columns = centered(geometry.resized.0, crop.size.0);
                geometry.rows = centered(geometry.resized.1, crop.size.1);
            }
            geometry.canvases.push(crop);
        }
        let computed = (geometry.columns.len(), geometry.rows.len());
        for (width, height) in geometry
            .canvases
            .iter()
            .map(|canvas| canvas.size)
            .chain([computed])
        {
            let (width, height) = (width as u64, height as u64);
            if width.saturating_mul(height) > limits.max_pixels.max(MODEL_PIXELS) {
                return Err(Error::ImageTooLarge {
                    width,
                    height,
                    limit: limits.max_pixels,
                });
            }
        }
        Ok(geometry)
    }

    /// Resize to `size`, at least one pixel, and nothing else.
    pub(super) fn whole((width, height): (usize, usize)) -> Self {
        let resized = (width.max(1), height.max(1));
        Self {
            resized,
            columns: 0..resized.0,
            rows: 0..resized.1,
            canvases: Vec::new(),
        }
    }
}

/// open_clip's `ResizeKeepRatio(size, longest=1)`: the longer side becomes `side`, both are rounded half to
/// even.
pub(super) fn longest((width, height): (usize, usize), side: usize) -> (usize, usize) {
    let ratio = width.max(height) as f64 / side as f64;
    let scaled = |length: usize| (length as f64 / ratio).round_ties_even() as usize;
    (scaled(width), scaled(height))
}

/// The middle `kept` of `length` pixels, all where there are fewer: torchvision's
/// `round((length - kept) / 2)`, halves to even.
fn centered(length: usize, kept: usize) -> Range<usize> {
    let Some(excess) = length.checked_sub(kept) else {
        return 0..length;
    };
    let half = excess / 2;
    let start = half + (excess & half & 1);
    start..start + kept
}

impl Canvas {
    /// Centres `pixels` of `size` in this frame (torchvision's `center_crop`, open_clip's
    /// `center_crop_or_pad`: of an odd margin the smaller half comes first).
    pub(super) fn place(&self, pixels: Vec<u8>, size: (usize, usize)) -> Vec<u8> {
        if size == self.size {
            return pixels;
        }
        let columns = centered(size.0, self.size.0);
        let rows = centered(size.1, self.size.1);
        let left = (self.size.0 - columns.len()) / 2;
        let top = (self.size.1 - rows.len()) / 2;
        let mut out = self.fill.repeat(self.size.0 * self.size.1);
        let targets = out.chunks_exact_mut(3 * self.size.0).skip(top);
        let sources = pixels
            .chunks_exact(3 * size.0)
            .skip(rows.start)
            .take(rows.len());
        for (target, source) in targets.zip(sources) {
            let kept = &source[3 * columns.start..3 * columns.end];
            target[3 * left..3 * left + kept.len()].copy_from_slice(kept);
        }
        out
    }
}
