//! Lossless JPEG as rows of RGB.

use super::lossless::Lossless;
use super::{Header, rgb_of_inverted, rgb_of_ycc};
use crate::Format;
use crate::Result;
use crate::raster::zeroed;
use crate::rows::Rows;
use crate::source::Pulse;

/// What the samples of a pixel are.
#[derive(Clone, Copy)]
enum Colours {
    Grey,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

/// A lossless JPEG being decoded.
pub(super) struct Exact<'a> {
    image: Lossless<'a>,
    colours: Colours,
    /// A row of samples.
    samples: Vec<u16>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Exact<'a> {
    pub(super) fn open(bytes: &'a [u8], header: &Header, pulse: &'a Pulse<'a>) -> Result<Self> {
        let image = pulse.confine(Format::Jpeg, || Lossless::open(bytes, &[], pulse))?;
        let samples = image.width * image.components;
        zeroed(2 * samples, pulse)?;
        Ok(Self {
            // Without a segment that says otherwise, as libjpeg-turbo has it.
            colours: match (image.components, header.adobe, header.jfif) {
                (1 | 2, ..) => Colours::Grey,
                (3, Some(1), _) | (3, None, true) => Colours::YCbCr,
                (3, ..) => Colours::Rgb,
                (_, Some(2), _) => Colours::Ycck,
                _ => Colours::Cmyk,
            },
            samples: vec![0; samples],
            image,
            pulse,
        })
    }
}

impl Rows for Exact<'_> {
    fn size(&self) -> (usize, usize) {
        (self.image.width, self.image.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let Self {
            image,
            colours,
            samples,
            pulse,
        } = self;
        pulse.beat();
        pulse.confine(Format::Jpeg, || image.next_row(samples))?;
        let bits = image.bits;
        // The highest bits, as of other formats, or all of them spread over the range.
        let byte = |sample: u16| match bits.checked_sub(8) {
            Some(more) => (sample >> more) as u8,
            None => {
                let most = (1u32 << bits) - 1;
                ((u32::from(sample) * 255 + most / 2) / most).min(255) as u8
            }
        };
        let pixels = samples.chunks_exact(image.components);
        for (rgb, pixel) in row.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
            *rgb = match (*colours, pixel) {
                (Colours::Rgb, &[r, g, b, ..]) => [r, g, b].map(byte),
                (Colours::YCbCr, &[y, blue, red, ..]) => rgb_of_ycc([y, blue, red].map(byte)),
                (Colours::Cmyk, &[c, m, y, k, ..]) => rgb_of_inverted([c, m, y, k].map(byte)),
                (Colours::Ycck, &[y, blue, red, k, ..]) => {
                    let [c, m, y] = rgb_of_ycc([y, blue, red].map(byte));
                    // The transform is that of RGB, which is inverted ink.
                    rgb_of_inverted([255 - c, 255 - m, 255 - y, byte(k)])
                }
                (_, pixel) => [byte(pixel.first().copied().unwrap_or_default()); 3],
            };
        }
        Ok(())
    }
}
