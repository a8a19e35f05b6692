//! The boxes of a JP2 or JPX file (ISO/IEC 15444-1, annex I): where the codestream is, and what its components mean.

/// What the components of a picture are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// Grey or RGB of whatever primaries, by the number of components.
    Plain,
    /// Luma and two differences of colour, with an offset of half the range.
    YCbCr,
    /// Ink, black last.
    Cmyk,
    /// The same with the first three as luma and differences.
    Ycck,
    /// CIE L*a*b*.
    Lab,
}

/// A palette: colours by index, each a value a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Palette {
    /// Bits of a column.
    pub(super) bits: Vec<u8>,
    pub(super) entries: Vec<Vec<u32>>,
}

/// Where a channel comes from: a component, and the column of the palette that it is an index into.
pub(super) type Source = (usize, Option<usize>);

/// What a channel is, as the channel definition box has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) channel: usize,
    /// 0 for colour, 1 for opacity, 2 for opacity that colours were multiplied by.
    pub(super) kind: u16,
    /// The colour that the channel is, from 1, or 0 for all of them.
    pub(super) colour: u16,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Boxes<'a> {
    pub(super) codestream: Option<&'a [u8]>,
    /// None for a space that is not said, or not known.
    pub(super) space: Option<Space>,
    /// The ICC profile, where that says what colours are.
    pub(super) profile: Option<&'a [u8]>,
    /// The number of its colours.
    pub(super) profile_colours: Option<usize>,
    pub(super) palette: Option<Palette>,
    pub(super) sources: Vec<Source>,
    pub(super) definitions: Vec<Definition>,
    coloured: bool,
    /// Boxes that were read.
    count: usize,
}

/// Boxes that are read: many more than files have, and few enough to be gone through at one go.
const MOST: usize = 1 << 16;

impl<'a> Boxes<'a> {
    /// Reads a file, or a codestream without one.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let mut boxes = Self::default();
        match bytes {
            [0xff, 0x4f, ..] => boxes.codestream = Some(bytes),
            _ => boxes.read(bytes, 0),
        }
        boxes
    }

    fn read(&mut self, mut bytes: &'a [u8], depth: u32) {
        while self.count < MOST
            && let Some((kind, content, rest)) = next(bytes)
        {
            self.count += 1;
            match kind {
                b"jp2c" if self.codestream.is_none() => self.codestream = Some(content),
                // Headers of the file, of a codestream, of a layer and its colours.
                b"jp2h" | b"jpch" | b"jplh" | b"cgrp" if depth < 3 => self.read(content, depth + 1),
                b"colr" if !self.coloured => self.colour(content),
                b"pclr" if self.palette.is_none() => self.palette = palette(content),
                b"cmap" if self.sources.is_empty() => self.sources = sources(content),
                b"cdef" if self.definitions.is_empty() => self.definitions = definitions(content),
                _ => {}
            }
            bytes = rest;
        }
    }

    fn colour(&mut self, content: &'a [u8]) {
        let (space, profile_colours) = match content {
            [1, _, _, number @ ..] => {
                let space = match number
                    .first_chunk()
                    .map(|number| u32::from_be_bytes(*number))
                {
                    Some(1 | 3 | 4 | 18 | 24) => Some(Space::YCbCr),
                    Some(12) => Some(Space::Cmyk),
                    Some(13) => Some(Space::Ycck),
                    Some(14) => Some(Space::Lab),
                    Some(16 | 17 | 20 | 21) => Some(Space::Plain),
                    _ => None,
                };
                (space, None)
            }
            [2 | 3, _, _, profile @ ..] => match profile.get(16..20) {
                Some(b"GRAY") => (Some(Space::Plain), Some(1)),
                Some(b"RGB ") => (Some(Space::Plain), Some(3)),
                Some(b"CMYK") => (Some(Space::Cmyk), Some(4)),
                Some(b"Lab ") => (Some(Space::Lab), Some(3)),
                Some(b"YCbr") => (Some(Space::YCbCr), Some(3)),
                _ => (None, None),
            },
            _ => return,
        };
        self.profile = match content {
            [2 | 3, _, _, profile @ ..] => Some(profile),
            _ => None,
        };
        self.coloured = space.is_some();
        (self.space, self.profile_colours) = (space, profile_colours);
    }
}

/// A box: its kind, its content, which may be cut off, and what follows.
fn next(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = match u32::from_be_bytes(*length) {
        // To the end of the file.
        0 => (rest.len(), rest),
        1 => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            let length = u64::from_be_bytes(*length).checked_sub(16)?;
            (usize::try_from(length).unwrap_or(usize::MAX), rest)
        }
        length => ((length as usize).checked_sub(8)?, rest),
    };
    let (content, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    Some((kind, content, after))
}

fn palette(content: &[u8]) -> Option<Palette> {
    let (count, rest) = content.split_first_chunk::<2>()?;
    let (&columns, rest) = rest.split_first()?;
    let (depths, mut rest) = rest.split_at_checked(columns.into())?;
    let bits: Vec<_> = depths.iter().map(|depth| (depth & 0x7f) + 1).collect();
    let mut entries = Vec::new();
    for _ in 0..u16::from_be_bytes(*count).min(1024) {
        let mut entry = Vec::new();
        for &bits in &bits {
            let (value, after) = rest.split_at_checked(usize::from(bits.div_ceil(8)))?;
            entry.push(
                value
                    .iter()
                    .fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
            );
            rest = after;
        }
        entries.push(entry);
    }
    (!entries.is_empty() && !bits.is_empty() && bits.iter().all(|&bits| bits <= 16))
        .then_some(Palette { bits, entries })
}

fn sources(content: &[u8]) -> Vec<Source> {
    let maps = content.as_chunks::<4>().0.iter();
    maps.map(|&[c1, c0, mapped, column]| {
        let column = (mapped == 1).then_some(usize::from(column));
        (usize::from(u16::from_be_bytes([c1, c0])), column)
    })
    .collect()
}

fn definitions(content: &[u8]) -> Vec<Definition> {
    let content = content.get(2..).unwrap_or_default();
    let shorts = content.as_chunks::<6>().0.iter();
    shorts
        .map(|&[c1, c0, k1, k0, a1, a0]| Definition {
            channel: u16::from_be_bytes([c1, c0]).into(),
            kind: u16::from_be_bytes([k1, k0]),
            colour: u16::from_be_bytes([a1, a0]),
        })
        .collect()
}
