//! Lossless JPEG (ITU-T T.81, annex H): predictors of the neighbours and Huffman-coded differences, row by row.
//!
//! Of 2 to 16 bits and one to four components, together in one scan or each in its own; scans are read side by side, so
//! that no more than two rows are held.

use super::huffman::{Bits, Table, Tables};
use super::{contradictory, unreadable_data};
use crate::Format;
use crate::markers::Markers;
use crate::source::{Pulse, corrupt};
use crate::{Error, Result};

/// A scan of some components.
struct Scan<'a> {
    bits: Bits<'a>,
    /// Which component of the frame, and its table.
    components: Vec<(usize, Table)>,
    predictor: u8,
    shift: u32,
    interval: usize,
    left: usize,
    /// Whether a restart has come in this row: predictions are of its left neighbour then.
    fresh: bool,
}

/// A lossless JPEG being decoded.
pub(crate) struct Lossless<'a> {
    /// Samples of a row, and rows.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Samples of a pixel.
    pub(crate) components: usize,
    /// Bits of a sample.
    pub(crate) bits: u32,
    scans: Vec<Scan<'a>>,
    /// The row before.
    above: Vec<u16>,
    next: usize,
}

impl<'a> Lossless<'a> {
    /// Reads up to the first row of `bytes`, which begin with SOI; `tables` holds more tables, as TIFF's JPEGTables do.
    ///
    /// # Errors
    /// [`Error::CorruptImage`], [`Error::UnsupportedImageFormat`].
    pub(crate) fn open(bytes: &'a [u8], tables: &'a [u8], pulse: &Pulse<'_>) -> Result<Self> {
        let mut known = Tables::default();
        for (marker, segment, _) in Markers::of(tables) {
            if marker == 0xc4 {
                known.define(segment).ok_or_else(contradictory)?;
            }
        }
        let mut frame: Option<(Self, Vec<u8>)> = None;
        let mut interval = 0;
        for (marker, segment, rest) in Markers::of(bytes) {
            pulse.beat();
            match marker {
                0xc4 => known.define(segment).ok_or_else(contradictory)?,
                0xdd => {
                    let interval_of = segment
                        .first_chunk()
                        .map(|&number| u16::from_be_bytes(number));
                    interval = usize::from(interval_of.unwrap_or(0));
                }
                0xc3 if frame.is_none() => frame = Some(Self::frame(segment)?),
                0xda => {
                    let (image, ids) = frame.as_mut().ok_or_else(contradictory)?;
                    let scan = Scan::of(segment, ids, &known, image.bits, rest, interval)?;
                    image.scans.push(scan);
                    if image.scans.len() > 4 {
                        return Err(contradictory());
                    }
                }
                _ => {}
            }
        }
        let (image, _) = frame.ok_or_else(contradictory)?;
        let mut seen = vec![0; image.components];
        for (component, _) in image.scans.iter().flat_map(|scan| &scan.components) {
            if let Some(seen) = seen.get_mut(*component) {
                *seen += 1;
            }
        }
        match seen.iter().all(|&times| times == 1) {
            true => Ok(image),
            false => Err(corrupt(Format::Jpeg, "the data ends early")),
        }
    }

    fn frame(segment: &[u8]) -> Result<(Self, Vec<u8>)> {
        let [bits, h1, h0, w1, w0, count, specified @ ..] = segment else {
            return Err(contradictory());
        };
        let components = specified.as_chunks::<3>().0;
        let components = components
            .get(..usize::from(*count))
            .ok_or_else(contradictory)?;
        let (width, height) = (
            usize::from(u16::from_be_bytes([*w1, *w0])),
            usize::from(u16::from_be_bytes([*h1, *h0])),
        );
        if !matches!(components.len(), 1..=4) || !matches!(bits, 2..=16) || width * height == 0 {
            return Err(contradictory());
        }
        let first = components.first().map(|&[_, sampling, _]| sampling);
        if components
            .iter()
            .any(|&[_, sampling, _]| Some(sampling) != first)
        {
            return Err(Error::UnsupportedImageFormat {
                format: "lossless JPEG with subsampled components".to_owned(),
            });
        }
        let ids = components.iter().map(|&[id, ..]| id).collect();
        let image = Self {
            width,
            height,
            components: components.len(),
            bits: u32::from(*bits),
            scans: Vec::new(),
            above: vec![0; width * components.len()],
            next: 0,
        };
        Ok((image, ids))
    }

    /// Reads the next row into `row`, the samples of a pixel side by side, each of [`Self::bits`].
    ///
    /// # Errors
    /// [`Error::CorruptImage`].
    pub(crate) fn next_row(&mut self, row: &mut [u16]) -> Result<()> {
        let step = self.components;
        let first_row = self.next == 0;
        for scan in &mut self.scans {
            // What a point transform has shifted away is not predicted.
            let start = 1i32 << (self.bits - 1).saturating_sub(scan.shift);
            scan.fresh = first_row;
            for x in 0..self.width {
                if scan.interval > 0 {
                    if scan.left == 0 {
                        scan.bits.restart().ok_or_else(unreadable_data)?;
                        scan.left = scan.interval;
                        scan.fresh = true;
                    }
                    scan.left -= 1;
                }
                let begins =
                    x == 0 && first_row || scan.interval > 0 && scan.left + 1 == scan.interval;
                for (component, table) in &scan.components {
                    let at = x * step + component;
                    let of = |samples: &[u16], at: usize| {
                        i32::from(samples.get(at).copied().unwrap_or_default() >> scan.shift)
                    };
                    let prediction = if begins {
                        start
                    } else if scan.fresh {
                        of(row, at.wrapping_sub(step))
                    } else if x == 0 {
                        of(&self.above, at)
                    } else {
                        let (a, b, c) = (
                            of(row, at - step),
                            of(&self.above, at),
                            of(&self.above, at - step),
                        );
                        match scan.predictor {
                            1 => a,
                            2 => b,
                            3 => c,
                            4 => a + b - c,
                            5 => a + ((b - c) >> 1),
                            6 => b + ((a - c) >> 1),
                            _ => (a + b) >> 1,
                        }
                    };
                    let difference = match scan.bits.value(table).ok_or_else(unreadable_data)? {
                        size @ 0..=15 => scan.bits.signed(size.into()),
                        16 => 1 << 15,
                        _ => return Err(unreadable_data()),
                    };
                    if let Some(sample) = row.get_mut(at) {
                        *sample = ((prediction + difference) as u16) << scan.shift;
                    }
                }
            }
            if scan.bits.ended() {
                return Err(corrupt(Format::Jpeg, "the data ends early"));
            }
        }
        self.next += 1;
        let kept = row.get(..self.above.len()).unwrap_or_default();
        self.above.copy_from_slice(kept);
        Ok(())
    }
}

impl<'a> Scan<'a> {
    fn of(
        segment: &[u8],
        ids: &[u8],
        tables: &Tables,
        bits: u32,
        rest: &'a [u8],
        interval: usize,
    ) -> Result<Self> {
        let (&count, specified) = segment.split_first().ok_or_else(contradictory)?;
        let (specified, parameters) = specified
            .split_at_checked(2 * usize::from(count))
            .ok_or_else(contradictory)?;
        let components = specified.as_chunks::<2>().0.iter().map(|&[id, table]| {
            let component = ids.iter().position(|&known| known == id)?;
            let table = tables.differences.get(usize::from(table >> 4))?.clone()?;
            Some((component, table))
        });
        let components: Vec<_> = components
            .collect::<Option<_>>()
            .ok_or_else(contradictory)?;
        match *parameters {
            [predictor @ 1..=7, _, shifts, ..] if u32::from(shifts & 15) < bits => Ok(Self {
                bits: Bits::new(rest),
                components,
                predictor,
                shift: u32::from(shifts & 15),
                interval,
                left: interval,
                fresh: true,
            }),
            _ => Err(contradictory()),
        }
    }
}
