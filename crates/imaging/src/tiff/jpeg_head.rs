//! What the JPEG streams in a TIFF say before their first scan; which of them there is no decoder for, and which is the whole
//! picture.

use super::directory::Directory;
use crate::jpeg::DEEP_BITS;

/// What a stream says before its first scan.
#[derive(Default)]
pub(super) struct Head<'a> {
    /// Marker of the frame header; 0 where there is none.
    pub(super) marker: u8,
    pub(super) precision: u8,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Identifier, and sampling factors in a byte, of each component.
    pub(super) components: Vec<(u8, u8)>,
    /// Whether a JFIF or Adobe marker tells the colours.
    pub(super) marked: bool,
    /// Components of the first scan; none where there is no scan.
    pub(super) scan: Option<u8>,
    /// Tables: all segments but those of the frame and the scan, which come next.
    pub(super) tables: Vec<&'a [u8]>,
    pub(super) frame: &'a [u8],
    pub(super) scans: &'a [u8],
    /// Bytes from the start of image up to and with the scan's header.
    pub(super) length: usize,
}

impl<'a> Head<'a> {
    /// Walks the segments up to the first scan or the end of `bytes`.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut head = Self::default();
        let mut at = if bytes.starts_with(&[0xff, 0xd8]) {
            2
        } else {
            0
        };
        loop {
            let Some(&[0xff, marker]) = bytes.get(at..at + 2) else {
                return head;
            };
            if matches!(marker, 0xff | 0x01 | 0xd0..=0xd8) {
                at += if marker == 0xff { 1 } else { 2 };
                continue;
            }
            let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
                return head;
            };
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            let Some(segment) = bytes.get(at..end) else {
                return head;
            };
            let content = segment.get(4..).unwrap_or_default();
            match (marker, content) {
                (0xc4 | 0xcc, _) => head.tables.push(segment),
                (0xc0..=0xcf, &[precision, h1, h0, w1, w0, _, ref rest @ ..]) if marker != 0xc8 => {
                    head.marker = marker;
                    head.frame = segment;
                    head.precision = precision;
                    head.width = u16::from_be_bytes([w1, w0]).into();
                    head.height = u16::from_be_bytes([h1, h0]).into();
                    let components = rest.as_chunks::<3>().0;
                    head.components = components.iter().map(|&[id, by, _]| (id, by)).collect();
                }
                (0xda, &[components, ..]) => {
                    head.scan = Some(components);
                    head.scans = segment;
                    head.length = end;
                    return head;
                }
                (0xd9, _) => return head,
                (0xe0, content) if content.starts_with(b"JFIF\0") => head.marked = true,
                (0xee, content) if content.starts_with(b"Adobe") => head.marked = true,
                _ => {}
            }
            if matches!(marker, 0xdb | 0xdd) {
                head.tables.push(segment);
            }
            at = end;
        }
    }

    /// Whether the first scan holds less than the whole picture: libjpeg then reads all scans at once.
    pub(super) fn multi_scan(&self) -> bool {
        self.marker == 0xc2
            || self
                .scan
                .is_some_and(|scan| usize::from(scan) < self.components.len())
    }

    /// Names the process where there is no decoder for it.
    pub(super) fn refused(&self) -> Option<String> {
        match (self.marker, self.precision, self.components.len()) {
            (LOSSLESS, 2..=16, 1..=4) => None,
            (0xc3 | 0xc7 | 0xcb | 0xcf, ..) => Some("lossless JPEG compression".to_owned()),
            (0xc5 | 0xc6 | 0xcd | 0xce, ..) => Some("hierarchical JPEG compression".to_owned()),
            (0xc0..=0xc2, DEEP, 1 | 3 | 4) => None,
            // Two are grey and opacity.
            (_, 8, 1..=4) => None,
            (_, 8, count) => Some(format!("JPEG compression of {count} components")),
            (_, bits, _) => Some(format!("JPEG compression of {bits} bits")),
        }
    }
}

/// Names what there is no decoder for of a strip or tile of compression 7 whose samples have `bits` bits.
pub(super) fn refused(bytes: &[u8], bits: u8) -> Option<String> {
    let head = Head::read(bytes);
    match head.marker {
        // Damaged, which is told when it is decoded.
        0 => None,
        LOSSLESS => head.refused(),
        _ if bits != head.precision => Some(format!("JPEG compression of {bits} bits")),
        _ => head.refused(),
    }
}

/// Bits of samples that are more than 8 and no predictions.
const DEEP: u8 = DEEP_BITS as u8;

/// Start of a frame of lossless, Huffman-coded samples.
pub(super) const LOSSLESS: u8 = 0xc3;

/// A JPEG stream that holds a whole picture.
pub(super) struct Whole<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the file ends within it.
    pub(super) cut: bool,
    pub(super) size: (usize, usize),
    pub(super) components: usize,
}

/// The stream that the tags of the old kind name, where it is the picture.
pub(super) fn whole<'a>(directory: &Directory<'a>) -> Option<Whole<'a>> {
    let (rest, start) = interchange(directory)?;
    let head = Head::read(rest);
    head.scan?;
    let told = directory
        .first(514)
        .and_then(|length| usize::try_from(length).ok());
    // The picture may be elsewhere, cut into strips.
    let strip = directory
        .first(273)
        .and_then(|strip| usize::try_from(strip).ok());
    let within = |strip| match told {
        Some(length) if length > head.length => strip >= start && strip < start + length,
        _ => strip == start || strip == start + head.length,
    };
    if strip.is_some_and(|strip| !within(strip)) {
        return None;
    }
    let length = told.filter(|&length| length > head.length && strip.is_none());
    let bytes = length.and_then(|length| rest.get(..length));
    Some(Whole {
        bytes: bytes.unwrap_or(rest),
        cut: bytes.is_none(),
        size: (head.width, head.height),
        components: head.components.len(),
    })
}

/// The stream that `JPEGInterchangeFormat` names, to the end of the file, and where it begins.
pub(super) fn interchange<'a>(directory: &Directory<'a>) -> Option<(&'a [u8], usize)> {
    let offset = usize::try_from(directory.first(513)?).ok()?;
    let rest = directory.file.bytes.get(offset..)?;
    rest.starts_with(&[0xff, 0xd8]).then_some((rest, offset))
}
