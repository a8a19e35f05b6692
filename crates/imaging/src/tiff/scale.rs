//! From samples of any depth to 8 bits: what is black and what is white.
//!
//! Whole numbers without sign, up to 16 bits, fill their bits; of 16 bits the high byte is kept, as Pillow has it for
//! colours. Words of 16 bits that hold fewer are scaled by `MaxSampleValue`, else by the fewest of 8, 10, 12 and 14 bits that
//! hold all; colours only by 12, as dark pictures in colour are no rarity. Numbers with sign, longer ones and floating-point numbers are scaled by `SMinSampleValue` and
//! `SMaxSampleValue`, else by what there is in the picture: 0 to 1 and 0 to 255 are taken as such, everything else from the
//! smallest to the largest.

use super::layout::{Color, Kind, Layout};
use super::samples::{self, Packing};
use super::strips::Strips;
use crate::Result;
use crate::raster::{level, span};

/// How one sample of a pixel becomes a channel.
#[derive(Clone)]
pub(super) enum Table {
    /// Of up to 16 bits: the channel for each value.
    Values(Box<[u8]>),
    /// The index of a colour.
    Colors(Box<[[u8; 3]]>),
    /// Between black and white; what the file leaves out is black.
    Range {
        bits: u8,
        kind: Kind,
        black: f64,
        white: f64,
        absent: Option<f64>,
    },
    /// The bits as they are, the highest eight of them.
    Bits(u8),
}

impl Table {
    /// The channel for a sample.
    pub(super) fn channel(&self, raw: u64) -> u8 {
        match self {
            Self::Values(values) => values.get(raw as usize).copied().unwrap_or(u8::MAX),
            Self::Colors(_) => 0,
            Self::Bits(bits @ 0..8) => (raw << (8 - bits)) as u8,
            Self::Bits(bits) => (raw >> (bits - 8)) as u8,
            Self::Range {
                bits,
                kind,
                black,
                white,
                absent,
            } => {
                let value = samples::value(raw, *bits, *kind);
                if Some(value) == *absent {
                    return 0;
                }
                level(value, (*black, *white))
            }
        }
    }

    /// Whether every value is its own channel.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Values(values) => values.len() == 256 && values.iter().copied().eq(0..=255),
            Self::Bits(8) => true,
            _ => false,
        }
    }

    fn negated(mut self) -> Self {
        match &mut self {
            Self::Values(values) => values.iter_mut().for_each(|value| *value = 255 - *value),
            Self::Range { black, white, .. } => std::mem::swap(black, white),
            Self::Colors(_) | Self::Bits(_) => {}
        }
        self
    }
}

/// Numbers of `bits` bits and `kind`, and of which picture.
pub(super) struct Depth<'p> {
    pub(super) layout: &'p Layout<'p>,
    pub(super) color: Color,
    pub(super) kind: Kind,
    /// The sample that is opacity.
    pub(super) opacity: Option<usize>,
}

/// What there is in a picture, of its colours or of its opacity.
#[derive(Clone, Copy)]
struct Found {
    least: f64,
    most: f64,
    most_unsigned: u64,
    /// How much neighbours differ, read with and without sign.
    signed: f64,
    unsigned: f64,
}

impl Found {
    const NOTHING: Self = Self {
        least: f64::INFINITY,
        most: f64::NEG_INFINITY,
        most_unsigned: 0,
        signed: 0.0,
        unsigned: 0.0,
    };
}

/// Full scale of what uses so few bits of a word of 16; above it all are used.
const FEW: [u64; 4] = [(1 << 8) - 1, (1 << 10) - 1, (1 << 12) - 1, (1 << 14) - 1];

impl Depth<'_> {
    /// Whether only the picture itself tells how dark and light it is.
    pub(super) fn depends(&self) -> bool {
        let bits = self.bits();
        !self.is_lab()
            && self.color != Color::Palette
            && (self.kind != Kind::Unsigned || bits >= 16)
    }

    fn is_lab(&self) -> bool {
        matches!(self.color, Color::CieLab | Color::IccLab | Color::ItuLab)
    }

    fn bits(&self) -> u8 {
        self.layout.bits.iter().copied().max().unwrap_or_default()
    }

    /// The table of each sample of a pixel; `None` for those that are not shown.
    ///
    /// Goes through the picture, `strips`, where its depth does not tell; as soon as words are seen to be full it stops.
    pub(super) fn tables(&self, strips: Option<Strips<'_>>) -> Result<Vec<Option<Table>>> {
        let [colors, opacity] = match strips {
            Some(strips) => self.scan(strips)?,
            None => [Found::NOTHING; 2],
        };
        let count = self.layout.colors(self.color);
        let mut tables: Vec<Option<Table>> = Vec::new();
        for (sample, &bits) in self.layout.bits.iter().enumerate() {
            let is_opacity = self.opacity == Some(sample);
            tables.push(if is_opacity {
                Some(self.table(bits, &opacity, true))
            } else if sample >= count {
                None
            } else if self.is_lab() && self.kind == Kind::Float {
                // Light from 0 to 100; colours around 0, of which codes are those of ICC's.
                let (black, white) = if sample == 0 {
                    (0.0, 100.0)
                } else {
                    (-128.0, 127.0)
                };
                let (kind, absent) = (self.kind, self.absent());
                Some(Table::Range {
                    bits,
                    kind,
                    black,
                    white,
                    absent,
                })
            } else if let Some(Some(same)) = tables.last()
                && self.layout.bits.get(sample - 1) == Some(&bits)
            {
                Some(same.clone())
            } else {
                Some(self.table(bits, &colors, false))
            });
        }
        Ok(tables)
    }

    fn table(&self, bits: u8, found: &Found, opacity: bool) -> Table {
        let table = match (self.color, self.kind) {
            (Color::Palette, _) if !opacity => return self.palette(bits),
            _ if self.is_lab() && !opacity => return Table::Bits(bits),
            (_, Kind::Unsigned) if bits <= 16 => whole(bits, self.full(bits, found)),
            (_, Kind::Signed) if bits <= 16 && found.unsigned < found.signed => {
                // Called signed by mistake: as such it is torn.
                whole(bits, self.full(bits, found))
            }
            (_, kind) => {
                let (black, white) = self.range(bits, found, opacity);
                Table::Range {
                    bits,
                    kind,
                    black,
                    white,
                    absent: self.absent(),
                }
            }
        };
        match self.color {
            Color::WhiteIsZero if !opacity => table.negated(),
            _ => table,
        }
    }

    /// The value that is white.
    fn full(&self, bits: u8, found: &Found) -> u64 {
        let all = (1u64 << bits) - 1;
        if bits < 16 {
            return all;
        }
        let most = found.most_unsigned;
        let told = self.layout.directory.all(281, 4).into_iter().max();
        if let Some(told) = told.filter(|&told| told >= most && (1..all).contains(&told)) {
            return told;
        }
        let few = FEW.into_iter().find(|&few| most <= few && most > 0);
        let grey = self.layout.colors(self.color) == 1;
        few.filter(|&few| grey || few == FEW[2]).unwrap_or(all)
    }

    fn range(&self, bits: u8, found: &Found, opacity: bool) -> (f64, f64) {
        let Found { least, most, .. } = *found;
        if opacity {
            let full = [1.0, 255.0, 65_535.0]
                .into_iter()
                .find(|&full| most <= full);
            return (0.0, full.unwrap_or(most));
        }
        let told = |tag| self.layout.directory.reals(tag, 4);
        let told = (
            told(340).into_iter().fold(f64::INFINITY, f64::min),
            told(341).into_iter().fold(f64::NEG_INFINITY, f64::max),
        );
        let float = self.kind == Kind::Float;
        if told.0 < told.1 && told.0.is_finite() && told.1.is_finite() {
            told
        } else if bits == 8 && least < 0.0 {
            (-128.0, 127.0)
        } else {
            span(least, most, float)
        }
    }

    /// The value that stands for what is not there (GDAL's tag).
    fn absent(&self) -> Option<f64> {
        self.layout.directory.text(42_113)?.parse().ok()
    }

    /// Colours have 16 bits; in files of old 8, as libtiff tells.
    fn palette(&self, bits: u8) -> Table {
        let directory = &self.layout.directory;
        let count = directory.entry(320).map_or(0, |entry| entry.count / 3);
        let entry = directory.entry(320);
        let level = |n| {
            entry
                .and_then(|entry| directory.at(entry, n))
                .unwrap_or_default()
        };
        let colors: Vec<[u64; 3]> = (0..count.min(1 << bits))
            .map(|n| [0, 1, 2].map(|plane| level(plane * count + n)))
            .collect();
        let shift = match colors.as_flattened().iter().any(|&level| level > 255) {
            true => 8,
            false => 0,
        };
        let colors = colors
            .iter()
            .map(|color| color.map(|level| (level >> shift) as u8));
        Table::Colors(colors.collect())
    }

    /// Goes through the picture: what there is of colours, and of opacity.
    fn scan(&self, mut strips: Strips<'_>) -> Result<[Found; 2]> {
        let packing = Packing::of(self.layout);
        let count = self.layout.colors(self.color);
        let bits = self.bits();
        let (absent, height) = (self.absent(), self.layout.height);
        let words = self.kind == Kind::Unsigned && bits <= 16;
        let told = self.layout.directory.all(281, 4).into_iter().max();
        let enough = match told {
            Some(told) if told < 0xffff => told.max(FEW[3]),
            _ => FEW[3],
        };
        let mut found = [Found::NOTHING; 2];
        let mut last = (0.0, 0.0);
        let mut row = 0;
        while row < height {
            row += strips.together();
            strips.next_row(|part| {
                let width = part.width.min(self.layout.width.saturating_sub(part.x));
                packing.each(part.bytes, width, |x, sample, raw| {
                    let sample = sample + part.plane;
                    let opacity = self.opacity == Some(sample);
                    if !opacity && sample >= count {
                        return;
                    }
                    let bits = self.layout.bits.get(sample).copied().unwrap_or_default();
                    let value = samples::value(raw, bits, self.kind);
                    let found = &mut found[usize::from(opacity)];
                    found.most_unsigned = found.most_unsigned.max(raw);
                    if !value.is_finite() || Some(value) == absent {
                        return;
                    }
                    found.least = found.least.min(value);
                    found.most = found.most.max(value);
                    if self.kind == Kind::Signed && sample == 0 {
                        if x > 0 {
                            found.signed += (value - last.0).abs();
                            found.unsigned += (raw as f64 - last.1).abs();
                        }
                        last = (value, raw as f64);
                    }
                });
            })?;
            if words && found[0].most_unsigned > enough {
                break;
            }
        }
        Ok(found)
    }
}

/// The table of whole numbers from 0 to `full`.
fn whole(bits: u8, full: u64) -> Table {
    let channel = |value: u64| match full {
        0xffff => value >> 8,
        full if bits < 16 && full > 255 => value >> (bits - 8),
        full => (value.min(full) * 255 + full / 2) / full,
    };
    Table::Values((0..1 << bits).map(|value| channel(value) as u8).collect())
}
