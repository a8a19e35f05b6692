//! Netpbm's formats, row by row: PBM, PGM and PPM, plain or raw, PAM and PFM. Of several pictures the first one counts.
//!
//! Samples go from 0 to the largest value that the header names, and are scaled to that, rounded; the floating-point ones of
//! PFM as those of TIFF are.

use super::Format;
use super::decoder::{Decoder, Header, Opening, Reader, only_page};
use super::raster::{level, paint, span, zeroed};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use crate::preprocess::Alpha;
use crate::{Error, Result};

/// The decoder of Netpbm's formats.
pub(super) struct Netpbm;

impl Decoder for Netpbm {
    fn format(&self) -> Format {
        Format::Netpbm
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        // Two letters begin many a text; a number or a comment follows these.
        match *bytes {
            [b'P', b'1'..=b'6' | b'F' | b'f', space, next, ..] => {
                space.is_ascii_whitespace()
                    && (next.is_ascii_digit() || next == b'#' || next.is_ascii_whitespace())
            }
            _ => bytes.starts_with(b"P7\n"),
        }
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "clip_pg", env!("CARGO_PKG_VERSION"))]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, _pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        let map = Map::parse(bytes).ok_or_else(unreadable)?;
        Ok(Header {
            refused: (!matches!(map.channels, 1..=4))
                .then(|| format!("PAM of {} channels", map.channels)),
            ..Header::new((map.width, map.height))
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let map = Map::parse(file.bytes).ok_or_else(unreadable)?;
        Ok(Box::new(Samples::open(
            map,
            file.request.alpha,
            file.pulse,
        )?))
    }
}

fn unreadable() -> Error {
    corrupt(Format::Netpbm, "the header cannot be read")
}

fn early() -> Error {
    corrupt(Format::Netpbm, "the data ends early")
}

/// How samples are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// As digits between spaces, or of a single bit also without any.
    Digits,
    /// Eight pixels a byte, rows filled up.
    Bits,
    /// A byte or two each, the high one first.
    Bytes,
    /// Four bytes each, floating-point numbers, the lowest row first.
    Floats { little: bool },
}

/// What precedes the pixels, and these.
struct Map<'a> {
    width: u32,
    height: u32,
    channels: usize,
    most: u16,
    coding: Coding,
    /// Whether 1 is black.
    ink: bool,
    data: &'a [u8],
}

impl<'a> Map<'a> {
    /// None where the header contradicts itself or ends early.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[_, kind], mut rest) = bytes.split_first_chunk::<2>()?;
        match kind {
            b'7' => return Self::arbitrary(rest),
            b'F' | b'f' => return Self::floating(rest, kind == b'F'),
            _ => {}
        }
        let mut next = || number(&mut rest);
        let (width, height) = (next()?, next()?);
        let ink = matches!(kind, b'1' | b'4');
        let most = if ink { 1 } else { next()? };
        let coding = match kind {
            b'1'..=b'3' => Coding::Digits,
            b'4' => Coding::Bits,
            _ => Coding::Bytes,
        };
        Some(Self {
            width,
            height,
            channels: if matches!(kind, b'3' | b'6') { 3 } else { 1 },
            most: u16::try_from(most).ok().filter(|&most| most > 0)?,
            coding,
            ink,
            // One space ends the header.
            data: rest.get(1..)?,
        })
    }

    /// PFM: after the size a number whose sign tells the order of bytes. Nobody keeps to its value.
    fn floating(mut rest: &'a [u8], colours: bool) -> Option<Self> {
        let (width, height) = (number(&mut rest)?, number(&mut rest)?);
        let rest = rest.trim_ascii_start();
        let (scale, rest) = rest.split_at(rest.iter().position(u8::is_ascii_whitespace)?);
        let scale: f64 = str::from_utf8(scale).ok()?.parse().ok()?;
        Some(Self {
            width,
            height,
            channels: if colours { 3 } else { 1 },
            most: 0,
            coding: Coding::Floats {
                little: scale < 0.0,
            },
            ink: false,
            data: rest.get(1..)?,
        })
    }

    /// PAM: lines of a word and its value.
    fn arbitrary(mut rest: &'a [u8]) -> Option<Self> {
        const LINES: usize = 1 << 10;
        let [mut width, mut height, mut depth, mut most] = [None; 4];
        for _ in 0..LINES {
            let end = rest.iter().position(|&byte| byte == b'\n')?;
            let (line, tail) = rest.split_at(end);
            rest = tail.get(1..)?;
            let line = line.trim_ascii();
            let (word, value) = line.split_at(
                line.iter()
                    .position(u8::is_ascii_whitespace)
                    .unwrap_or(line.len()),
            );
            let mut value = value;
            match word {
                b"WIDTH" => width = number(&mut value),
                b"HEIGHT" => height = number(&mut value),
                b"DEPTH" => depth = number(&mut value),
                b"MAXVAL" => most = number(&mut value),
                b"ENDHDR" => {
                    return Some(Self {
                        width: width?,
                        height: height?,
                        channels: depth? as usize,
                        most: u16::try_from(most?).ok().filter(|&most| most > 0)?,
                        coding: Coding::Bytes,
                        ink: false,
                        data: rest,
                    });
                }
                _ => {}
            }
        }
        None
    }
}

/// What follows spaces and comments.
fn behind_spaces(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = rest.trim_ascii_start();
        if !rest.starts_with(b"#") {
            return rest;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
    }
}

/// The next number, taken from the front.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let start = behind_spaces(rest);
    let digits = start.iter().take_while(|byte| byte.is_ascii_digit());
    let (digits, tail) = start.split_at(digits.count());
    *rest = tail;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// Samples being read, row by row.
struct Samples<'a> {
    map: Map<'a>,
    alpha: Alpha,
    /// Black and white of floating-point samples.
    span: (f64, f64),
    /// A row, to 8 bits.
    line: Vec<u8>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Samples<'a> {
    fn open(map: Map<'a>, alpha: Alpha, pulse: &'a Pulse<'a>) -> Result<Self> {
        let count = map.width as usize * map.channels;
        let rows = map.height as usize;
        let whole = match map.coding {
            // At least one character each.
            Coding::Digits => count.checked_mul(rows),
            Coding::Bits => count.div_ceil(8).checked_mul(rows),
            Coding::Bytes => (count * if map.most > 255 { 2 } else { 1 }).checked_mul(rows),
            Coding::Floats { .. } => (4 * count).checked_mul(rows),
        };
        let Some(data) = whole.and_then(|whole| map.data.get(..whole)) else {
            return Err(early());
        };
        let mut map = map;
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        if let Coding::Floats { little } = map.coding {
            map.data = data;
            for row in data.chunks(4 * count) {
                pulse.beat();
                for value in floats(row, little).filter(|value| value.is_finite()) {
                    (least, most) = (least.min(value), most.max(value));
                }
            }
        }
        pulse.claim(count as u64)?;
        Ok(Self {
            span: span(least, most, true),
            line: zeroed(count, pulse)?,
            map,
            alpha,
            pulse,
        })
    }

    /// The next samples, each scaled.
    fn read(&mut self) -> Result<()> {
        let Self {
            map, line, span, ..
        } = self;
        let most = u32::from(map.most);
        let scaled = |sample: u32| ((sample.min(most) * 255 + most / 2) / most) as u8;
        match map.coding {
            Coding::Digits => {
                for target in line {
                    let sample = match map.ink {
                        true => {
                            let start = behind_spaces(map.data);
                            let (digit, tail) = start.split_first().ok_or_else(early)?;
                            map.data = tail;
                            match digit {
                                b'0' => 1,
                                b'1' => 0,
                                _ => return Err(unreadable_sample()),
                            }
                        }
                        false => match number(&mut map.data) {
                            Some(sample) => sample,
                            None if behind_spaces(map.data).is_empty() => return Err(early()),
                            None => return Err(unreadable_sample()),
                        },
                    };
                    *target = scaled(sample);
                }
            }
            Coding::Bits => {
                let (row, rest) = map
                    .data
                    .split_at_checked(line.len().div_ceil(8))
                    .ok_or_else(early)?;
                map.data = rest;
                for (x, target) in line.iter_mut().enumerate() {
                    let byte = row.get(x / 8).copied().unwrap_or_default();
                    *target = if byte >> (7 - x % 8) & 1 == 1 { 0 } else { 255 };
                }
            }
            Coding::Floats { little } => {
                let rest = map.data.len().checked_sub(4 * line.len());
                let (rest, row) = map.data.split_at(rest.ok_or_else(early)?);
                map.data = rest;
                for (target, value) in line.iter_mut().zip(floats(row, little)) {
                    *target = level(value, *span);
                }
            }
            Coding::Bytes => {
                let length = if most > 255 { 2 } else { 1 };
                let (row, rest) = map
                    .data
                    .split_at_checked(line.len() * length)
                    .ok_or_else(early)?;
                map.data = rest;
                for (target, sample) in line.iter_mut().zip(row.chunks_exact(length)) {
                    *target = scaled(
                        sample
                            .iter()
                            .fold(0, |sample, &byte| sample << 8 | u32::from(byte)),
                    );
                }
            }
        }
        Ok(())
    }
}

/// Floating-point numbers of four bytes.
fn floats(bytes: &[u8], little: bool) -> impl Iterator<Item = f64> {
    let words = bytes.as_chunks::<4>().0.iter();
    words.map(move |&word| match little {
        true => f32::from_le_bytes(word).into(),
        false => f32::from_be_bytes(word).into(),
    })
}

fn unreadable_sample() -> Error {
    corrupt(Format::Netpbm, "a sample is no number")
}

impl Rows for Samples<'_> {
    fn size(&self) -> (usize, usize) {
        (self.map.width as usize, self.map.height as usize)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        self.pulse.beat();
        self.read()?;
        paint(row, &self.line, self.map.channels, self.alpha);
        Ok(())
    }
}
