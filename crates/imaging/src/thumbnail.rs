//! Small pictures for catalogue pages.

use super::source::Pulse;
use super::{Limits, Part, Wish, geometry, geometry::Geometry, jpeg, read};
use crate::Result;
use crate::preprocess::{Alpha, Filter};

/// libjpeg's scale of 0 to 100.
const QUALITY: f32 = 85.0;

/// JPEG's own limit on a side.
const MAX_SIDE: u32 = 65_500;

/// A JPEG of a part of `bytes`, its longer side at most `max_side` pixels (1 where 0 is given),
/// never enlarged, the right way up, transparency over white.
///
/// `progress` is called between rows and while reading; it may unwind.
///
/// # Errors
/// As [`super::pixels`].
pub fn thumbnail(
    bytes: &[u8],
    max_side: u32,
    part: impl Into<Part>,
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
    };
    let geometry = |(width, height): (usize, usize)| {
        let longer = width.max(height).min(side);
        let geometry = Geometry::whole(geometry::longest((width, height), longer));
        size = geometry.resized;
        Ok(geometry)
    };
    let pixels = read(bytes, wish, limits, geometry, &pulse)?;
    jpeg::encode(&pixels, size, QUALITY, &pulse)
}
