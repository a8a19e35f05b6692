//! Colours to RGB: inks, YCbCr (TIFF 6.0, section 21) and CIE L*a*b* (section 23).

use super::layout::{Color, Layout, Opacity};
use crate::color::Conversion;
use crate::jpeg::rgb_of_inverted;
use crate::lab::Lab;

/// Turns rows of channels into rows of RGB, with opacity as the fourth channel where there is one.
pub(super) enum Painter {
    /// Grey or RGB already.
    Plain,
    /// Inks, and what becomes of four by their profile.
    Ink(Option<Conversion>),
    YCbCr(Box<YCbCr>),
    Lab(Color, Box<Lab>),
}

impl Painter {
    pub(super) fn new(color: Color, layout: &Layout<'_>, conversion: Option<&Conversion>) -> Self {
        match color {
            Color::WhiteIsZero | Color::Grey | Color::Rgb | Color::Palette => Self::Plain,
            Color::Cmyk => Self::Ink(conversion.filter(|_| layout.colors(color) == 4).cloned()),
            Color::YCbCr => Self::YCbCr(Box::new(YCbCr::new(layout))),
            Color::CieLab | Color::IccLab | Color::ItuLab => Self::Lab(color, Box::new(Lab::new())),
        }
    }

    /// Turns `line`, of `channels` for each pixel, the last one opacity where `opaque` says so, into RGB and opacity. Gives the number of channels
    /// that there are then.
    pub(super) fn paint(&self, line: &mut [u8], channels: usize, opacity: bool) -> usize {
        match self {
            Self::Plain => channels,
            Self::Ink(conversion) => {
                let inks = channels - usize::from(opacity);
                let kept = 3 + usize::from(opacity);
                let converted = conversion.as_ref().and_then(|conversion| {
                    let pixels = line.chunks_exact(channels);
                    let mut colors = vec![0; 3 * pixels.len()];
                    let inks: Vec<u8> = pixels
                        .flat_map(|pixel| pixel.iter().take(4))
                        .copied()
                        .collect();
                    conversion.inks(&inks, &mut colors).then_some(colors)
                });
                let mut converted = converted
                    .iter()
                    .flat_map(|colors| colors.as_chunks::<3>().0);
                let (mut from, mut to) = (0, 0);
                while let Some(pixel) = line.get(from..from + channels) {
                    let ink = |n: usize| match n < inks {
                        true => 255 - pixel.get(n).copied().unwrap_or_default(),
                        false => 255,
                    };
                    let [r, g, b] = match converted.next() {
                        Some(color) => *color,
                        None => rgb_of_inverted([ink(0), ink(1), ink(2), ink(3)]),
                    };
                    let rgba = [r, g, b, pixel.last().copied().unwrap_or_default()];
                    if let Some(target) = line.get_mut(to..to + kept) {
                        target.copy_from_slice(rgba.get(..kept).unwrap_or_default());
                    }
                    (from, to) = (from + channels, to + kept);
                }
                kept
            }
            Self::YCbCr(table) => {
                each(line, channels, |sample| table.rgb(sample));
                channels
            }
            Self::Lab(color, lab) => {
                each(line, channels, |sample| of_lab(lab, *color, sample));
                channels
            }
        }
    }
}

fn each(line: &mut [u8], channels: usize, rgb: impl Fn([u8; 3]) -> [u8; 3]) {
    for pixel in line.chunks_exact_mut(channels) {
        if let Some(color) = pixel.first_chunk_mut::<3>() {
            *color = rgb(*color);
        }
    }
}

/// Divides colours by the opacity that they were multiplied by, with Pillow's rounding.
pub(super) fn divide(line: &mut [u8], channels: usize, opacity: Opacity) {
    if opacity == Opacity::Unassociated {
        return;
    }
    for pixel in line.chunks_exact_mut(channels) {
        let Some((&mut alpha @ 1..=254, colors)) = pixel.split_last_mut() else {
            continue;
        };
        for color in colors {
            *color = (255 * u32::from(*color) / u32::from(alpha)).min(255) as u8;
        }
    }
}

/// Coefficients and ranges of YCbCr.
pub(super) struct YCbCr {
    /// Luminance of red, green and blue.
    luma: [f64; 3],
    /// Y, Cb and Cr by code.
    levels: [[f64; 256]; 3],
}

impl YCbCr {
    fn new(layout: &Layout<'_>) -> Self {
        let reals = |tag, most| layout.directory.reals(tag, most);
        let luma = match reals(529, 3)[..] {
            [r, g, b] if g > 0.0 && [r, g, b].iter().all(|part| (0.0..=1.0).contains(part)) => {
                [r, g, b]
            }
            _ => [0.299, 0.587, 0.114],
        };
        let range = match reals(532, 6)[..] {
            [a, b, c, d, e, f] if a < b && c < d && e < f => [a, b, c, d, e, f],
            _ => [0.0, 255.0, 128.0, 255.0, 128.0, 255.0],
        };
        let level = |code: usize, n: usize, full: f64| {
            (code as f64 - range[2 * n]) * full / (range[2 * n + 1] - range[2 * n])
        };
        Self {
            luma,
            levels: [
                std::array::from_fn(|code| level(code, 0, 255.0)),
                std::array::from_fn(|code| level(code, 1, 127.0)),
                std::array::from_fn(|code| level(code, 2, 127.0)),
            ],
        }
    }

    fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let [ys, cbs, crs] = &self.levels;
        let (y, cb, cr) = (
            ys[usize::from(y)],
            cbs[usize::from(cb)],
            crs[usize::from(cr)],
        );
        let r = y + cr * (2.0 - 2.0 * self.luma[0]);
        let b = y + cb * (2.0 - 2.0 * self.luma[2]);
        let g = (y - self.luma[0] * r - self.luma[2] * b) / self.luma[1];
        // A cast stops at both ends.
        [r, g, b].map(|level| (level + 0.5) as u8)
    }
}

/// The colour that the codes of L*, a* and b* mean.
fn of_lab(lab: &Lab, color: Color, [l, a, b]: [u8; 3]) -> [u8; 3] {
    let light = f64::from(l) * 100.0 / 255.0;
    match color {
        Color::CieLab => lab.rgb(light, f64::from(a as i8), f64::from(b as i8)),
        Color::ItuLab => lab.rgb(
            light,
            (f64::from(a) - 128.0) * 170.0 / 255.0,
            (f64::from(b) - 96.0) * 200.0 / 255.0,
        ),
        _ => lab.of_bytes([l, a, b]),
    }
}
