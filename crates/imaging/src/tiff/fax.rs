//! CCITT compressions: modified Huffman (RLE), group 3 in one and two dimensions, group 4 (ITU-T T.4 and T.6; TIFF 6.0,
//! sections 10 and 11), with the code tables of crate `fax`.
//!
//! As in libtiff, rows that a strip does not have are white where the strip is there in full, and a bad code costs group 3
//! the rest of its row only.

use super::chunk::Packed;
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};
use fax::BitReader;
use fax::maps::{Mode, black, mode, white};
use std::convert::Infallible;

/// How rows are coded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Runs; each row begins with a whole byte, or two.
    Huffman { align: usize },
    /// Runs after a mark, or, where `two` is set and a bit says so, changes against the row above.
    Group3 { two: bool },
    /// Changes against the row above.
    Group4,
}

/// Codes that are read before `progress` is called.
const BEAT: usize = 1 << 14;

/// The bits of a strip; behind its end there are zeros.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    reversed: bool,
}

impl Bits<'_> {
    fn byte(&self, n: usize) -> u32 {
        let byte = self.bytes.get(n).copied().unwrap_or_default();
        u32::from(if self.reversed {
            byte.reverse_bits()
        } else {
            byte
        })
    }

    fn ended(&self) -> bool {
        self.at / 8 >= self.bytes.len()
    }

    /// Passes over an end-of-line mark, eleven or more zeros and a one, where there is one.
    fn mark(&mut self, pulse: &Pulse<'_>) -> bool {
        let start = self.at;
        while self.peek(1) == Some(0) && !self.ended() {
            self.at += 1;
            if self.at.is_multiple_of(BEAT) {
                pulse.beat();
            }
        }
        let found = self.at - start >= 11 && !self.ended();
        self.at = if found { self.at + 1 } else { start };
        found
    }

    /// Goes to behind the next mark; whether there is one.
    fn seek(&mut self, pulse: &Pulse<'_>) -> bool {
        while !self.ended() {
            if self.peek(11) == Some(0) {
                return self.mark(pulse);
            }
            self.at += 1;
            if self.at.is_multiple_of(BEAT) {
                pulse.beat();
            }
        }
        false
    }
}

impl BitReader for Bits<'_> {
    type Error = Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        let first = self.at / 8;
        let word = self.byte(first) << 16 | self.byte(first + 1) << 8 | self.byte(first + 2);
        let shift = 24 - (self.at % 8) as u32 - u32::from(bits);
        Some((word >> shift & ((1 << bits) - 1)) as u16)
    }

    fn consume(&mut self, bits: u8) -> std::result::Result<(), Infallible> {
        self.at += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        ((8 - self.at % 8) % 8) as u8
    }
}

/// Why a row ends before its last column.
enum Stop {
    /// The data does.
    End,
    /// A mark says so.
    Marked,
    Bad,
    /// A part of the row is not compressed.
    Extension,
}

/// A strip being decoded. Rows come packed, black as 1.
pub(super) struct Fax<'a> {
    bits: Bits<'a>,
    coding: Coding,
    width: usize,
    /// Columns at which the colour changes, the first one to black, in the row above and in this one.
    above: Vec<usize>,
    row: Vec<usize>,
    rows: usize,
    ended: bool,
    /// Whether the file ends within the strip.
    cut: bool,
    pulse: &'a Pulse<'a>,
}

impl<'a> Fax<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        reversed: bool,
        coding: Coding,
        width: usize,
        cut: bool,
        pulse: &'a Pulse<'a>,
    ) -> Self {
        Self {
            bits: Bits {
                bytes,
                at: 0,
                reversed,
            },
            coding,
            width,
            above: Vec::new(),
            row: Vec::new(),
            rows: 0,
            ended: false,
            cut,
            pulse,
        }
    }

    /// Decodes the next row into `row`.
    fn advance(&mut self) -> std::result::Result<(), Stop> {
        self.row.clear();
        match self.coding {
            Coding::Huffman { align } => {
                self.bits.at = self.bits.at.next_multiple_of(align);
                self.runs()
            }
            Coding::Group3 { two } => {
                let marked = match two {
                    true => self.bits.seek(self.pulse),
                    false => self.bits.mark(self.pulse),
                };
                if two && !marked {
                    return Err(Stop::End);
                }
                let mut flat = !two;
                if two {
                    flat = self.bits.peek(1) == Some(1);
                    self.bits.at += 1;
                }
                // Two marks end the picture.
                if marked && self.bits.peek(11) == Some(0) && !self.bits.ended() {
                    return Err(Stop::Marked);
                }
                if flat { self.runs() } else { self.changes() }
            }
            Coding::Group4 => self.changes(),
        }
    }

    fn run(&mut self, is_black: bool) -> std::result::Result<usize, Stop> {
        let mut length = 0;
        loop {
            let part = match is_black {
                true => black::decode(&mut self.bits),
                false => white::decode(&mut self.bits),
            };
            let part = usize::from(part.ok_or_else(|| self.fault())?);
            length += part;
            if part < 64 || length > self.width {
                return Ok(length);
            }
        }
    }

    fn fault(&self) -> Stop {
        let rest = self.bits.bytes.len().saturating_sub(self.bits.at / 8);
        // Zeros up to the end are padding.
        match rest < 4 && self.bits.peek(16) == Some(0) {
            true => Stop::End,
            false => Stop::Bad,
        }
    }

    /// Notes a change of colour, and lets the caller be asked now and then.
    fn push(&mut self, at: usize) -> std::result::Result<(), Stop> {
        self.row.push(at.min(self.width));
        if self.row.len().is_multiple_of(BEAT) {
            self.pulse.beat();
        }
        // Runs without a pixel could go on for ever.
        match self.row.len() > 2 * self.width + 4 {
            true => Err(Stop::Bad),
            false => Ok(()),
        }
    }

    /// A row in one dimension.
    fn runs(&mut self) -> std::result::Result<(), Stop> {
        let (mut at, mut is_black) = (0, false);
        while at < self.width {
            at += self.run(is_black)?;
            self.push(at)?;
            is_black = !is_black;
        }
        Ok(())
    }

    /// A row in two dimensions.
    fn changes(&mut self) -> std::result::Result<(), Stop> {
        // Before the first column at the start, so that a change there is to the right of it.
        let mut at: Option<usize> = None;
        let (mut is_black, mut next, mut codes) = (false, 0usize, 0usize);
        while at.is_none_or(|at| at < self.width) {
            codes += 1;
            if codes.is_multiple_of(BEAT) {
                self.pulse.beat();
            }
            // The first change above to the right that goes to the other colour.
            let right = |change: usize| at.is_none_or(|at| change > at);
            while next > 0
                && self
                    .above
                    .get(next - 1)
                    .is_some_and(|&change| right(change))
            {
                next -= 1;
            }
            while self.above.get(next).is_some_and(|&change| !right(change)) {
                next += 1;
            }
            next += usize::from((next % 2 == 1) != is_black);
            let change = |n: usize| self.above.get(n).copied().unwrap_or(self.width);
            match mode::decode(&mut self.bits).ok_or_else(|| self.fault())? {
                Mode::Pass => at = Some(change(next + 1)),
                Mode::Vertical(delta) => {
                    let to = change(next)
                        .checked_add_signed(isize::from(delta))
                        .filter(|&to| to >= at.unwrap_or(0))
                        .ok_or(Stop::Bad)?;
                    self.push(to)?;
                    is_black = !is_black;
                    at = Some(to);
                }
                Mode::Horizontal => {
                    let first = at.unwrap_or(0) + self.run(is_black)?;
                    self.push(first)?;
                    let second = first + self.run(!is_black)?;
                    self.push(second)?;
                    at = Some(second);
                }
                Mode::Extension => return Err(Stop::Extension),
                Mode::EOF => return Err(Stop::Marked),
            }
        }
        Ok(())
    }
}

impl Packed for Fax<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        out.fill(0);
        if self.ended {
            return Ok(());
        }
        match self.advance() {
            Ok(()) => {}
            Err(Stop::Bad) if matches!(self.coding, Coding::Group3 { .. }) => {
                // The next row begins behind the next mark, of which only the end is passed over here.
                while !self.bits.ended() && self.bits.peek(11) != Some(0) {
                    self.bits.at += 1;
                    if self.bits.at.is_multiple_of(BEAT) {
                        self.pulse.beat();
                    }
                }
            }
            Err(Stop::Bad) => return Err(corrupt(Format::Tiff, "an invalid CCITT code")),
            Err(Stop::Extension) => {
                return Err(Error::UnsupportedImageFormat {
                    format: "TIFF with CCITT compression that is left off in places".to_owned(),
                });
            }
            Err(Stop::End) if self.cut => {
                return Err(corrupt(Format::Tiff, "the data ends early"));
            }
            Err(Stop::End | Stop::Marked) if self.rows == 0 && self.row.is_empty() => {
                return Err(corrupt(Format::Tiff, "the data ends early"));
            }
            Err(Stop::End | Stop::Marked) => self.ended = true,
        }
        self.rows += 1;
        for pair in self.row.chunks(2) {
            if let [start, ..] = *pair {
                set(out, start, pair.get(1).copied().unwrap_or(self.width));
            }
        }
        std::mem::swap(&mut self.above, &mut self.row);
        Ok(())
    }
}

/// Sets the bits from `start` to before `end`.
fn set(out: &mut [u8], start: usize, end: usize) {
    let Some(last) = end.checked_sub(1).filter(|&last| start <= last) else {
        return;
    };
    for (n, byte) in out
        .iter_mut()
        .enumerate()
        .take(last / 8 + 1)
        .skip(start / 8)
    {
        let head = if n == start / 8 { start % 8 } else { 0 };
        let tail = if n == last / 8 { 7 - last % 8 } else { 0 };
        *byte |= 0xff >> head & 0xff << tail;
    }
}
