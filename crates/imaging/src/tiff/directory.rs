//! Directories of TIFF and BigTIFF: entries by tag, values of any type, the chain of pages and what hangs below it.
//!
//! Everything is read through checked slices: what lies outside the file is not there.

use crate::exif::Tiff;
use std::collections::HashSet;
use std::ops::Range;

/// Most directories that are looked at to find a picture.
const MOST: usize = 1 << 12;

const SUB_DIRECTORIES: u16 = 330;

impl<'a> Tiff<'a> {
    /// The directory at `offset`.
    pub(crate) fn directory(self, offset: usize) -> Option<Directory<'a>> {
        let (entries, next) = self.entries(offset)?;
        let entries = entries.filter_map(|(tag, kind, count, at)| {
            Some(Entry {
                tag,
                kind: kind as u16,
                count: usize::try_from(count).ok()?,
                at,
            })
        });
        Some(Directory {
            file: self,
            entries: entries.collect(),
            next: next.filter(|&next| next != 0),
        })
    }

    /// The directories of the chain of pages, each once.
    pub(crate) fn chain(self) -> impl Iterator<Item = Directory<'a>> {
        let mut seen = HashSet::new();
        let mut next = Some(self.first);
        std::iter::from_fn(move || {
            let offset = next.take().filter(|&offset| seen.insert(offset))?;
            let directory = self.directory(offset)?;
            next = directory.next;
            Some(directory)
        })
        .take(MOST)
    }
}

/// Tag, type, number of values, and where they lie, or where the offset to them lies.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    tag: u16,
    kind: u16,
    pub(crate) count: usize,
    at: usize,
}

/// Bytes of a value of a type; `None` for a type that does not exist.
fn size(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}

/// One directory: what is known of a picture.
#[derive(Clone)]
pub(crate) struct Directory<'a> {
    pub(crate) file: Tiff<'a>,
    entries: Vec<Entry>,
    pub(crate) next: Option<usize>,
}

impl<'a> Directory<'a> {
    /// The entry with this tag.
    pub(crate) fn entry(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }

    /// Where the values of an entry are.
    fn start(&self, entry: Entry) -> Option<usize> {
        match entry.count.checked_mul(size(entry.kind)?)? <= self.file.word {
            true => Some(entry.at),
            false => usize::try_from(self.file.number(entry.at, self.file.word)?).ok(),
        }
    }

    /// Whether the values of `tag` are in the file, or there are none.
    pub(crate) fn is_whole(&self, tag: u16) -> bool {
        self.entry(tag).is_none_or(|entry| {
            let end = self
                .start(entry)
                .zip(size(entry.kind))
                .and_then(|(start, size)| start.checked_add(entry.count.checked_mul(size)?));
            end.is_some_and(|end| end <= self.file.bytes.len())
        })
    }

    /// The `n`-th value of an entry of whole numbers without sign, from 0.
    pub(crate) fn at(&self, entry: Entry, n: usize) -> Option<u64> {
        let length = match entry.kind {
            1 | 3 | 4 | 7 | 13 | 16 | 18 if n < entry.count => size(entry.kind)?,
            _ => return None,
        };
        let at = self.start(entry)?.checked_add(n.checked_mul(length)?)?;
        self.file.number(at, length)
    }

    /// The first value of `tag`, a whole number.
    pub(crate) fn first(&self, tag: u16) -> Option<u64> {
        self.at(self.entry(tag)?, 0)
    }

    /// The first `most` values of `tag`, whole numbers.
    pub(crate) fn all(&self, tag: u16, most: usize) -> Vec<u64> {
        let Some(entry) = self.entry(tag) else {
            return Vec::new();
        };
        (0..most).map_while(|n| self.at(entry, n)).collect()
    }

    /// The first `most` values of `tag`, numbers of any type.
    pub(crate) fn reals(&self, tag: u16, most: usize) -> Vec<f64> {
        self.entry(tag)
            .map(|entry| {
                let values = (0..most.min(entry.count)).map_while(|n| self.real(entry, n));
                values.collect()
            })
            .unwrap_or_default()
    }

    fn real(&self, entry: Entry, n: usize) -> Option<f64> {
        let length = size(entry.kind)?;
        let at = self.start(entry)?.checked_add(n.checked_mul(length)?)?;
        let whole = |at| self.file.number(at, 4).map(|value| value as u32);
        let signed = |at| whole(at).map(|value| f64::from(value as i32));
        let number = self.file.number(at, length)?;
        Some(match entry.kind {
            5 => f64::from(whole(at)?) / f64::from(whole(at + 4)?),
            10 => signed(at)? / signed(at + 4)?,
            6 => f64::from(number as i8),
            8 => f64::from(number as i16),
            9 => f64::from(number as i32),
            11 => f64::from(f32::from_bits(number as u32)),
            12 => f64::from_bits(number),
            17 => number as i64 as f64,
            _ => number as f64,
        })
    }

    /// Where the values of `tag`, bytes, are to be; the file may end before.
    pub(crate) fn place(&self, tag: u16) -> Option<Range<usize>> {
        let entry = self.entry(tag)?;
        if size(entry.kind)? != 1 {
            return None;
        }
        let start = self.start(entry)?;
        Some(start..start.checked_add(entry.count)?)
    }

    /// The values of `tag`, bytes.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.file.bytes.get(self.place(tag)?)
    }

    /// The values of `tag`, text up to its first NUL.
    pub(crate) fn text(&self, tag: u16) -> Option<String> {
        let bytes = self.bytes(tag)?.split(|&byte| byte == 0).next()?;
        let text = String::from_utf8_lossy(bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The directories that hang below this one: smaller versions of a picture, or the picture itself.
    pub(crate) fn below(&self) -> Vec<Directory<'a>> {
        let Some(entry) = self.entry(SUB_DIRECTORIES) else {
            return Vec::new();
        };
        let offsets = (0..entry.count.min(64)).filter_map(|n| self.at(entry, n));
        offsets
            .filter_map(|offset| self.file.directory(usize::try_from(offset).ok()?))
            .collect()
    }

    /// EXIF orientation, 1 to 8. A BYTE does not count: the standard has SHORT, and files with a BYTE are upright as stored.
    pub(crate) fn orientation(&self) -> Option<u8> {
        let entry = self.entry(274)?;
        let value = match (entry.kind, entry.count) {
            (3 | 4, 1) => self.at(entry, 0)?,
            _ => return None,
        };
        u8::try_from(value)
            .ok()
            .filter(|value| (1..=8).contains(value))
    }
}
