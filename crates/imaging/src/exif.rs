//! TIFF's directory structure: of EXIF blocks, and of TIFF files.
//!
//! Everything is read through checked slices: a damaged block has no orientation, it is not an error.

use super::source::Pulse;

const ORIENTATION: u16 = 0x0112;

/// EXIF orientation of a TIFF structure: a TIFF file or the content of an EXIF block (with or without its
/// `Exif\0\0` prefix). `None` where it is absent or not in 1..=8.
pub(super) fn orientation(block: &[u8]) -> Option<u8> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let tiff = Tiff::open(block)?;
    let (mut entries, _) = tiff.entries(tiff.first)?;
    let (_, kind, count, at) = entries.find(|entry| entry.0 == ORIENTATION)?;
    if count != 1 {
        return None;
    }
    let value = match kind {
        3 => tiff.number(at, 2)?,
        4 => tiff.number(at, 4)?,
        // Writers that use another type mean nothing by it: scanners store a BYTE of 6 beside upright pictures.
        _ => return None,
    };
    u8::try_from(value)
        .ok()
        .filter(|value| (1..=8).contains(value))
}

/// Blocks in the first directory of a TIFF file: the content of `tag`.
pub(super) fn block(bytes: &[u8], tag: u16) -> Option<&[u8]> {
    let tiff = Tiff::open(bytes)?;
    let (mut entries, _) = tiff.entries(tiff.first)?;
    let (_, kind, count, at) = entries.find(|entry| entry.0 == tag)?;
    let size = match kind {
        1 | 2 | 6 | 7 => 1,
        4 => 4,
        _ => return None,
    };
    let length = usize::try_from(count).ok()?.checked_mul(size)?;
    let offset = match length <= tiff.word {
        true => at,
        false => usize::try_from(tiff.number(at, tiff.word)?).ok()?,
    };
    bytes.get(offset..offset.checked_add(length)?)
}

/// Directories (pages) of a TIFF file; at least 1.
///
/// A chain may lead back into itself. Telling this takes no memory per directory: one that is behind the others by up to as many
/// as there were, and moves on to the foremost whenever their distance has doubled, is met again (R. P. Brent, An improved
/// Monte Carlo factorization algorithm, 1980).
pub(super) fn pages(bytes: &[u8], pulse: &Pulse<'_>) -> u32 {
    const BEAT: u32 = 1 << 12;
    let Some(tiff) = Tiff::open(bytes) else {
        return 1;
    };
    let next = |offset: usize| match tiff.entries(offset) {
        Some((_, Some(next))) if next != 0 => tiff.entries(next).is_some().then_some(next),
        _ => None,
    };
    let (mut behind, mut ahead) = (tiff.first, tiff.first);
    let (mut pages, mut distance, mut power) = (1u32, 0u32, 1u32);
    while let Some(following) = next(ahead) {
        if pages.is_multiple_of(BEAT) {
            pulse.beat();
        }
        ahead = following;
        distance += 1;
        if ahead == behind {
            return round(tiff.first, distance, next, pulse);
        }
        if distance == power {
            (behind, power, distance) = (ahead, power.saturating_mul(2), 0);
        }
        pages = pages.saturating_add(1);
    }
    pages
}

/// Directories of a chain from `first` on that ends in a circle of `length`: those before it, and the circle.
fn round(
    first: usize,
    length: u32,
    next: impl Fn(usize) -> Option<usize>,
    pulse: &Pulse<'_>,
) -> u32 {
    let step = |offset: usize, n: u32| {
        if n.is_multiple_of(1 << 12) {
            pulse.beat();
        }
        next(offset).unwrap_or(offset)
    };
    let (mut behind, mut ahead) = (first, (0..length).fold(first, step));
    let mut before = 0u32;
    while behind != ahead {
        (behind, ahead) = (step(behind, before), step(ahead, before));
        before += 1;
    }
    before.saturating_add(length)
}

/// Classic TIFF or BigTIFF, in either byte order.
#[derive(Clone, Copy)]
pub(super) struct Tiff<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the lowest byte of a number comes first.
    pub(super) little: bool,
    /// Bytes of an offset: 4, or 8 in BigTIFF.
    pub(super) word: usize,
    /// Bytes of a directory's entry count: 2, or 8 in BigTIFF.
    counter: usize,
    /// Where the first directory is.
    pub(super) first: usize,
}

/// Tag, type, count, and where the value lies.
pub(super) type Entry = (u16, u64, u64, usize);

impl<'a> Tiff<'a> {
    /// Reads the header; `None` where there is none.
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut tiff = Self::bare(bytes, little, 0);
        let mut at = 4;
        match tiff.number(2, 2)? {
            42 => {}
            // Panasonic's and Olympus' raw files.
            0x55 | 0x4f52 | 0x5352 => {}
            43 => {
                tiff.word = 8;
                tiff.counter = 8;
                at = 8;
            }
            _ => return None,
        }
        tiff.first = usize::try_from(tiff.number(at, tiff.word)?).ok()?;
        Some(tiff)
    }

    /// A structure without a header, whose first directory is at `first`.
    pub(super) fn bare(bytes: &'a [u8], little: bool, first: usize) -> Self {
        Self {
            bytes,
            little,
            word: 4,
            counter: 2,
            first,
        }
    }

    /// The whole number of `length` bytes at `at`.
    pub(super) fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let append = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.little {
            bytes.iter().rev().fold(0, append)
        } else {
            bytes.iter().fold(0, append)
        })
    }

    /// The entries of the directory at `offset`, and the offset of the next directory where there is one.
    pub(super) fn entries(
        &self,
        offset: usize,
    ) -> Option<(impl Iterator<Item = Entry>, Option<usize>)> {
        let count = usize::try_from(self.number(offset, self.counter)?).ok()?;
        let start = offset.checked_add(self.counter)?;
        let length = 4 + 2 * self.word;
        let end = start.checked_add(count.checked_mul(length)?)?;
        if end > self.bytes.len() {
            return None;
        }
        let next = self
            .number(end, self.word)
            .and_then(|next| usize::try_from(next).ok());
        // As many as the classic form can count.
        let entries = (start..end).step_by(length).take(1 << 16);
        let entries = entries.filter_map(move |at| {
            Some((
                u16::try_from(self.number(at, 2)?).ok()?,
                self.number(at + 2, 2)?,
                self.number(at + 4, self.word)?,
                at + 4 + self.word,
            ))
        });
        Some((entries, next))
    }
}
