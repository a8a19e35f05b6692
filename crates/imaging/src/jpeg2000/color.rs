//! From the components of JPEG 2000 to RGB.

use super::boxes::{Boxes, Space};
use super::codestream::Component;
use crate::jpeg::{rgb_of_inverted, rgb_of_ycc};
use crate::preprocess::Alpha;
use crate::raster::compose;

/// Bits of samples that are decoded no further than to a byte.
const BYTE: u8 = 8;

/// What becomes of a sample of a component: a byte of the channels that it makes.
struct Channel {
    component: usize,
    /// The byte of every value, of a palette; empty where the value itself counts.
    table: Vec<u8>,
    bits: u8,
}

/// How the components of a picture become RGB.
pub(super) struct Painter {
    /// Colours first, in their order.
    channels: Vec<Channel>,
    space: Space,
    /// The channel with opacity, and whether colours were multiplied by it.
    opacity: Option<(Channel, bool)>,
    alpha: Alpha,
}

impl Painter {
    /// For `components`; None where they are not as many as the space wants.
    pub(super) fn new(boxes: &Boxes<'_>, components: &[Component], alpha: Alpha) -> Option<Self> {
        let palette = boxes.palette.as_ref();
        let sources: Vec<_> = match palette {
            None => (0..components.len())
                .map(|component| (component, None))
                .collect(),
            Some(palette) if boxes.sources.is_empty() => (0..palette.bits.len())
                .map(|column| (0, Some(column)))
                .collect(),
            Some(_) => boxes.sources.clone(),
        };
        let channel = |index: usize| {
            let &(component, column) = sources.get(index)?;
            let mut bits = components.get(component)?.bits;
            let mut table = Vec::new();
            if let (Some(palette), Some(column)) = (palette, column) {
                bits = *palette.bits.get(column)?;
                let values = palette
                    .entries
                    .iter()
                    .map(|entry| entry.get(column).copied());
                table = values.map(|value| byte(value.unwrap_or(0), bits)).collect();
            }
            Some(Channel {
                component,
                table,
                bits,
            })
        };
        let opacity = boxes
            .definitions
            .iter()
            .find(|one| matches!(one.kind, 1 | 2));
        let mut colours: Vec<_> = (0..sources.len())
            .filter(|&index| {
                let defined = boxes.definitions.iter().find(|one| one.channel == index);
                defined.is_none_or(|defined| defined.kind == 0)
            })
            .collect();
        // The order of colours may be said; channels of which nothing is said come in theirs.
        colours.sort_by_key(|&index| {
            let defined = boxes.definitions.iter().find(|one| one.channel == index);
            defined.map_or(index + 1, |defined| usize::from(defined.colour))
        });
        let inks = matches!(boxes.space, Some(Space::Cmyk | Space::Ycck));
        let wanted = match (boxes.space, colours.len()) {
            (_, 0) => return None,
            (Some(Space::Cmyk | Space::Ycck), 4..) => 4,
            (Some(Space::Cmyk | Space::Ycck), _) => return None,
            (Some(Space::YCbCr | Space::Lab), 3..) => 3,
            (Some(Space::Lab), _) => return None,
            (_, 1 | 2) => 1,
            _ if boxes.profile_colours == Some(1) => 1,
            _ => 3,
        };
        // One more than the colours, of which nothing is said, is opacity.
        let opacity = match opacity {
            Some(defined) => Some((channel(defined.channel)?, defined.kind == 2)),
            None if colours.len() == wanted + 1 && !inks => {
                Some((channel(colours[wanted])?, false))
            }
            None => None,
        };
        let space = match boxes.space {
            Some(space) if wanted > 1 => space,
            None if wanted == 3 && subsampled(components) => Space::YCbCr,
            _ => Space::Plain,
        };
        let channels = colours.iter().take(wanted).map(|&index| channel(index));
        Some(Self {
            channels: channels.collect::<Option<_>>()?,
            space,
            opacity,
            alpha,
        })
    }

    /// Paints a row out of one row of samples of every component.
    pub(super) fn paint(&self, row: &mut [u8], components: &[&[f32]]) {
        let value = |channel: &Channel, x: usize| {
            let samples = components.get(channel.component).copied();
            let sample = samples
                .unwrap_or_default()
                .get(x)
                .copied()
                .unwrap_or_default();
            // A cast stops at zero.
            let sample = (sample + 0.5) as u32;
            match channel.table.as_slice() {
                [] => byte(sample, channel.bits),
                table => table[(sample as usize).min(table.len() - 1)],
            }
        };
        for (x, rgb) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let color = match self.channels.as_slice() {
                [grey] => [value(grey, x); 3],
                [a, b, c, black @ ..] => {
                    let abc = [value(a, x), value(b, x), value(c, x)];
                    self.rgb(abc, black.first().map_or(0, |black| value(black, x)))
                }
                _ => [0; 3],
            };
            *rgb = match &self.opacity {
                None => color,
                Some((channel, multiplied)) => {
                    let opacity = value(channel, x);
                    let color = match multiplied {
                        true => color.map(|sample| divided(sample, opacity)),
                        false => color,
                    };
                    compose(color, opacity, self.alpha)
                }
            };
        }
    }

    fn rgb(&self, color: [u8; 3], black: u8) -> [u8; 3] {
        match self.space {
            Space::Plain | Space::Lab => color,
            Space::YCbCr => rgb_of_ycc(color),
            Space::Cmyk => {
                rgb_of_inverted([color[0], color[1], color[2], black].map(|ink| 255 - ink))
            }
            Space::Ycck => {
                let [r, g, b] = rgb_of_ycc(color);
                rgb_of_inverted([r, g, b, 255 - black])
            }
        }
    }
}

/// Whether the last two of three components have fewer samples, as differences of colour have.
fn subsampled(components: &[Component]) -> bool {
    matches!(components, [luma, blue, red, ..]
        if blue.step == red.step && blue.step != luma.step && blue.step.0 >= luma.step.0 && blue.step.1 >= luma.step.1)
}

/// A sample of `bits` as a byte: its highest bits, as of other formats, or all of them spread over the range.
fn byte(sample: u32, bits: u8) -> u8 {
    let most = (1u32 << bits.min(24)) - 1;
    let sample = sample.min(most);
    match bits.checked_sub(BYTE) {
        Some(more) => (sample >> more) as u8,
        None => ((sample * 255 + most / 2) / most) as u8,
    }
}

/// Undoes a multiplication by opacity.
fn divided(sample: u8, opacity: u8) -> u8 {
    match u32::from(opacity) {
        0 => 0,
        opacity => ((u32::from(sample) * 255 + opacity / 2) / opacity).min(255) as u8,
    }
}
