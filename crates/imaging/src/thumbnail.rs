//! Small pictures for catalogue pages.

use super::source::Pulse;
use super::{Limits, Region, geometry, geometry::Geometry, jpeg, open, resample};
use crate::Result;
use crate::preprocess::{Alpha, Filter};

/// libjpeg's scale of 0 to 100.
const QUALITY: f32 = 85.0;

/// JPEG's own limit on a side.
const MAX_SIDE: u32 = 65_500;

/// A JPEG of a region of the first picture of `bytes`, its longer side at most `max_side` pixels (1 where 0 is given),
/// never enlarged, the right way up, transparency over white.
///
/// `progress` is called between rows and while reading; it may unwind.
///
/// # Errors
/// As [`super::pixels`].
pub fn thumbnail(
    bytes: &[u8],
    max_side: u32,
    region: Region,
    limits: &Limits,
    progress: &dyn Fn(),
) -> Result<Vec<u8>> {
    let pulse = Pulse::new(progress);
    let side = max_side.clamp(1, MAX_SIDE) as usize;
    let mut picture = open(bytes, Alpha::White, limits, &pulse)?;
    let mut size = (0, 0);
    let pixels = resample::run(
        picture.rows.as_mut(),
        picture.orientation,
        region,
        |(width, height)| {
            let longer = width.max(height).min(side);
            let geometry = Geometry::whole(geometry::longest((width, height), longer));
            size = geometry.resized;
            Ok(geometry)
        },
        Filter::Bicubic,
        &pulse,
    )?;
    jpeg::encode(&pixels, size, QUALITY, &pulse)
}
