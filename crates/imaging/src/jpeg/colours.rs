//! What the samples of a JPEG's pixel are, of any number of bits.

use super::{rgb_of_inverted, rgb_of_ycc};

/// What the samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    Grey,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

/// 8 bits of a sample of `bits`: the highest ones, as of other formats, or all of them spread over the range.
fn byte(sample: u16, bits: u32) -> u8 {
    match bits.checked_sub(8) {
        Some(more) => (sample >> more) as u8,
        None => {
            let most = (1u32 << bits) - 1;
            ((u32::from(sample) * 255 + most / 2) / most).min(255) as u8
        }
    }
}

/// libjpeg's YCbCr to RGB, of samples of 8 bits and more.
fn deep_rgb([y, blue, red]: [u16; 3], bits: u32) -> [u16; 3] {
    let middle = 1i64 << (bits - 1);
    let [y, blue, red] = [
        i64::from(y),
        i64::from(blue) - middle,
        i64::from(red) - middle,
    ];
    let sample = |product: i64| (y + ((product + (1 << 15)) >> 16)).clamp(0, 2 * middle - 1) as u16;
    [
        sample(91_881 * red),
        sample(-22_554 * blue - 46_802 * red),
        sample(116_130 * blue),
    ]
}

impl Colours {
    /// What three samples of `bits` are, as RGB of as many.
    pub(crate) fn rgb(self, pixel: [u16; 3], bits: u32) -> [u16; 3] {
        match self {
            Self::YCbCr if bits >= 8 => deep_rgb(pixel, bits),
            _ => pixel,
        }
    }

    /// A pixel as RGB of 8 bits.
    pub(super) fn bytes(self, pixel: &[u16], bits: u32) -> [u8; 3] {
        let byte = |sample| byte(sample, bits);
        let rgb = |pixel: [u16; 3]| match bits {
            8.. => deep_rgb(pixel, bits).map(byte),
            _ => rgb_of_ycc(pixel.map(byte)),
        };
        match (self, pixel) {
            (Self::Rgb, &[r, g, b, ..]) => [r, g, b].map(byte),
            (Self::YCbCr, &[y, blue, red, ..]) => rgb([y, blue, red]),
            (Self::Cmyk, &[c, m, y, k, ..]) => rgb_of_inverted([c, m, y, k].map(byte)),
            (Self::Ycck, &[y, blue, red, k, ..]) => {
                let [c, m, y] = rgb([y, blue, red]);
                // The transform is that of RGB, which is inverted ink.
                rgb_of_inverted([255 - c, 255 - m, 255 - y, byte(k)])
            }
            (_, pixel) => [byte(pixel.first().copied().unwrap_or_default()); 3],
        }
    }
}
