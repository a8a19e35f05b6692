//! EXIF fields: the entries of the directories of a TIFF structure by name and value.
//!
//! Each entry is read by itself, so that one that points outside costs no other. Names are those of the standard's
//! dictionary (crate `kamadak-exif`, whose own reader copies the file, gives up where a page too many follows and knows
//! no BigTIFF).

use super::super::exif::{Entry, Tiff};
use ::exif::{Context, Rational, SRational, Tag, Value};

/// Entries of a directory, and directories of a chain, that are looked at.
const MOST_ENTRIES: usize = 1 << 10;
const MOST_DIRECTORIES: usize = 64;
/// Bytes of a value that is kept; longer ones are thumbnails, profiles and notes of the maker.
const LONGEST: usize = 1 << 14;

/// What an EXIF block, or the directories of a TIFF file, say. Where a tag comes twice the first one counts.
#[derive(Default)]
pub(crate) struct Fields(Vec<(Tag, Value)>);

impl Fields {
    /// Reads a TIFF structure, perhaps after `Exif\0\0`.
    pub(crate) fn read(block: &[u8]) -> Self {
        let mut fields = Self::default();
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        if let Some(tiff) = Tiff::open(block) {
            let mut next = Some(tiff.first);
            for page in 0..MOST_DIRECTORIES {
                // The first page is the picture; the others may say more of how it was taken.
                next = match next {
                    Some(at) if at > 0 => {
                        fields.page(&tiff, at, (page == 0).then_some(Context::Tiff))
                    }
                    _ => break,
                };
            }
        }
        fields
    }

    /// Reads TIFF structures of which each has one directory, of this kind, and what that points to.
    pub(crate) fn of_parts(parts: &[(Context, &[u8])]) -> Self {
        let mut fields = Self::default();
        for (context, part) in parts {
            if let Some(tiff) = Tiff::open(part) {
                fields.page(&tiff, tiff.first, Some(*context));
            }
        }
        fields
    }

    /// Reads a directory, whose own fields count where it has a kind, and those that it points to.
    fn page(&mut self, tiff: &Tiff<'_>, at: usize, own: Option<Context>) -> Option<usize> {
        let (entries, next) = tiff.entries(at)?;
        for entry in entries.take(MOST_ENTRIES) {
            let pointed = match entry.0 {
                0x8769 => Context::Exif,
                0x8825 => Context::Gps,
                tag => {
                    if let Some(context) = own
                        && let Some(value) = value(tiff, entry)
                    {
                        self.push(Tag(context, tag), value);
                    }
                    continue;
                }
            };
            let at = tiff
                .number(entry.3, tiff.word)
                .and_then(|at| usize::try_from(at).ok());
            let Some((entries, _)) = at.and_then(|at| tiff.entries(at)) else {
                continue;
            };
            for entry in entries.take(MOST_ENTRIES) {
                if let Some(value) = value(tiff, entry) {
                    self.push(Tag(pointed, entry.0), value);
                }
            }
        }
        next
    }

    fn push(&mut self, tag: Tag, value: Value) {
        // Only what the dictionary has is shown.
        if tag.description().is_some() && self.get(tag).is_none() {
            self.0.push((tag, value));
        }
    }

    /// All fields, in the file's order.
    pub(crate) fn all(&self) -> &[(Tag, Value)] {
        &self.0
    }

    /// The value of a tag.
    pub(crate) fn get(&self, tag: Tag) -> Option<&Value> {
        self.0
            .iter()
            .find(|(found, _)| *found == tag)
            .map(|(_, value)| value)
    }

    /// The text of a tag, without spaces around it.
    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        match self.get(tag)? {
            Value::Ascii(lines) => lines
                .first()
                .map(|line| text(line))
                .filter(|text| !text.is_empty()),
            _ => None,
        }
    }
}

/// EXIF's texts are ASCII by the standard, UTF-8 or Latin-1 by custom.
pub(crate) fn text(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    };
    // To a database a zero is no character.
    text.replace('\0', "").trim().to_owned()
}

/// The value of an entry; `None` where it lies outside, is too long, or of a type that is not read.
fn value(tiff: &Tiff<'_>, entry: Entry) -> Option<Value> {
    let (_, kind, count, at) = entry;
    let length = match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 => 4,
        5 | 10 | 12 => 8,
        _ => return None,
    };
    let count = usize::try_from(count).ok()?;
    let bytes = count
        .checked_mul(length)
        .filter(|&bytes| bytes <= LONGEST)?;
    let start = match bytes <= tiff.word {
        true => at,
        false => usize::try_from(tiff.number(at, tiff.word)?).ok()?,
    };
    let numbers =
        |length: usize| (0..bytes / length).map(move |n| tiff.number(start + n * length, length));
    fn all<T>(numbers: impl Iterator<Item = Option<u64>>, of: impl Fn(u64) -> T) -> Option<Vec<T>> {
        numbers.map(|number| number.map(&of)).collect()
    }
    let pairs = || {
        let words = all(numbers(4), |number| number as u32)?;
        Some(words.as_chunks::<2>().0.to_vec())
    };
    Some(match kind {
        1 => Value::Byte(all(numbers(1), |number| number as u8)?),
        2 => {
            let bytes = all(numbers(1), |number| number as u8)?;
            let lines = bytes
                .split(|&byte| byte == 0)
                .filter(|line| !line.is_empty());
            Value::Ascii(lines.map(<[u8]>::to_vec).collect())
        }
        3 => Value::Short(all(numbers(2), |number| number as u16)?),
        4 => Value::Long(all(numbers(4), |number| number as u32)?),
        5 => Value::Rational(
            pairs()?
                .iter()
                .map(|&[num, denom]| Rational { num, denom })
                .collect(),
        ),
        6 => Value::SByte(all(numbers(1), |number| number as i8)?),
        7 => Value::Undefined(all(numbers(1), |number| number as u8)?, 0),
        8 => Value::SShort(all(numbers(2), |number| number as i16)?),
        9 => Value::SLong(all(numbers(4), |number| number as i32)?),
        10 => {
            let pair = |&[num, denom]: &[u32; 2]| SRational {
                num: num as i32,
                denom: denom as i32,
            };
            Value::SRational(pairs()?.iter().map(pair).collect())
        }
        11 => Value::Float(all(numbers(4), |number| f32::from_bits(number as u32))?),
        _ => Value::Double(all(numbers(8), f64::from_bits)?),
    })
}
