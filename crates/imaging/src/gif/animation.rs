//! Frames of a GIF after the first, each drawn over those before it as Pillow does.

use super::{PASSES, decoder, translate};
use crate::canvas::{Canvas, Disposal};
use crate::decoder::Opening;
use crate::raster::{Raster, zeroed};
use crate::region::Area;
use crate::source::corrupt;
use crate::{Format, Result};
use gif::DisposalMethod;

/// The screen once frame `last`, from 0, is drawn.
pub(super) fn composed(file: Opening<'_, '_>, last: u32) -> Result<Raster> {
    let Opening { bytes, pulse, .. } = file;
    let (width, height) = file.header.size;
    let mut canvas = Canvas::new((width, height), pulse)?;
    pulse.confine(Format::Gif, || {
        let mut decoder = decoder(bytes, pulse)?;
        let background = decoder.bg_color();
        // One that a frame does not tell is that of the frame before.
        let mut method = DisposalMethod::Any;
        for n in 0..=last {
            let frame = decoder.next_frame_info().map_err(translate)?;
            let Some(frame) = frame else {
                return Err(corrupt(Format::Gif, "the data ends early"));
            };
            let (left, top) = (usize::from(frame.left), usize::from(frame.top));
            let area = Area {
                columns: left..left + usize::from(frame.width),
                rows: top..top + usize::from(frame.height),
            };
            let (interlaced, transparent) = (frame.interlaced, frame.transparent.map(usize::from));
            if frame.dispose != DisposalMethod::Any {
                method = frame.dispose;
            }
            if area.columns.is_empty() || area.rows.is_empty() {
                return Err(corrupt(Format::Gif, "the frame has no pixels"));
            }
            if area.columns.end > width as usize || area.rows.end > height as usize {
                return Err(corrupt(Format::Gif, "contradictory headers"));
            }
            let colors = decoder.palette().map_err(translate)?.as_chunks::<3>().0;
            let color = |index: usize, opacity: u8| {
                let [r, g, b] = colors.get(index).copied().unwrap_or_default();
                [r, g, b, opacity]
            };
            let palette: [_; 256] = std::array::from_fn(|index| {
                let shown = transparent != Some(index) && index < colors.len();
                color(index, 255 * u8::from(shown))
            });
            let hidden = transparent.map(|index| color(index, 0));
            if n == 0 {
                // What the first frame leaves free.
                let around = hidden.unwrap_or(color(0, 255));
                let screen = Area {
                    columns: 0..width as usize,
                    rows: 0..height as usize,
                };
                for y in screen.rows.clone() {
                    pulse.beat();
                    canvas.row(&screen, y).fill(around);
                }
            }
            let disposal = match (method, hidden) {
                (DisposalMethod::Background, Some(hidden)) => Disposal::Fill(hidden),
                (DisposalMethod::Background, None) => {
                    let index = background.filter(|index| *index < colors.len());
                    Disposal::Fill(color(index.unwrap_or(0), 255))
                }
                // There is nothing before the first frame.
                (DisposalMethod::Previous, Some(hidden)) if n == 0 => Disposal::Fill(hidden),
                (DisposalMethod::Previous, _) if n > 0 => Disposal::Restore,
                _ => Disposal::Keep,
            };
            canvas.begin(area.clone(), disposal, pulse);
            let mut line = zeroed(area.columns.len(), pulse)?;
            let passes: &[(usize, usize)] = match interlaced {
                true => &PASSES,
                false => &[(0, 1)],
            };
            for &(first, step) in passes {
                for y in area.rows.clone().skip(first).step_by(step) {
                    pulse.beat();
                    if !decoder.fill_buffer(&mut line).map_err(translate)? {
                        return Err(corrupt(Format::Gif, "the data ends early"));
                    }
                    for (pixel, &index) in canvas.row(&area, y).iter_mut().zip(&line) {
                        let color = palette[usize::from(index)];
                        // The first frame is stored as it is.
                        if color[3] > 0 || n == 0 {
                            *pixel = color;
                        }
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(canvas.into_raster(file.request.alpha))
}
