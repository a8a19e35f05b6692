//! The codestream of JPEG 2000 (ISO/IEC 15444-1, annex A): what its main header says, where its tiles are, and single
//! tiles as codestreams of their own.
//!
//! A tile keeps its place on the reference grid when it is taken out, so that whatever decodes it computes the same
//! samples. This is what makes regions, rows and interrupts of a decoder that only knows whole pictures.

use crate::Format;
use crate::source::{Pulse, corrupt};
use crate::{Error, Result};
use std::ops::Range;

/// Components of a picture at most: colours, black, alpha and some to spare.
const MOST_COMPONENTS: usize = 16;

/// Parts that tiles may be in altogether: sixteen of each of as many tiles as there may be.
const MOST_PARTS: usize = 1 << 20;

/// Nodes that the decoder visits at most when it lays out the trees of all precincts: some seconds. It visits as many as
/// a square would have that is as wide as the longer side.
const MOST_STEPS: u64 = 1 << 29;

/// One component, from the SIZ segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// Bits of a sample.
    pub(super) bits: u8,
    /// Samples are that many points of the reference grid apart.
    pub(super) step: (u32, u32),
}

/// How tiles are coded, as far as it tells what decoding takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Coding {
    layers: u64,
    /// Wavelet decompositions, least first.
    levels: u32,
    /// Binary logarithms of the sides of a code-block.
    block: (u32, u32),
    /// The same of the precincts, by resolution; empty for the largest there can be.
    precincts: Vec<(u32, u32)>,
}

/// A codestream whose main header was read.
#[derive(Clone, Debug)]
pub(super) struct Codestream<'a> {
    bytes: &'a [u8],
    /// The image area on the reference grid.
    area: [Range<u32>; 2],
    /// First corner of tile 0, and sides of a tile.
    origin: [u32; 2],
    tile: [u32; 2],
    pub(super) components: Vec<Component>,
    codings: Vec<Coding>,
    /// Whether packet headers are in the main header, so that no tile can be taken out.
    packed: bool,
    /// The segments of the main header, without SIZ and those that tell where tiles are.
    segments: Vec<&'a [u8]>,
    /// What tiles consist of, each part from its SOT marker on, by tile.
    parts: Vec<(u16, &'a [u8])>,
    /// Whether the last part in the file is cut off.
    cut: bool,
}

fn ends_early() -> Error {
    corrupt(Format::Jpeg2000, "the data ends early")
}

fn contradictory() -> Error {
    corrupt(Format::Jpeg2000, "contradictory headers")
}

fn unsupported(variant: &str) -> Error {
    Error::UnsupportedImageFormat {
        format: format!("JPEG 2000 ({variant})"),
    }
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl<'a> Codestream<'a> {
    /// Reads the main header.
    ///
    /// # Errors
    /// [`Error::CorruptImage`].
    pub(super) fn parse(bytes: &'a [u8], pulse: &Pulse<'_>) -> Result<Self> {
        let siz = bytes.get(4..).ok_or_else(ends_early)?;
        let (size, rest) = segment(siz).ok_or_else(ends_early)?;
        let mut stream = Self::of_size(bytes, size).ok_or_else(contradictory)?;
        let mut default = None;
        let mut rest = rest;
        loop {
            let marker = short(rest, 0).ok_or_else(ends_early)?;
            if marker == 0xff90 {
                break;
            }
            let (content, after) = rest.get(2..).and_then(segment).ok_or_else(ends_early)?;
            let whole = rest.get(..rest.len() - after.len()).unwrap_or_default();
            match marker {
                0xff52 => default = Some(Coding::cod(content).ok_or_else(contradictory)?),
                0xff53 => {
                    let coding = Coding::coc(content, stream.components.len());
                    stream.codings.push(coding.ok_or_else(contradictory)?);
                }
                0xff60 => stream.packed = true,
                _ => {}
            }
            // Lengths of tile-parts and packets are not those of what is taken out.
            if !matches!(marker, 0xff55 | 0xff57) {
                stream.segments.push(whole);
            }
            rest = after;
        }
        let default = default.ok_or_else(contradictory)?;
        for coding in &mut stream.codings {
            coding.layers = default.layers;
        }
        stream.codings.push(default);
        stream.tile_parts(rest, pulse);
        Ok(stream)
    }

    fn of_size(bytes: &'a [u8], siz: &[u8]) -> Option<Self> {
        let word = |n: usize| long(siz, 2 + 4 * n);
        let area = [word(2)?..word(0)?, word(3)?..word(1)?];
        let (tile, origin) = ([word(4)?, word(5)?], [word(6)?, word(7)?]);
        let count = usize::from(short(siz, 34)?);
        let components = siz.get(36..)?.as_chunks::<3>().0.get(..count)?;
        let components: Vec<_> = components
            .iter()
            .take(MOST_COMPONENTS + 1)
            .map(|&[bits, across, down]| Component {
                bits: (bits & 0x7f) + 1,
                step: (across.into(), down.into()),
            })
            .collect();
        let sound = (0..2).all(|axis| {
            let first = u64::from(origin[axis]) + u64::from(tile[axis]);
            !area[axis].is_empty()
                && tile[axis] > 0
                && origin[axis] <= area[axis].start
                && first > area[axis].start.into()
                && first <= u32::MAX.into()
        });
        let sampled = !components.is_empty()
            && components
                .iter()
                .all(|component| component.step.0 > 0 && component.step.1 > 0);
        let stream = Self {
            bytes,
            area,
            origin,
            tile,
            components,
            codings: Vec::new(),
            packed: false,
            segments: Vec::new(),
            parts: Vec::new(),
            cut: false,
        };
        (sound && sampled).then_some(stream)
    }

    /// Finds the tile-parts from the first one on; what is cut off stays in, and is [told](Self::complete).
    fn tile_parts(&mut self, mut rest: &'a [u8], pulse: &Pulse<'_>) {
        while let (Some(0xff90), Some(tile), Some(length)) =
            (short(rest, 0), short(rest, 4), long(rest, 6))
        {
            // The last one may have no length: it ends with the codestream.
            let end = match length as usize {
                0 if rest.ends_with(&[0xff, 0xd9]) => rest.len() - 2,
                0 => rest.len(),
                length => length.max(14),
            };
            self.cut = end > rest.len();
            if self.parts.len().is_multiple_of(1 << 12) {
                pulse.beat();
            }
            // One more is enough to refuse them.
            if self.parts.len() > MOST_PARTS {
                break;
            }
            self.parts.push((tile, rest.get(..end).unwrap_or(rest)));
            rest = rest.get(end..).unwrap_or_default();
        }
        self.parts.sort_by_key(|&(tile, _)| tile);
    }

    /// Refuses a file that ends before its last tile does, or lacks one.
    ///
    /// # Errors
    /// [`Error::CorruptImage`].
    pub(super) fn complete(&self) -> Result<()> {
        let all = self.across() * self.down();
        let known = self.parts.get(..self.place(all)).unwrap_or_default();
        let tiles = known.chunk_by(|(one, _), (other, _)| one == other);
        match self.cut || tiles.count() < all {
            true => Err(ends_early()),
            false => Ok(()),
        }
    }

    /// What there is no decoder for, in words.
    pub(super) fn refused(&self) -> Option<String> {
        // High-throughput block coding (part 15) is announced here.
        let capabilities = self
            .segments
            .iter()
            .any(|part| part.starts_with(&[0xff, 0x50]));
        let variant = if capabilities {
            "high-throughput coding (HTJ2K)".to_owned()
        } else if self.components.len() > MOST_COMPONENTS {
            format!("more than {MOST_COMPONENTS} components")
        } else if let Some(component) = self.components.iter().find(|one| one.bits > 24) {
            format!("{} bits", component.bits)
        } else if self.codings.iter().any(|coding| coding.layers > 32) {
            "more than 32 quality layers".to_owned()
        } else if self
            .tiles()
            .is_some_and(|tiles| self.steps(tiles) > MOST_STEPS)
        {
            "more code-blocks than its shape accounts for".to_owned()
        } else if self.parts.len() > MOST_PARTS {
            "more parts of tiles than there may be".to_owned()
        } else if self.tiles().is_none() {
            "more tiles than there may be".to_owned()
        } else {
            return None;
        };
        let Error::UnsupportedImageFormat { format } = unsupported(&variant) else {
            return None;
        };
        Some(format)
    }

    /// Nodes of the trees of that many tiles.
    fn steps(&self, tiles: usize) -> u64 {
        let [width, height] = [0, 1].map(|axis| {
            let area = self.area[axis].end - self.area[axis].start;
            u64::from(area.min(self.tile[axis]))
        });
        let steps = self
            .codings
            .iter()
            .map(|coding| coding.steps(width, height));
        steps
            .max()
            .unwrap_or(0)
            .saturating_mul(tiles as u64)
            .saturating_mul(self.components.len() as u64)
    }

    fn tiles(&self) -> Option<usize> {
        let tiles = self.across().checked_mul(self.down())?;
        (tiles <= 1 << 16).then_some(tiles)
    }

    /// Tiles side by side.
    pub(super) fn across(&self) -> usize {
        self.count(0)
    }

    /// Tiles above each other.
    pub(super) fn down(&self) -> usize {
        self.count(1)
    }

    fn count(&self, axis: usize) -> usize {
        (self.area[axis].end - self.origin[axis]).div_ceil(self.tile[axis]) as usize
    }

    /// Points of the reference grid between two samples of every component; 1 where components differ, which are then
    /// brought to the same size.
    fn step(&self, axis: usize) -> u32 {
        let mut steps = self.components.iter().map(|component| component.step);
        match steps.next() {
            Some(first) if steps.all(|step| step == first) => [first.0, first.1][axis],
            _ => 1,
        }
    }

    /// Wavelet decompositions that every component has: both sides can be halved as often.
    pub(super) fn levels(&self) -> u32 {
        let levels = self.codings.iter().map(|coding| coding.levels);
        levels.min().unwrap_or(0)
    }

    /// The image area in samples, halved `halvings` times: columns and rows, counted from the origin of the grid.
    pub(super) fn samples(&self, halvings: u32) -> [Range<u64>; 2] {
        [0, 1].map(|axis| self.reduced(axis, self.area[axis].clone(), halvings))
    }

    /// Samples, halved `halvings` times, of some tile columns (axis 0) or rows (axis 1).
    pub(super) fn samples_of(&self, axis: usize, tiles: Range<usize>, halvings: u32) -> Range<u64> {
        self.reduced(axis, self.grid(axis, tiles), halvings)
    }

    fn reduced(&self, axis: usize, grid: Range<u32>, halvings: u32) -> Range<u64> {
        let divisor = u64::from(self.step(axis)) << halvings;
        u64::from(grid.start).div_ceil(divisor)..u64::from(grid.end).div_ceil(divisor)
    }

    /// What some tile columns or rows cover of the reference grid.
    fn grid(&self, axis: usize, tiles: Range<usize>) -> Range<u32> {
        let edge = |tile: usize| {
            let at = u64::from(self.origin[axis]) + tile as u64 * u64::from(self.tile[axis]);
            at.clamp(self.area[axis].start.into(), self.area[axis].end.into()) as u32
        };
        edge(tiles.start)..edge(tiles.end)
    }

    /// Bytes of the codestream.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Whether tiles can be taken out.
    pub(super) fn divisible(&self) -> bool {
        !self.packed
    }

    /// The tiles in some columns and rows as a codestream.
    ///
    /// # Errors
    /// That memory is short.
    pub(super) fn taken_out(&self, columns: Range<usize>, rows: Range<usize>) -> Result<Vec<u8>> {
        let tiles_across = self.across();
        let parts = || {
            rows.clone().enumerate().flat_map(|(y, row)| {
                let first = row * tiles_across;
                let from = self.place(first + columns.start);
                let to = self.place(first + columns.end);
                let parts = self.parts.get(from..to).unwrap_or_default().iter();
                let (before, width) = (first + columns.start, columns.len());
                parts.map(move |&(tile, part)| {
                    ((y * width + usize::from(tile) - before) as u16, part)
                })
            })
        };
        let length = 128
            + 3 * self.components.len()
            + self.segments.iter().map(|part| part.len()).sum::<usize>()
            + parts().map(|(_, part)| part.len()).sum::<usize>();
        let mut out = Vec::new();
        out.try_reserve_exact(length)
            .map_err(|_| Error::OutOfMemory { bytes: length })?;
        // SOC and SIZ as they are, with other sizes.
        let size = usize::from(short(self.bytes, 4).unwrap_or_default());
        out.extend_from_slice(self.bytes.get(..4 + size).unwrap_or_default());
        let (across, down) = (self.grid(0, columns.clone()), self.grid(1, rows.clone()));
        let origin = |axis: usize, tile: usize| {
            self.origin[axis].saturating_add((tile as u32).saturating_mul(self.tile[axis]))
        };
        let words = [
            across.end,
            down.end,
            across.start,
            down.start,
            self.tile[0],
            self.tile[1],
            origin(0, columns.start),
            origin(1, rows.start),
        ];
        if let Some(place) = out.get_mut(8..40) {
            for (place, word) in place.as_chunks_mut::<4>().0.iter_mut().zip(words) {
                *place = word.to_be_bytes();
            }
        }
        for segment in &self.segments {
            out.extend_from_slice(segment);
        }
        for (tile, part) in parts() {
            let at = out.len();
            out.extend_from_slice(part);
            if let Some(place) = out.get_mut(at + 4..at + 6) {
                place.copy_from_slice(&tile.to_be_bytes());
            }
        }
        out.extend_from_slice(&[0xff, 0xd9]);
        Ok(out)
    }

    /// The first part of a tile, or of those behind it.
    fn place(&self, tile: usize) -> usize {
        let parts = &self.parts;
        parts.partition_point(|&(known, _)| usize::from(known) < tile)
    }

    /// Bytes that a decoder needs for some tiles at most: samples, and what it keeps of precincts and code-blocks.
    pub(super) fn memory(&self, columns: Range<usize>, rows: Range<usize>, halvings: u32) -> u64 {
        let [all_columns, all_rows] = [(0, &columns), (1, &rows)].map(|(axis, tiles)| {
            let samples = self.samples_of(axis, tiles.clone(), halvings);
            samples.end - samples.start
        });
        let components = self.components.len() as u64;
        let samples = all_columns
            .saturating_mul(all_rows)
            .saturating_mul(4 * (components + 1));
        // The largest tile: coefficients and two buffers of the transform, and what describes them.
        let side = |axis: usize, tiles: &Range<usize>| {
            let sides = tiles.clone().map(|tile| {
                let grid = self.grid(axis, tile..tile + 1);
                u64::from(grid.end - grid.start)
            });
            sides.max().unwrap_or(0)
        };
        let (width, height) = (side(0, &columns), side(1, &rows));
        let reduced = (width.div_ceil(1 << halvings) + 1) * (height.div_ceil(1 << halvings) + 1);
        let described = self
            .codings
            .iter()
            .map(|coding| coding.described(width, height))
            .max()
            .unwrap_or(0);
        samples
            .saturating_add(reduced.saturating_mul(12))
            .saturating_add(described.saturating_mul(components))
    }
}

/// The content of a segment from its length on, and what follows it.
fn segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(short(bytes, 0)?);
    let (segment, after) = bytes.split_at_checked(length)?;
    Some((segment.get(2..)?, after))
}

impl Coding {
    fn cod(content: &[u8]) -> Option<Self> {
        let style = *content.first()?;
        Self::parameters(style, content.get(5..)?, short(content, 2)?.into())
    }

    fn coc(content: &[u8], components: usize) -> Option<Self> {
        let content = content.get(if components < 257 { 1 } else { 2 }..)?;
        Self::parameters(*content.first()?, content.get(1..)?, 1)
    }

    fn parameters(style: u8, content: &[u8], layers: u64) -> Option<Self> {
        let [levels, width, height, _, _, ..] = *content else {
            return None;
        };
        let precincts = match style & 1 {
            1 => content.get(5..6 + usize::from(levels))?,
            _ => &[],
        };
        (levels <= 32 && width <= 8 && height <= 8 && layers > 0).then(|| Self {
            layers,
            levels: levels.into(),
            block: (u32::from(width) + 2, u32::from(height) + 2),
            precincts: precincts
                .iter()
                .map(|&both| (u32::from(both & 15), u32::from(both >> 4)))
                .collect(),
        })
    }

    /// Nodes that are visited for the trees of a component of a tile of `width` × `height` samples.
    fn steps(&self, width: u64, height: u64) -> u64 {
        let steps = self.resolutions(width, height).map(|resolution| {
            let [across, down] = resolution.blocks;
            let [wide, high] = resolution.precincts;
            let side = across.div_ceil(wide).max(down.div_ceil(high)) + 1;
            let square = side.next_power_of_two().saturating_pow(2);
            // Three bands, two trees each, and what is above the leaves.
            square
                .saturating_mul(wide.saturating_mul(high))
                .saturating_mul(8)
        });
        steps.fold(0, u64::saturating_add)
    }

    /// What there is at each resolution of a component of a tile.
    fn resolutions(&self, width: u64, height: u64) -> impl Iterator<Item = Resolution> {
        (0..=self.levels).map(move |level| {
            let resolution = (self.levels - level) as usize;
            let (px, py) = self.precincts.get(resolution).copied().unwrap_or((15, 15));
            let side = |length: u64| length.div_ceil(1 << level.min(40)) + 1;
            let (width, height) = (side(width), side(height));
            // A code-block is no larger than the part of a precinct that a band has.
            let lower = |block: u32, precinct: u32| match resolution {
                0 => block.min(precinct),
                _ => block.min(precinct.saturating_sub(1)),
            };
            let (bx, by) = (lower(self.block.0, px), lower(self.block.1, py));
            Resolution {
                precincts: [(width >> px) + 1, (height >> py) + 1],
                blocks: [(width >> bx) + 2, (height >> by) + 2],
            }
        })
    }

    /// Bytes that describe the precincts and code-blocks of a component of a tile, of `width` × `height` samples.
    fn described(&self, width: u64, height: u64) -> u64 {
        /// Of a precinct with two trees, and of a code-block with its nodes in both, before its layers.
        const PRECINCT: u64 = 256;
        const BLOCK: u64 = 256;
        const LAYER: u64 = 64;
        let bytes = self.resolutions(width, height).map(|resolution| {
            let [precincts, blocks] = [resolution.precincts, resolution.blocks]
                .map(|[across, down]| (across + 1).saturating_mul(down + 1));
            precincts
                .saturating_mul(3 * PRECINCT)
                .saturating_add(blocks.saturating_mul(BLOCK + LAYER * self.layers))
        });
        bytes.fold(0, u64::saturating_add)
    }
}

/// How many precincts and code-blocks lie side by side and above each other, at most.
struct Resolution {
    precincts: [u64; 2],
    blocks: [u64; 2],
}
