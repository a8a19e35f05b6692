//! APNG: frames after the first, each drawn over those before it as Pillow does.

use super::{reader, translate};
use crate::canvas::{Canvas, Disposal};
use crate::decoder::Opening;
use crate::raster::{Raster, zeroed};
use crate::region::Area;
use crate::source::{Pulse, corrupt};
use crate::{Format, Result};
use png::{BlendOp, DisposeOp, Transformations};

/// How many frames there are, as their headers are counted, and whether the picture of the file is none of them.
pub(super) fn frames(bytes: &[u8], pulse: &Pulse<'_>) -> (u32, bool) {
    let (mut frames, mut apart) = (0u32, false);
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        pulse.beat();
        let [a, b, c, d, kind @ ..] = *head;
        match &kind {
            b"fcTL" => frames = frames.saturating_add(1),
            b"IDAT" => apart |= frames == 0,
            _ => {}
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        rest = tail.get(length.saturating_add(4)..).unwrap_or_default();
    }
    (frames, apart)
}

/// The canvas once page `last`, from 0, is drawn. A picture that is no frame is the first page, and not drawn over.
pub(super) fn composed(file: Opening<'_, '_>, last: u32) -> Result<Raster> {
    let Opening { bytes, pulse, .. } = file;
    let (width, height) = file.header.size;
    let mut canvas = Canvas::new((width, height), pulse)?;
    let way = Transformations::EXPAND | Transformations::ALPHA | Transformations::STRIP_16;
    let mut reader = reader(bytes, width, way, pulse)?;
    let channels = reader.output_color_type().0.samples();
    let length = reader.output_buffer_size();
    let length = length.filter(|_| reader.info().size() == (width, height));
    let length = length.ok_or_else(|| corrupt(Format::Png, "contradictory headers"))?;
    pulse.claim(length as u64)?;
    let mut samples = zeroed(length, pulse)?;
    pulse.confine(Format::Png, || {
        let mut first = true;
        for _ in 0..=last {
            pulse.beat();
            let read = reader.next_frame(&mut samples).map_err(translate)?;
            let Some(frame) = reader.info().frame_control else {
                continue;
            };
            let (left, top) = (frame.x_offset as usize, frame.y_offset as usize);
            let area = Area {
                columns: left..left.saturating_add(read.width as usize),
                rows: top..top.saturating_add(read.height as usize),
            };
            if area.columns.end > width as usize || area.rows.end > height as usize {
                return Err(corrupt(Format::Png, "contradictory headers"));
            }
            let disposal = match frame.dispose_op {
                DisposeOp::None => Disposal::Keep,
                DisposeOp::Previous if !first => Disposal::Restore,
                // There is nothing before the first frame.
                DisposeOp::Background | DisposeOp::Previous => Disposal::Fill([0; 4]),
            };
            canvas.begin(area.clone(), disposal, pulse);
            let over = frame.blend_op == BlendOp::Over && !first;
            // Passes are put together in rows of the whole picture.
            let stride = match reader.info().interlaced {
                true => channels * width as usize,
                false => read.line_size,
            };
            for (y, line) in area.rows.clone().zip(samples.chunks(stride.max(1))) {
                pulse.beat();
                let pixels = line.chunks_exact(channels);
                for (pixel, samples) in canvas.row(&area, y).iter_mut().zip(pixels) {
                    let [r, g, b, a] = match *samples {
                        [l, a] => [l, l, l, a],
                        [r, g, b, a] => [r, g, b, a],
                        [r, g, b] => [r, g, b, 255],
                        _ => [samples[0], samples[0], samples[0], 255],
                    };
                    *pixel = match over {
                        true => blend([r, g, b, a], *pixel),
                        false => [r, g, b, a],
                    };
                }
            }
            first = false;
        }
        Ok(())
    })?;
    Ok(canvas.into_raster(file.request.alpha))
}

/// Puts a pixel over another: all four samples by the opacity of the upper one, with Pillow's rounding (`Image.paste`).
fn blend(upper: [u8; 4], lower: [u8; 4]) -> [u8; 4] {
    let opacity = u32::from(upper[3]);
    std::array::from_fn(|n| {
        let sum = u32::from(upper[n]) * opacity + u32::from(lower[n]) * (255 - opacity) + 128;
        ((sum + (sum >> 8)) >> 8) as u8
    })
}
