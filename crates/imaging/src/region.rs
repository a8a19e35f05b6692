//! Parts of a picture, by the names that the IIIF Image API 3.0 has for them (section 4.1, Region).
//!
//! Coordinates are those of the picture the right way up. What lies beyond its edges is cut off; a region without a
//! pixel in the picture is an error.

use crate::{Error, Result};
use std::{fmt, ops::Range, str::FromStr};

/// A part of a picture, of whatever size that is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Region {
    /// All of it: `full`.
    #[default]
    Full,
    /// The square in the middle, as large as the shorter side: `square`.
    Square,
    /// Left edge, upper edge, width and height in pixels: `x,y,w,h`.
    Pixels([u64; 4]),
    /// The same in hundredths of the picture's width and height: `pct:x,y,w,h`.
    Percent([f64; 4]),
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |reason| Error::InvalidRegion {
            region: text.to_owned(),
            reason,
        };
        let region = match (text, text.strip_prefix("pct:")) {
            ("full", _) => Self::Full,
            ("square", _) => Self::Square,
            (_, Some(numbers)) => Self::Percent(four(numbers).ok_or_else(|| {
                invalid("\"pct:\" is followed by four numbers, x,y,w,h, in percent")
            })?),
            _ => Self::Pixels(four(text).ok_or_else(|| {
                invalid("it is neither full, square, four whole numbers x,y,w,h nor pct:x,y,w,h")
            })?),
        };
        match region {
            Self::Pixels([.., 0, _] | [.., 0]) => Err(invalid("it is empty")),
            Self::Percent([_, _, w, h]) if w == 0.0 || h == 0.0 => Err(invalid("it is empty")),
            region => Ok(region),
        }
    }
}

/// Four numbers without sign, exponent or space between commas. What is no whole number is one for `f64` only.
fn four<T: FromStr>(text: &str) -> Option<[T; 4]> {
    let plain = |character: char| character.is_ascii_digit() || matches!(character, '.' | ',');
    if !text.chars().all(plain) {
        return None;
    }
    let numbers = text.split(',').map(|number| number.parse().ok());
    numbers.collect::<Option<Vec<T>>>()?.try_into().ok()
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Square => f.write_str("square"),
            Self::Pixels([x, y, w, h]) => write!(f, "{x},{y},{w},{h}"),
            Self::Percent([x, y, w, h]) => write!(f, "pct:{x},{y},{w},{h}"),
        }
    }
}

impl Region {
    /// The pixels that this is of a picture of `size`, width and height.
    ///
    /// Percentages become the nearest pixels, halves upwards, and at least one.
    ///
    /// # Errors
    /// [`Error::RegionOutside`] where it is none.
    pub(super) fn of(self, (width, height): (usize, usize)) -> Result<Area> {
        let [x, y, w, h] = match self {
            Self::Full => [0, 0, width as u64, height as u64],
            Self::Square => {
                let side = width.min(height);
                [(width - side) / 2, (height - side) / 2, side, side].map(|length| length as u64)
            }
            Self::Pixels(numbers) => numbers,
            Self::Percent([x, y, w, h]) => {
                // A cast takes what is too large for the largest number.
                let pixels = |share: f64, side: usize| (share * side as f64 / 100.0 + 0.5) as u64;
                let start = |share: f64, side: usize| match share < 100.0 {
                    true => pixels(share, side).min(side as u64 - 1),
                    false => side as u64,
                };
                [
                    start(x, width),
                    start(y, height),
                    pixels(w, width).max(1),
                    pixels(h, height).max(1),
                ]
            }
        };
        if x >= width as u64 || y >= height as u64 {
            return Err(Error::RegionOutside {
                region: self.to_string(),
                width,
                height,
            });
        }
        // Both ends are at most a side, which is a usize.
        let range = |start: u64, length: u64, side: usize| {
            start as usize..start.saturating_add(length).min(side as u64) as usize
        };
        Ok(Area {
            columns: range(x, w, width),
            rows: range(y, h, height),
        })
    }
}

/// A rectangle of pixels, not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Area {
    /// Width and height.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.columns.len(), self.rows.len())
    }

    /// Where this area of a picture that is the right way up, `width` × `height`, is in the picture as stored.
    pub(super) fn stored(self, (width, height): (usize, usize), turn: &Mirrors) -> Self {
        let mirrored = |range: Range<usize>, side: usize, mirror: bool| match mirror {
            true => side - range.end..side - range.start,
            false => range,
        };
        let columns = mirrored(self.columns, width, turn.columns);
        let rows = mirrored(self.rows, height, turn.rows);
        match turn.transposed {
            true => Self {
                columns: rows,
                rows: columns,
            },
            false => Self { columns, rows },
        }
    }
}

/// How a picture is turned: transposed or not, then mirrored.
pub(crate) struct Mirrors {
    pub(crate) transposed: bool,
    /// Left and right change places.
    pub(crate) columns: bool,
    /// Top and bottom change places.
    pub(crate) rows: bool,
}

impl Mirrors {
    /// By EXIF orientation, 1 to 8: 6 is transposition and a horizontal flip, 8 and a vertical one.
    pub(crate) fn of(orientation: u8) -> Self {
        Self {
            transposed: orientation >= 5,
            columns: matches!(orientation, 2 | 3 | 6 | 7),
            rows: matches!(orientation, 3 | 4 | 7 | 8),
        }
    }
}
