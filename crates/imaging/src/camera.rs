//! The containers of Canon's CR3, Fujifilm's RAF, Olympus' ORF and Panasonic's RW2: where their JPEGs are, and what they say
//! of their picture.
//!
//! Everything is read through checked slices: what lies outside the file is not there.

use super::exif::Tiff;
use super::isobmff::{AMONG, Boxes, brands, find, number};
use ::exif::Context;

/// Boxes of CR3: Canon's own of the file, and of the preview.
const CANON: &[u8; 16] = b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
const PREVIEW: &[u8; 16] = b"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16";
const XMP: &[u8; 16] = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";

/// Boxes of a movie that are looked at: each track has its own tables.
const MOST_TRACKS: usize = 64;

/// Bytes within which a box of a preview has its JPEG.
const HEAD: usize = 40;

/// Whose container it is.
#[derive(Clone, Copy)]
pub(super) enum Maker {
    Canon,
    Fujifilm,
    Olympus,
    Panasonic,
}

impl Maker {
    /// By the first bytes of a file.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'I', b'I', b'U', 0, ..] => Some(Self::Panasonic),
            [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => {
                Some(Self::Olympus)
            }
            _ if bytes.starts_with(b"FUJIFILMCCD-RAW ") => Some(Self::Fujifilm),
            _ if brands(bytes).next() == Some(b"crx ") => Some(Self::Canon),
            _ => None,
        }
    }

    /// What the container is called.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Canon => "Canon CR3",
            Self::Fujifilm => "Fujifilm RAF",
            Self::Olympus => "Olympus ORF",
            Self::Panasonic => "Panasonic RW2",
        }
    }

    /// JPEGs that the file says to have; cut off where the file is.
    pub(super) fn previews(self, bytes: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Canon => canon(bytes),
            Self::Fujifilm => fujifilm(bytes).into_iter().collect(),
            Self::Olympus => olympus(bytes).into_iter().collect(),
            Self::Panasonic => panasonic(bytes).into_iter().collect(),
        }
    }
}

/// So many bytes of a file from `start` on, or as many as there are.
fn within(bytes: &[u8], start: usize, length: usize) -> &[u8] {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.get(..length).unwrap_or(rest)
}

/// RAF has the place of its JPEG behind the names of format and camera.
fn fujifilm(bytes: &[u8]) -> Option<&[u8]> {
    let mut place = bytes.get(84..)?;
    let (start, length) = (number(&mut place, 4)?, number(&mut place, 4)?);
    (length > 0).then(|| within(bytes, start as usize, length as usize))
}

/// RW2 has a tag for it in its first directory.
fn panasonic(bytes: &[u8]) -> Option<&[u8]> {
    const JPEG: u16 = 0x2e;
    let tiff = Tiff::open(bytes)?;
    let place = tiff.directory(tiff.first)?.place(JPEG)?;
    Some(within(bytes, place.start, place.len()))
}

/// ORF has it in the maker's note, whose places are counted from its own beginning.
fn olympus(bytes: &[u8]) -> Option<&[u8]> {
    const EXIF: u16 = 0x8769;
    const NOTE: u16 = 0x927c;
    const SETTINGS: u16 = 0x2020;
    let tiff = Tiff::open(bytes)?;
    let offset = tiff.directory(tiff.first)?.first(EXIF)?;
    let exif = tiff.directory(usize::try_from(offset).ok()?)?;
    let note = bytes.get(exif.place(NOTE)?.start..)?;
    let order = [&b"OLYMPUS\0"[..], b"OM SYSTEM\0\0\0"];
    let order = order.iter().find(|name| note.starts_with(name))?.len();
    let little = note.get(order..order + 2)? == b"II";
    let tiff = Tiff::bare(note, little, order + 4);
    let directory = tiff.directory(tiff.first)?;
    let settings = match directory.place(SETTINGS) {
        Some(place) => place.start,
        None => usize::try_from(directory.first(SETTINGS)?).ok()?,
    };
    let settings = tiff.directory(settings)?;
    let (start, length) = (settings.first(0x101)?, settings.first(0x102)?);
    (length > 0).then(|| within(note, start as usize, length as usize))
}

/// CR3 has one that fills a screen in a box of its own, one as large as the picture as a track, and a thumbnail.
fn canon(bytes: &[u8]) -> Vec<&[u8]> {
    let jpeg = |content: &'_ [u8]| {
        let marks = content.windows(3).take(HEAD);
        let at = marks
            .into_iter()
            .position(|mark| mark == [0xff, 0xd8, 0xff]);
        at.unwrap_or(content.len())
    };
    let movie = find(bytes, b"moov").unwrap_or_default();
    let tracks = Boxes(movie)
        .take(MOST_TRACKS)
        .filter(|(kind, _)| kind == b"trak");
    let tracks = tracks.filter_map(|(_, track)| first_sample(bytes, track));
    let mut found: Vec<&[u8]> = tracks
        .filter(|sample| sample.is_empty() || sample.starts_with(&[0xff, 0xd8, 0xff]))
        .collect();
    let preview = uuid(bytes, PREVIEW).and_then(|content| find(content.get(8..)?, b"PRVW"));
    let thumbnail = uuid(movie, CANON).and_then(|content| find(content, b"THMB"));
    for content in [preview, thumbnail].into_iter().flatten() {
        found.push(content.get(jpeg(content)..).unwrap_or_default());
    }
    found
}

/// The content of a box that a UUID names.
fn uuid<'a>(boxes: &'a [u8], name: &[u8; 16]) -> Option<&'a [u8]> {
    Boxes(boxes)
        .take(AMONG)
        .filter(|(kind, _)| kind == b"uuid")
        .find_map(|(_, content)| content.strip_prefix(name))
}

/// The first sample of a track.
fn first_sample<'a>(bytes: &'a [u8], track: &[u8]) -> Option<&'a [u8]> {
    let table = find(find(find(track, b"mdia")?, b"minf")?, b"stbl")?;
    let mut lengths = find(table, b"stsz")?.get(4..)?;
    let length = match (number(&mut lengths, 4)?, number(&mut lengths, 4)?) {
        (0, _) => number(&mut lengths, 4)?,
        (same, _) => same,
    };
    let (offsets, word) = match find(table, b"co64") {
        Some(offsets) => (offsets, 8),
        None => (find(table, b"stco")?, 4),
    };
    let start = number(&mut offsets.get(8..)?, word)?;
    Some(within(bytes, usize::try_from(start).ok()?, length as usize))
}

/// TIFF structures in which the container tells of its picture: one of all, or one for each directory.
pub(super) fn parts(bytes: &[u8]) -> Vec<(Context, &[u8])> {
    let canon = || {
        let boxes = uuid(find(bytes, b"moov")?, CANON)?;
        let parts = [
            (b"CMT1", Context::Tiff),
            (b"CMT2", Context::Exif),
            (b"CMT4", Context::Gps),
        ];
        let found = parts
            .into_iter()
            .filter_map(|(kind, context)| Some((context, find(boxes, kind)?)));
        Some(found.collect())
    };
    match Maker::of(bytes) {
        Some(Maker::Canon) => canon().unwrap_or_default(),
        Some(Maker::Olympus | Maker::Panasonic) => vec![(Context::Tiff, bytes)],
        Some(Maker::Fujifilm) | None => Vec::new(),
    }
}

/// The XMP packet of the container.
pub(super) fn xmp(bytes: &[u8]) -> Option<&[u8]> {
    match Maker::of(bytes)? {
        Maker::Canon => uuid(bytes, XMP),
        _ => None,
    }
}

/// The JPEG that tells of the picture in place of the container.
pub(super) fn spokesman(bytes: &[u8]) -> Option<&[u8]> {
    match Maker::of(bytes)? {
        Maker::Fujifilm => fujifilm(bytes),
        _ => None,
    }
}
