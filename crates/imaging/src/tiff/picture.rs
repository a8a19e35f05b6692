//! A picture of a TIFF as rows of RGB.

use super::color::{Painter, divide};
use super::layout::{Color, Kind, Layout, Opacity};
use super::samples::Packing;
use super::scale::{Depth, Table};
use super::strips::{Part, Strips};
use crate::decoder::Request;
use crate::preprocess::Alpha;
use crate::raster::{paint, zeroed};
use crate::region::Area;
use crate::rows::{Rows, View};
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};
use std::ops::Range;

/// A part of a picture being decoded.
pub(crate) struct Picture<'a> {
    strips: Strips<'a>,
    mapping: Mapping,
    painter: Painter,
    opacity: Option<Opacity>,
    alpha: Alpha,
    area: Area,
    /// Pixels of the page for one of this.
    step: (f64, f64),
    /// The next row of the picture.
    next: usize,
    /// Rows of channels of 8 bits over the whole width: as many as share colour.
    lines: Vec<Vec<u8>>,
    /// Which of them is next.
    line: usize,
}

/// Where samples go.
struct Mapping {
    packing: Packing,
    tables: Vec<Option<Table>>,
    /// The channel of each sample.
    targets: Vec<usize>,
    channels: usize,
    /// Whether rows are channels as they are.
    plain: bool,
    shared: Option<(usize, usize)>,
    width: usize,
}

impl<'a> Picture<'a> {
    /// The part `area` of a layout that is not refused; a pixel of it stands for `step` of the page.
    ///
    /// # Errors
    /// [`Error::CorruptImage`], or [`Error::UnsupportedImageFormat`] for what only the data tells.
    pub(crate) fn open(
        layout: &Layout<'a>,
        request: &Request,
        area: Area,
        step: (f64, f64),
        pulse: &'a Pulse<'a>,
    ) -> Result<Self> {
        let refused = |variant: String| Error::UnsupportedImageFormat {
            format: format!("TIFF with {variant}"),
        };
        let color = layout.color().map_err(|name| refused(name.into_owned()))?;
        if layout.is_void() {
            let reason = "none of its strips or tiles is in the file";
            return Err(corrupt(Format::Tiff, reason));
        }
        let kind = match color {
            // The colour itself says what has a sign.
            Color::CieLab | Color::IccLab | Color::ItuLab | Color::Palette
                if layout.kind() != Ok(Kind::Float) =>
            {
                Kind::Unsigned
            }
            _ => layout.kind().map_err(|name| refused(name.to_owned()))?,
        };
        let opacity = layout.opacity(color);
        let depth = Depth {
            layout,
            color,
            kind,
            opacity: opacity.map(|(sample, _)| sample),
        };
        let strips = |columns: &Range<usize>| Strips::new(layout.clone(), color, columns, pulse);
        let scanned = match depth.depends() {
            true => Some(strips(&(0..layout.width))?),
            false => None,
        };
        let tables = depth.tables(scanned)?;
        // JPEG's decoder gives RGB.
        let shown = match color {
            Color::YCbCr if layout.is_jpeg() && !layout.planar => Color::Rgb,
            Color::YCbCr if layout.is_webp() => Color::Rgb,
            // What becomes of numbers of any coding.
            Color::CieLab | Color::ItuLab if kind == Kind::Float => Color::IccLab,
            color => color,
        };
        let colors = match color {
            Color::Palette => 3,
            color => layout.colors(color),
        };
        let channels = colors + usize::from(opacity.is_some());
        let targets = (0..layout.bits.len()).map(|sample| match opacity {
            Some((opacity, _)) if sample == opacity => colors,
            _ => sample,
        });
        let targets: Vec<usize> = targets.collect();
        let packing = Packing::of(layout);
        let plain = packing.even() == Some(8)
            && !layout.planar
            && targets.iter().copied().eq(0..channels)
            && tables
                .iter()
                .all(|table| table.as_ref().is_some_and(Table::is_plain));
        let mut strips = strips(&area.columns)?;
        strips.seek(area.rows.start);
        let together = strips.together();
        let line = zeroed(channels * layout.width, pulse)?;
        Ok(Self {
            next: area.rows.start,
            line: together,
            lines: vec![line; together],
            mapping: Mapping {
                packing,
                tables,
                targets,
                channels,
                plain,
                shared: layout.shared(),
                width: layout.width,
            },
            painter: Painter::new(shown, layout, request.conversion.as_ref()),
            opacity: opacity.map(|(_, opacity)| opacity),
            alpha: request.alpha,
            area,
            step,
            strips,
        })
    }

    /// Has the next row of the picture in the lines.
    fn fetch(&mut self) -> Result<()> {
        let together = self.lines.len();
        let within = self.next % self.strips.layout.chunk.1 % together;
        if self.line < together && within > 0 {
            self.line = within;
            return Ok(());
        }
        self.strips.seek(self.next);
        let Self {
            strips,
            mapping,
            lines,
            ..
        } = self;
        strips.next_row(|part| mapping.place(&part, lines))?;
        self.line = within;
        Ok(())
    }
}

impl Mapping {
    fn place(&self, part: &Part<'_>, lines: &mut [Vec<u8>]) {
        let width = part.width.min(self.width.saturating_sub(part.x));
        let range = self.channels * part.x..self.channels * (part.x + width);
        if let Some(shared) = self.shared {
            self.share(part.bytes, shared, width, part.x, lines);
            return;
        }
        let Some(out) = lines.first_mut().and_then(|line| line.get_mut(range)) else {
            return;
        };
        if self.plain {
            let bytes = part.bytes.get(..out.len()).unwrap_or_default();
            out.get_mut(..bytes.len())
                .unwrap_or_default()
                .copy_from_slice(bytes);
            return;
        }
        let (channels, count) = (self.channels, self.packing.samples());
        let kept = self.tables.iter().zip(&self.targets).enumerate();
        let kept = kept.skip(part.plane).take(count);
        let kept = kept
            .filter_map(|(n, (table, &target))| Some((n - part.plane, table.as_ref()?, target)));
        match self.packing.even() {
            Some(8 | 16) => {
                let wide = self.packing.even() == Some(16);
                for (sample, table, target) in kept {
                    match table {
                        Table::Colors(colors) if wide => {
                            let at =
                                |raw: u64| colors.get(raw as usize).copied().unwrap_or_default();
                            self.words(part.bytes, sample, out, |out, raw| {
                                put(out, 0, at(raw.into()));
                            });
                        }
                        Table::Colors(colors) => {
                            let pixels = part.bytes.chunks_exact(count);
                            for (out, pixel) in out.chunks_exact_mut(channels).zip(pixels) {
                                let raw = pixel.get(sample).copied().unwrap_or_default();
                                put(
                                    out,
                                    0,
                                    colors.get(usize::from(raw)).copied().unwrap_or_default(),
                                );
                            }
                        }
                        Table::Values(values) if wide => {
                            self.words(part.bytes, sample, out, |out, raw| {
                                let channel = values.get(usize::from(raw)).copied();
                                if let Some(out) = out.get_mut(target) {
                                    *out = channel.unwrap_or_default();
                                }
                            });
                        }
                        Table::Values(values) => {
                            let outs = out.iter_mut().skip(target).step_by(channels);
                            let samples = part.bytes.iter().skip(sample).step_by(count);
                            for (out, &raw) in outs.zip(samples) {
                                *out = values.get(usize::from(raw)).copied().unwrap_or_default();
                            }
                        }
                        table => self.words_or_bytes(part.bytes, sample, wide, out, |out, raw| {
                            if let Some(out) = out.get_mut(target) {
                                *out = table.channel(raw);
                            }
                        }),
                    }
                }
            }
            Some(1) if count == 1 => {
                let mut kept = kept;
                let Some((_, table, target)) = kept.next() else {
                    return;
                };
                let both: [[u8; 3]; 2] = [0, 1].map(|raw| match table {
                    Table::Colors(colors) => colors.get(raw).copied().unwrap_or_default(),
                    table => [table.channel(raw as u64); 3],
                });
                let single = !matches!(table, Table::Colors(_));
                for (x, out) in out.chunks_exact_mut(channels).enumerate() {
                    let byte = part.bytes.get(x / 8).copied().unwrap_or_default();
                    let color = both[usize::from(byte >> (7 - x % 8) & 1)];
                    match out.get_mut(target) {
                        Some(out) if single => *out = color[0],
                        _ => put(out, 0, color),
                    }
                }
            }
            _ => self.packing.each(part.bytes, width, |x, sample, raw| {
                let sample = sample + part.plane;
                let Some(Some(table)) = self.tables.get(sample) else {
                    return;
                };
                let target = self.targets.get(sample).copied().unwrap_or_default();
                let Some(out) = out.get_mut(x * channels..(x + 1) * channels) else {
                    return;
                };
                match table {
                    Table::Colors(colors) => {
                        put(
                            out,
                            0,
                            colors.get(raw as usize).copied().unwrap_or_default(),
                        );
                    }
                    table => put(out, target, [table.channel(raw)]),
                }
            }),
        }
    }

    /// Goes through one sample of each pixel, of 16 bits.
    fn words(
        &self,
        row: &[u8],
        sample: usize,
        out: &mut [u8],
        mut put: impl FnMut(&mut [u8], u16),
    ) {
        let pixels = row.chunks_exact(2 * self.packing.samples());
        let little = self.packing.little();
        for (out, pixel) in out.chunks_exact_mut(self.channels).zip(pixels) {
            let word = pixel
                .get(2 * sample..)
                .and_then(|rest| rest.first_chunk::<2>());
            let word = word.copied().unwrap_or_default();
            put(
                out,
                match little {
                    true => u16::from_le_bytes(word),
                    false => u16::from_be_bytes(word),
                },
            );
        }
    }

    fn words_or_bytes(
        &self,
        row: &[u8],
        sample: usize,
        wide: bool,
        out: &mut [u8],
        mut put: impl FnMut(&mut [u8], u64),
    ) {
        if wide {
            self.words(row, sample, out, |out, raw| put(out, raw.into()));
            return;
        }
        let pixels = row.chunks_exact(self.packing.samples());
        for (out, pixel) in out.chunks_exact_mut(self.channels).zip(pixels) {
            put(out, pixel.get(sample).copied().unwrap_or_default().into());
        }
    }

    /// Spreads units of several samples of Y and one each of Cb and Cr.
    fn share(
        &self,
        row: &[u8],
        (across, down): (usize, usize),
        width: usize,
        x: usize,
        lines: &mut [Vec<u8>],
    ) {
        let units = row.chunks_exact(across * down + 2);
        for (n, unit) in units.take(width.div_ceil(across)).enumerate() {
            let [.., cb, cr] = *unit else {
                continue;
            };
            for (line, ys) in lines.iter_mut().zip(unit.chunks_exact(across)) {
                for (dx, &y) in ys.iter().enumerate().take(width - n * across) {
                    let at = self.channels * (x + n * across + dx);
                    if let Some(out) = line.get_mut(at..) {
                        put(out, 0, [y, cb, cr]);
                    }
                }
            }
        }
    }
}

fn put<const N: usize>(out: &mut [u8], at: usize, values: [u8; N]) {
    if let Some(out) = out.get_mut(at..).and_then(|out| out.first_chunk_mut::<N>()) {
        *out = values;
    }
}

impl Rows for Picture<'_> {
    fn size(&self) -> (usize, usize) {
        self.area.size()
    }

    fn view(&self) -> View {
        View {
            origin: (
                self.area.columns.start as f64 * self.step.0,
                self.area.rows.start as f64 * self.step.1,
            ),
            step: self.step,
        }
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        self.fetch()?;
        self.next += 1;
        let channels = self.mapping.channels;
        let Some(line) = self.lines.get_mut(self.line) else {
            return Ok(());
        };
        let columns = channels * self.area.columns.start..channels * self.area.columns.end;
        let line = line.get_mut(columns).unwrap_or_default();
        // Inks were multiplied as such.
        let inks = matches!(self.painter, Painter::Ink(_));
        if let Some(opacity) = self.opacity.filter(|_| inks) {
            divide(line, channels, opacity);
        }
        let channels = self.painter.paint(line, channels, self.opacity.is_some());
        if let Some(opacity) = self.opacity.filter(|_| !inks) {
            divide(line, channels, opacity);
        }
        paint(row, line, channels, self.alpha);
        Ok(())
    }

    fn skip(&mut self, count: usize, _row: &mut [u8], pulse: &Pulse<'_>) -> Result<()> {
        pulse.beat();
        self.next += count;
        Ok(())
    }
}
