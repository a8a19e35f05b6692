//! Colour profiles: from what a file's numbers mean to sRGB.
//!
//! Red, green and blue and grey are converted after resizing, when few pixels are left; CMYK while decoding, as its naive
//! conversion cannot be undone. A profile that is damaged, or of a kind of colour that the picture has not, does not count:
//! the numbers stay as they stand.

use super::source::Pulse;
use super::{Format, metadata};
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients,
    RenderingIntent, TransferCharacteristics, Transform8BitExecutor, TransformOptions,
};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Pixels that are converted before `progress` is called again.
const BLOCK: usize = 1 << 16;

/// A way to sRGB.
#[derive(Clone)]
pub(crate) struct Conversion {
    layout: Layout,
    transform: Arc<Transform8BitExecutor>,
}

impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversion({:?})", self.layout)
    }
}

impl Conversion {
    /// By what the file says of the colours of a page, whose `profile` is asked for where nothing else tells; `None` where it
    /// does not, or they are sRGB.
    pub(crate) fn of<'a>(
        format: Format,
        bytes: &[u8],
        profile: impl FnOnce() -> Option<Cow<'a, [u8]>>,
        pulse: &Pulse<'_>,
    ) -> Option<Self> {
        let made = pulse.confine(format, || {
            let profile = match metadata::code_points(format, bytes, pulse) {
                Some(codes) => described(codes),
                None => profile().and_then(|profile| ColorProfile::new_from_slice(&profile).ok()),
            };
            Ok(profile.and_then(|profile| Self::from(&profile)))
        });
        made.ok().flatten()
    }

    fn from(profile: &ColorProfile) -> Option<Self> {
        let layout = match profile.color_space {
            DataColorSpace::Rgb => Layout::Rgb,
            DataColorSpace::Gray => Layout::Gray,
            // The layout of four samples, whatever they are.
            DataColorSpace::Cmyk => Layout::Rgba,
            _ => return None,
        };
        let srgb = ColorProfile::new_srgb();
        let transform = |rendering_intent| {
            let options = TransformOptions {
                rendering_intent,
                ..TransformOptions::default()
            };
            let transform = profile.create_transform_8bit(layout, &srgb, Layout::Rgb, options);
            transform.ok()
        };
        // A profile of tables may have but one, which counts for every intent.
        let transform = transform(RenderingIntent::RelativeColorimetric)
            .or_else(|| transform(RenderingIntent::Perceptual))?;
        Some(Self { layout, transform })
    }

    /// Converts pixels of red, green and blue: by their red where the profile is one of grey.
    pub(crate) fn run(&self, pixels: &mut [u8], pulse: &Pulse<'_>) {
        for block in pixels.chunks_mut(3 * BLOCK) {
            pulse.beat();
            let source = match self.layout {
                Layout::Rgb => block.to_vec(),
                Layout::Gray
                    if block
                        .as_chunks::<3>()
                        .0
                        .iter()
                        .all(|[r, g, b]| r == g && g == b) =>
                {
                    block.iter().step_by(3).copied().collect()
                }
                _ => return,
            };
            let mut converted = vec![0; block.len()];
            if self.transform.transform(&source, &mut converted).is_ok() {
                block.copy_from_slice(&converted);
            }
        }
    }

    /// Whether it is inks that it converts.
    pub(crate) fn is_of_inks(&self) -> bool {
        self.layout == Layout::Rgba
    }

    /// Converts a row of cyan, magenta, yellow and black, 255 for full ink; false where the profile is one of other colours.
    pub(crate) fn inks(&self, inks: &[u8], row: &mut [u8]) -> bool {
        self.is_of_inks() && self.transform.transform(inks, row).is_ok()
    }
}

/// The profile of code points (ITU-T H.273), of those that mean a picture for ordinary screens.
fn described([primaries, transfer]: [u8; 2]) -> Option<ColorProfile> {
    let unknown = |code: u8| matches!(code, 0 | 2 | 3);
    // Wide ranges of brightness would have to be mapped as well.
    if unknown(primaries) || unknown(transfer) || matches!(transfer, 16 | 18) {
        return None;
    }
    // BT.709 is shown as sRGB is, and that is what most files mean by it.
    let (srgb, plain) = (primaries == 1, matches!(transfer, 1 | 6 | 13 | 14 | 15));
    if srgb && plain {
        return None;
    }
    Some(ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: match plain {
            true => TransferCharacteristics::Srgb,
            false => TransferCharacteristics::try_from(transfer).ok()?,
        },
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    }))
}
