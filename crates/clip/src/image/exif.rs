//! TIFF's directory structure, as far as it concerns EXIF blocks and the pages of a TIFF file.
//!
//! Everything is read through checked slices: a damaged block has no orientation, it is not an error.

use std::collections::BTreeSet;

const ORIENTATION: u16 = 0x0112;
const XMP: u16 = 700;

/// EXIF orientation of a TIFF structure: a TIFF file or the content of an EXIF block (with or without its
/// `Exif\0\0` prefix). `None` where it is absent or not in 1..=8.
pub(super) fn orientation(block: &[u8]) -> Option<u8> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let tiff = Tiff::open(block)?;
    let (mut entries, _) = tiff.directory(tiff.first)?;
    let (_, kind, count, at) = entries.find(|entry| entry.0 == ORIENTATION)?;
    if count != 1 {
        return None;
    }
    let value = match kind {
        1 => tiff.number(at, 1)?,
        3 => tiff.number(at, 2)?,
        4 => tiff.number(at, 4)?,
        _ => return None,
    };
    u8::try_from(value)
        .ok()
        .filter(|value| (1..=8).contains(value))
}

/// Orientation from a TIFF file: its tag, else the one in its XMP packet.
pub(super) fn file_orientation(bytes: &[u8]) -> Option<u8> {
    orientation(bytes).or_else(|| {
        let tiff = Tiff::open(bytes)?;
        let (mut entries, _) = tiff.directory(tiff.first)?;
        let (_, _, count, at) = entries.find(|entry| entry.0 == XMP)?;
        let offset = usize::try_from(tiff.number(at, tiff.word)?).ok()?;
        let length = usize::try_from(count).ok()?;
        xmp_orientation(bytes.get(offset..offset.checked_add(length)?)?)
    })
}

/// Orientation in an XMP packet (`tiff:Orientation="6"` or as an element), which counts where EXIF has none.
pub(super) fn xmp_orientation(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = packet.windows(NAME.len()).position(|word| word == NAME)?;
    let digit = match packet.get(at + NAME.len()..)? {
        [b'=', b'"', digit, ..] | [b'>', digit, ..] => *digit,
        _ => return None,
    };
    (b'1'..=b'8').contains(&digit).then(|| digit - b'0')
}

/// Directories (pages) of a TIFF file; at least 1.
pub(super) fn pages(bytes: &[u8]) -> u32 {
    let Some(tiff) = Tiff::open(bytes) else {
        return 1;
    };
    let mut seen = BTreeSet::new();
    let mut next = Some(tiff.first);
    while let Some(offset) = next
        && offset != 0
        && let Some((_, following)) = tiff.directory(offset)
        && seen.insert(offset)
    {
        next = following;
    }
    u32::try_from(seen.len()).unwrap_or(u32::MAX).max(1)
}

/// Classic TIFF or BigTIFF, in either byte order.
struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
    /// Bytes of an offset: 4, or 8 in BigTIFF.
    word: usize,
    /// Bytes of a directory's entry count: 2, or 8 in BigTIFF.
    counter: usize,
    first: usize,
}

/// Tag, type, count, and where the value lies.
type Entry = (u16, u64, u64, usize);

impl<'a> Tiff<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut tiff = Self {
            bytes,
            little,
            word: 4,
            counter: 2,
            first: 0,
        };
        let mut at = 4;
        match tiff.number(2, 2)? {
            42 => {}
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

    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let append = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.little {
            bytes.iter().rev().fold(0, append)
        } else {
            bytes.iter().fold(0, append)
        })
    }

    /// The entries of the directory at `offset`, and the offset of the next directory where there is one.
    fn directory(&self, offset: usize) -> Option<(impl Iterator<Item = Entry>, Option<usize>)> {
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
        let entries = (start..end).step_by(length).filter_map(move |at| {
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
