//! Frames of a WebP animation after the first, each drawn over those before it as libwebp does.
//!
//! Every frame is decoded as a picture of its own: the blending of crate `image-webp` is another one.

use super::WAY;
use crate::canvas::{Canvas, Disposal};
use crate::region::Area;
use crate::riff::Chunks;
use crate::source::{Pulse, corrupt};
use crate::through_image::samples;
use crate::{Format, Result};

/// Samples of the canvas once frame `last`, from 0, is drawn, and how many a pixel has.
pub(super) fn composed(
    bytes: &[u8],
    last: u32,
    size: (u32, u32),
    pulse: &Pulse<'_>,
) -> Result<(Vec<u8>, usize)> {
    let mut canvas = Canvas::new(size, pulse)?;
    let frames = Chunks::of(bytes).filter(|(kind, _)| *kind == b"ANMF");
    let mut drawn = 0;
    for (_, content) in frames.take(last as usize + 1) {
        pulse.beat();
        draw(&mut canvas, content, size, pulse)?;
        drawn += 1;
    }
    match drawn > last {
        true => Ok((canvas.into_samples(), 4)),
        false => Err(corrupt(Format::WebP, "the data ends early")),
    }
}

/// Draws a frame, whose chunk has this content.
fn draw(canvas: &mut Canvas, content: &[u8], size: (u32, u32), pulse: &Pulse<'_>) -> Result<()> {
    let Some((head, chunks)) = content.split_first_chunk::<16>() else {
        return Err(corrupt(Format::WebP, "the data ends early"));
    };
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], 0]);
    let (left, top) = (2 * number(0) as usize, 2 * number(3) as usize);
    let (width, height) = (number(6) + 1, number(9) + 1);
    let area = Area {
        columns: left..left + width as usize,
        rows: top..top + height as usize,
    };
    if area.columns.end > size.0 as usize || area.rows.end > size.1 as usize {
        return Err(corrupt(Format::WebP, "contradictory headers"));
    }
    // Transparent black: the background that a file names does not count, as in libwebp.
    let disposal = match head[15] & 1 {
        0 => Disposal::Keep,
        _ => Disposal::Fill([0; 4]),
    };
    let blends = head[15] & 2 == 0;
    let still = still(chunks, [number(6), number(9)]);
    let (samples, color) = samples(WAY, &still, (width, height), pulse)?;
    canvas.begin(area.clone(), disposal, pulse);
    let channels = usize::from(color.channel_count());
    let rows = samples.chunks_exact(channels * width as usize);
    for (y, row) in area.rows.clone().zip(rows) {
        pulse.beat();
        for (lower, pixel) in canvas
            .row(&area, y)
            .iter_mut()
            .zip(row.chunks_exact(channels))
        {
            let upper = match *pixel {
                [r, g, b, a] => [r, g, b, a],
                [r, g, b] => [r, g, b, 255],
                _ => [0; 4],
            };
            *lower = match blends {
                true => blend(upper, *lower),
                false => upper,
            };
        }
    }
    Ok(())
}

/// The chunks of a frame as a file of its own; `sides` are width and height less one.
fn still(chunks: &[u8], sides: [u32; 2]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
    let has_opacity = Chunks::within(chunks).any(|(kind, _)| kind == b"ALPH");
    if has_opacity {
        file.extend(b"VP8X\x0a\0\0\0\x10\0\0\0");
        for side in sides {
            file.extend(side.to_le_bytes().iter().take(3));
        }
    }
    file.extend(chunks);
    let length = (file.len() as u32).saturating_sub(8);
    if let Some(place) = file.get_mut(4..8) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    file
}

/// Puts a pixel over another in the integers of libwebp (`BlendPixelNonPremult`).
fn blend(upper: [u8; 4], lower: [u8; 4]) -> [u8; 4] {
    let opacity = u64::from(upper[3]);
    match opacity {
        0 => return lower,
        255 => return upper,
        _ => {}
    }
    let shown = (u64::from(lower[3]) * (256 - opacity)) >> 8;
    let sum = opacity + shown;
    let scale = (1 << 24) / sum;
    let mut pixel: [u8; 4] = std::array::from_fn(|n| {
        let mixed = u64::from(upper[n]) * opacity + u64::from(lower[n]) * shown;
        ((mixed * scale) >> 24) as u8
    });
    pixel[3] = sum as u8;
    pixel
}
