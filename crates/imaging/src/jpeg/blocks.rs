//! Blocks of coefficients as JPEG scans hold them (ITU-T T.81, annexes F.2 and G.2): sequential and progressive, with Huffman
//! codes.
//!
//! A frame is read as a whole, coefficients of two bytes, which then become samples where they are.

use super::dct;
use super::huffman::{Bits, Table, Tables};
use super::{contradictory, unreadable_data};
use crate::markers::Markers;
use crate::raster::zeroed;
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};

/// Where the coefficients of a scan lie in a block, by their order.
#[rustfmt::skip]
const ORDER: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

fn place(k: usize) -> usize {
    ORDER.get(k).copied().unwrap_or_default().into()
}

/// The samples of a component.
pub(super) struct Plane {
    pub(super) id: u8,
    /// Sampling factors.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Samples of a row, and rows, that the picture has.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks of a row that are held: all those of the minimum coded units.
    columns: usize,
    /// Number of its quantization table, and that table as it was at the first scan.
    table: usize,
    quantization: Option<[u16; 64]>,
    blocks: Vec<i16>,
}

impl Plane {
    /// The sample at `(x, y)`.
    pub(super) fn sample(&self, x: usize, y: usize) -> u16 {
        let block = (y / 8) * self.columns + x / 8;
        let at = 64 * block + 8 * (y % 8) + x % 8;
        self.blocks.get(at).copied().unwrap_or_default() as u16
    }

    fn block(&mut self, column: usize, row: usize) -> Option<&mut [i16; 64]> {
        let block = row * self.columns + column;
        self.blocks.as_chunks_mut::<64>().0.get_mut(block)
    }

    /// Turns coefficients into samples.
    fn transform(&mut self, pulse: &Pulse<'_>) -> Result<()> {
        let quantization = self.quantization.ok_or_else(early)?;
        for row in self.blocks.chunks_mut(64 * self.columns) {
            pulse.beat();
            for block in row.as_chunks_mut::<64>().0 {
                dct::inverse(block, &quantization);
            }
        }
        Ok(())
    }
}

/// A frame, decoded.
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) planes: Vec<Plane>,
    /// The largest sampling factors.
    pub(super) across: usize,
    pub(super) down: usize,
    progressive: bool,
}

impl Frame {
    /// Decodes `bytes`, which begin with SOI; `tables` holds more tables, as TIFF's JPEGTables do.
    ///
    /// # Errors
    /// [`Error::CorruptImage`], [`Error::UnsupportedImageFormat`], [`Error::TooMuchMemory`].
    pub(super) fn decode(bytes: &[u8], tables: &[u8], pulse: &Pulse<'_>) -> Result<Self> {
        let mut codes = Tables::default();
        let mut steps = [None; 4];
        let mut frame: Option<Self> = None;
        let (mut interval, mut ended) = (0, false);
        // The end of the tables is none of the stream.
        let before = Markers::of(tables).take_while(|&(marker, ..)| marker != 0xd9);
        for (marker, segment, rest) in before.chain(Markers::of(bytes)) {
            pulse.beat();
            match marker {
                0xc4 => codes.define(segment).ok_or_else(contradictory)?,
                0xdb => quantization(&mut steps, segment).ok_or_else(contradictory)?,
                0xdd => {
                    let number = segment.first_chunk().ok_or_else(contradictory)?;
                    interval = u16::from_be_bytes(*number).into();
                }
                0xc0..=0xc2 if frame.is_none() => {
                    frame = Some(Self::of(segment, marker == 0xc2, pulse)?);
                }
                0xda => {
                    let frame = frame.as_mut().ok_or_else(contradictory)?;
                    let parts = frame.parts(segment, &codes, &steps);
                    let (parts, band) = parts.ok_or_else(contradictory)?;
                    let scan = Scan {
                        bits: Bits::new(rest),
                        parts,
                        band,
                        interval,
                        skipped: 0,
                    };
                    frame.read(scan, pulse)?;
                }
                0xd9 => ended = true,
                _ => {}
            }
        }
        let mut frame = frame.ok_or_else(contradictory)?;
        // Only the end mark tells that no scan is missing that would make the picture sharper.
        if frame.progressive && !ended {
            return Err(early());
        }
        for plane in &mut frame.planes {
            plane.transform(pulse)?;
        }
        Ok(frame)
    }

    fn of(segment: &[u8], progressive: bool, pulse: &Pulse<'_>) -> Result<Self> {
        let [12, h1, h0, w1, w0, count, specified @ ..] = segment else {
            return Err(contradictory());
        };
        let specified = specified.as_chunks::<3>().0.get(..usize::from(*count));
        let specified = specified.ok_or_else(contradictory)?;
        let width = usize::from(u16::from_be_bytes([*w1, *w0]));
        let height = usize::from(u16::from_be_bytes([*h1, *h0]));
        let factors = |by: u8| (usize::from(by >> 4), usize::from(by & 15));
        let most = |side: fn((usize, usize)) -> usize| {
            let sides = specified.iter().map(|&[_, by, _]| side(factors(by)));
            sides.max().unwrap_or(0)
        };
        let (across, down) = (most(|(across, _)| across), most(|(_, down)| down));
        let sound = |&[_, by, _]: &[u8; 3]| {
            let (x, y) = factors(by);
            matches!(x, 1..=4) && matches!(y, 1..=4)
        };
        if width * height == 0 || specified.is_empty() || !specified.iter().all(sound) {
            return Err(contradictory());
        }
        let even = |&[_, by, _]: &[u8; 3]| {
            let (x, y) = factors(by);
            across % x == 0 && down % y == 0
        };
        if !specified.iter().all(even) {
            return Err(Error::UnsupportedImageFormat {
                format: "JPEG whose components have samples in broken proportions".to_owned(),
            });
        }
        let planes = specified.iter().map(|&[id, by, table]| {
            let (x, y) = factors(by);
            let columns = width.div_ceil(8 * across) * x;
            let rows = height.div_ceil(8 * down) * y;
            pulse.claim(128 * (columns * rows) as u64)?;
            Ok(Plane {
                id,
                across: x,
                down: y,
                width: (width * x).div_ceil(across),
                height: (height * y).div_ceil(down),
                columns,
                table: table.into(),
                quantization: None,
                blocks: zeroed(64 * columns * rows, pulse)?,
            })
        });
        Ok(Self {
            planes: planes.collect::<Result<_>>()?,
            width,
            height,
            across,
            down,
            progressive,
        })
    }

    /// What a scan holds: of which components, and which coefficients.
    fn parts<'t>(
        &mut self,
        segment: &[u8],
        codes: &'t Tables,
        steps: &[Option<[u16; 64]>; 4],
    ) -> Option<(Vec<Part<'t>>, Band)> {
        let (&count, specified) = segment.split_first()?;
        let (specified, rest) = specified.split_at_checked(2 * usize::from(count))?;
        let &[first, last, bits, ..] = rest else {
            return None;
        };
        let band = match self.progressive {
            true => Band {
                first: first.into(),
                last: last.into(),
                before: (bits >> 4).into(),
                low: (bits & 15).into(),
            },
            false => Band::ALL,
        };
        let sound = if band.first == 0 {
            band.last == 0 || !self.progressive
        } else {
            count == 1 && (band.first..64).contains(&band.last)
        };
        if !sound || band.low > 13 || band.before != 0 && band.before != band.low + 1 {
            return None;
        }
        let mut parts = Vec::new();
        for &[id, tables] in specified.as_chunks::<2>().0 {
            let plane = self.planes.iter().position(|plane| plane.id == id)?;
            if parts.iter().any(|part: &Part<'_>| part.plane == plane) {
                return None;
            }
            let target = self.planes.get_mut(plane)?;
            if target.quantization.is_none() {
                target.quantization = Some((*steps.get(target.table)?)?);
            }
            let table =
                |tables: &'t [Option<Table>; 4], n: u8| tables.get(usize::from(n))?.as_ref();
            parts.push(Part {
                plane,
                differences: table(&codes.differences, tables >> 4),
                others: table(&codes.others, tables & 15),
                last: 0,
            });
        }
        (!parts.is_empty()).then_some((parts, band))
    }

    fn read(&mut self, mut scan: Scan<'_, '_>, pulse: &Pulse<'_>) -> Result<()> {
        // A component alone has only the blocks that the picture needs; together they come in whole units.
        let alone = match &scan.parts[..] {
            [part] => self.planes.get(part.plane),
            _ => None,
        };
        let (columns, rows) = match alone {
            Some(plane) => (plane.width.div_ceil(8), plane.height.div_ceil(8)),
            None => (
                self.width.div_ceil(8 * self.across),
                self.height.div_ceil(8 * self.down),
            ),
        };
        let alone = alone.is_some();
        let mut left = scan.interval;
        for row in 0..rows {
            pulse.beat();
            for column in 0..columns {
                if scan.interval > 0 {
                    if left == 0 {
                        scan.restart()?;
                        left = scan.interval;
                    }
                    left -= 1;
                }
                for n in 0..scan.parts.len() {
                    let plane = scan.parts.get(n).map(|part| part.plane);
                    let plane = plane.and_then(|plane| self.planes.get_mut(plane));
                    let plane = plane.ok_or_else(contradictory)?;
                    let (across, down) = match alone {
                        true => (1, 1),
                        false => (plane.across, plane.down),
                    };
                    for at in 0..across * down {
                        let (x, y) = (column * across + at % across, row * down + at / across);
                        let block = plane.block(x, y).ok_or_else(contradictory)?;
                        scan.block(n, block, self.progressive)
                            .ok_or_else(unreadable_data)?;
                    }
                }
            }
            if scan.bits.ended() {
                return Err(early());
            }
        }
        Ok(())
    }
}

fn early() -> Error {
    corrupt(Format::Jpeg, "the data ends early")
}

/// Reads the tables of a DQT segment; None where it contradicts itself.
fn quantization(steps: &mut [Option<[u16; 64]>; 4], mut segment: &[u8]) -> Option<()> {
    while let Some((&place_of, rest)) = segment.split_first() {
        let wide = usize::from(place_of >> 4 != 0);
        let (values, rest) = rest.split_at_checked(64 << wide)?;
        let mut table = [0; 64];
        for (k, value) in values.chunks_exact(1 << wide).enumerate() {
            let value = value
                .iter()
                .fold(0, |number, &byte| number << 8 | u16::from(byte));
            *table.get_mut(place(k))? = value;
        }
        *steps.get_mut(usize::from(place_of & 15))? = Some(table);
        segment = rest;
    }
    Some(())
}

/// Which coefficients a scan holds, and which of their bits: all but the lowest `low`, or that one alone where those
/// `before` it are known.
#[derive(Clone, Copy)]
struct Band {
    first: usize,
    last: usize,
    before: u32,
    low: u32,
}

impl Band {
    const ALL: Self = Self {
        first: 0,
        last: 63,
        before: 0,
        low: 0,
    };
}

/// A component in a scan.
struct Part<'t> {
    plane: usize,
    differences: Option<&'t Table>,
    others: Option<&'t Table>,
    /// The mean of the block before, of which each holds the difference.
    last: i32,
}

/// A scan being read.
struct Scan<'a, 't> {
    bits: Bits<'a>,
    parts: Vec<Part<'t>>,
    band: Band,
    interval: usize,
    /// Blocks to come that have nothing more in this scan.
    skipped: i32,
}

impl Scan<'_, '_> {
    fn restart(&mut self) -> Result<()> {
        self.bits.restart().ok_or_else(unreadable_data)?;
        self.skipped = 0;
        self.parts.iter_mut().for_each(|part| part.last = 0);
        Ok(())
    }

    /// Reads what the scan holds of a block of its `n`th component; None for a code that is none.
    fn block(&mut self, n: usize, block: &mut [i16; 64], progressive: bool) -> Option<()> {
        let Band {
            first, before, low, ..
        } = self.band;
        if !progressive {
            block.fill(0);
        }
        if first == 0 {
            if before == 0 {
                let part = self.parts.get_mut(n)?;
                let size = self.bits.value(part.differences?)?;
                if size > 15 {
                    return None;
                }
                let difference = self.bits.signed(size.into());
                part.last = part.last.wrapping_add(difference);
                block[0] = (part.last << low) as i16;
            } else if self.bits.unsigned(1) == 1 {
                block[0] |= 1 << low;
            }
        }
        match (self.band.last, before) {
            (0, _) => Some(()),
            (_, 0) => self.others(n, block),
            _ => self.refine(n, block),
        }
    }

    /// Reads coefficients for the first time.
    fn others(&mut self, n: usize, block: &mut [i16; 64]) -> Option<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Some(());
        }
        let table = self.parts.get(n)?.others?;
        let mut k = self.band.first.max(1);
        while k <= self.band.last {
            let code = self.bits.value(table)?;
            let (run, size) = (code >> 4, u32::from(code & 15));
            k += match (size, run) {
                (0, 15) => 16,
                (0, run) => {
                    self.skip(run);
                    self.skipped -= 1;
                    return Some(());
                }
                _ => {
                    k += usize::from(run);
                    if k > self.band.last {
                        return None;
                    }
                    block[place(k)] = (self.bits.signed(size) << self.band.low) as i16;
                    1
                }
            };
        }
        Some(())
    }

    /// Notes that this block and others have nothing more: 2 to the power of `run`, and as many as its bits say.
    fn skip(&mut self, run: u8) {
        self.skipped = (1 << run) + self.bits.unsigned(run.into());
    }

    /// Reads one more bit of coefficients (G.1.2.3).
    fn refine(&mut self, n: usize, block: &mut [i16; 64]) -> Option<()> {
        let table = self.parts.get(n)?.others?;
        let (bit, last) = (1i16 << self.band.low, self.band.last);
        let mut k = self.band.first;
        while self.skipped == 0 && k <= last {
            let code = self.bits.value(table)?;
            let (mut run, size) = (code >> 4, code & 15);
            let fresh = match (size, run) {
                (0, 15) => 0,
                (0, run) => {
                    self.skip(run);
                    break;
                }
                (1, _) if self.bits.unsigned(1) == 1 => bit,
                (1, _) => -bit,
                _ => return None,
            };
            // Over `run` coefficients that are still nothing, to the next such one.
            while k <= last {
                let value = block.get_mut(place(k))?;
                k += 1;
                if *value != 0 {
                    correct(&mut self.bits, value, bit);
                } else if run == 0 {
                    *value = fresh;
                    break;
                } else {
                    run -= 1;
                }
            }
        }
        if self.skipped > 0 {
            for k in k..=last {
                let value = block.get_mut(place(k))?;
                if *value != 0 {
                    correct(&mut self.bits, value, bit);
                }
            }
            self.skipped -= 1;
        }
        Some(())
    }
}

/// Reads another bit of a coefficient that is not 0.
fn correct(bits: &mut Bits<'_>, value: &mut i16, bit: i16) {
    if bits.unsigned(1) == 1 && *value & bit == 0 {
        *value = value.wrapping_add(if *value > 0 { bit } else { -bit });
    }
}
