//! Small pictures for catalogue pages.

use super::source::Pulse;
use super::{Limits, Part, Wish, geometry, geometry::Geometry, jpeg, read};
use crate::Result;
use crate::preprocess::{Alpha, ColorProfile, Filter};

/// JPEG's own limit on a side.
const MAX_SIDE: u32 = 65_500;

/// A JPEG of a part of `bytes`, its longer side at most `max_side` pixels (1 where 0 is given),
/// never enlarged, the right way up, transparency over white, in sRGB.
///
/// `quality` is libjpeg's, 1 to 100. Colours are converted by the file's profile; what has none counts as sRGB, and inks
/// without one become colours in the simplest way.
///
/// `progress` is called between rows and while reading; it may unwind.
///
/// # Errors
/// As [`super::pixels`].
pub fn thumbnail(
    bytes: &[u8],
    max_side: u32,
    part: impl Into<Part>,
    quality: u8,
    limits: &Limits,
    progress: &dyn Fn(),
) -> Result<Vec<u8>> {
    let pulse = Pulse::within(limits.max_memory, progress);
    let side = max_side.clamp(1, MAX_SIDE) as usize;
    let mut size = (0, 0);
    let wish = Wish {
        part: part.into(),
        alpha: Alpha::White,
        filter: Filter::Bicubic,
        oriented: true,
        colors: ColorProfile::Srgb,
    };
    let geometry = |(width, height): (usize, usize)| {
        let longer = width.max(height).min(side);
        let geometry = Geometry::whole(geometry::longest((width, height), longer));
        size = geometry.resized;
        Ok(geometry)
    };
    let pixels = read(bytes, wish, limits, geometry, &pulse)?;
    jpeg::encode(&pixels, size, quality.clamp(1, 100).into(), &pulse)
}
