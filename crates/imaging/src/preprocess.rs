//! How a checkpoint wants its images: the description that [`a manifest`] reads out of the model's
//! own configuration files and that [`crate`] carries out.

use serde::{Deserialize, Serialize};

/// Everything that happens between a decoded image and the tensor of a vision tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// How the image reaches the model's size.
    pub resize: Resize,
    /// Centre crop after resizing, `[height, width]` in pixels.
    pub crop: Option<[u32; 2]>,
    /// Resampling filter of the resize.
    pub filter: Filter,
    /// Multiplied into every 8-bit sample before normalisation (1/255 as a rule; 1 where the model rescales).
    pub rescale_factor: f64,
    /// Subtracted after rescaling, per channel.
    pub mean: [f32; 3],
    /// Divided by after subtraction, per channel.
    pub std: [f32; 3],
    /// Whether the EXIF orientation is applied first.
    pub exif_orientation: bool,
    /// What lies behind transparent pixels.
    pub alpha: Alpha,
    /// What becomes of colours that are not sRGB. Left out of descriptions where it is the default, so that identities that
    /// were made without it stay the same.
    #[serde(default, skip_serializing_if = "ColorProfile::is_ignored")]
    pub color_profile: ColorProfile,
}

impl Preprocess {
    /// The orientation that a picture is turned by whose file says `stored`.
    pub(crate) fn orientation(&self, stored: u8) -> u8 {
        match self.exif_orientation {
            true => stored,
            false => 1,
        }
    }

    /// `[height, width]` of the result, `None` where it depends on the image.
    pub fn size(&self) -> Option<[u32; 2]> {
        match (self.crop, self.resize) {
            (Some(crop), _) => Some(crop),
            (None, Resize::Longest { size, .. }) => Some([size, size]),
            (None, Resize::Squash(size)) => Some(size),
            (None, Resize::Shortest(_) | Resize::Keep) => None,
        }
    }
}

/// How an image is brought to the model's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The shorter side becomes this many pixels, the longer one `int(size * long / short)`.
    Shortest(u32),
    /// The longer side becomes `size` pixels; the rest of the square is filled with this grey level or colour.
    Longest {
        /// Pixels of the longer side and of the square.
        size: u32,
        /// Colour of the padding.
        fill: [u8; 3],
    },
    /// Both sides become `[height, width]`, whatever the aspect ratio.
    Squash([u32; 2]),
    /// The image keeps its size.
    Keep,
}

/// Pillow's resampling filters, antialiased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Triangle, support 1 (Pillow's `BILINEAR`, 2).
    Bilinear,
    /// Keys' cubic, a = -0.5, support 2 (Pillow's `BICUBIC`, 3).
    Bicubic,
    /// Windowed sinc, support 3 (Pillow's `LANCZOS`, 1).
    Lanczos,
    /// Box, support 0.5 (Pillow's `BOX`, 4).
    Box,
    /// Nearest pixel (Pillow's `NEAREST`, 0).
    Nearest,
}

/// What becomes of numbers that a file's profile gives another meaning than sRGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColorProfile {
    /// They count as they stand, as in the pipelines that models were trained with.
    #[default]
    Ignore,
    /// They are converted to sRGB.
    Srgb,
}

impl ColorProfile {
    fn is_ignored(&self) -> bool {
        *self == Self::Ignore
    }
}

/// What becomes of an alpha channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alpha {
    /// The colour under it counts as it stands (Pillow's `convert("RGB")`).
    Drop,
    /// Composed over white.
    White,
    /// Composed over black.
    Black,
}
