//! JPEG in TIFF: strips and tiles with tables apart (compression 7, TIFF Technical Note 2), and what was before it
//! (compression 6, TIFF 6.0, section 22), for which a stream is put together from the tags.
//!
//! Whether a stream holds YCbCr is told by its own markers; where it has none, by the directory.

use super::codec::{Chunk, Packed};
use super::directory::Directory;
use super::layout::{Color, Layout};
use super::samples;
use crate::jpeg::Lossless;
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};
use mozjpeg::decompress::DecompressStarted;
use mozjpeg::{ColorSpace, Decompress};
use std::io::{self, BufRead, Read};

/// Most bytes of a multi-scan stream that libjpeg gets at once, as in [`crate::jpeg`].
const PORTION: usize = 1 << 16;

/// What a stream says before its first scan.
#[derive(Default)]
struct Head<'a> {
    /// Marker of the frame header; 0 where there is none.
    marker: u8,
    precision: u8,
    width: usize,
    height: usize,
    /// Identifier, and sampling factors in a byte, of each component.
    components: Vec<(u8, u8)>,
    /// Whether a JFIF or Adobe marker tells the colours.
    marked: bool,
    /// Components of the first scan; none where there is no scan.
    scan: Option<u8>,
    /// Tables: all segments but those of the frame and the scan, which come next.
    tables: Vec<&'a [u8]>,
    frame: &'a [u8],
    scans: &'a [u8],
    /// Bytes from the start of image up to and with the scan's header.
    length: usize,
}

impl<'a> Head<'a> {
    /// Walks the segments up to the first scan or the end of `bytes`.
    fn read(bytes: &'a [u8]) -> Self {
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
    fn multi_scan(&self) -> bool {
        self.marker == 0xc2
            || self
                .scan
                .is_some_and(|scan| usize::from(scan) < self.components.len())
    }

    /// Names the process where there is no decoder for it.
    fn refused(&self) -> Option<String> {
        match (self.marker, self.precision, self.components.len()) {
            (LOSSLESS, 2..=16, 1..=4) => None,
            (0xc3 | 0xc7 | 0xcb | 0xcf, ..) => Some("lossless JPEG compression".to_owned()),
            (0xc5 | 0xc6 | 0xcd | 0xce, ..) => Some("hierarchical JPEG compression".to_owned()),
            (_, 8, 1 | 3 | 4) => None,
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
        _ if bits != 8 => Some(format!("JPEG compression of {bits} bits")),
        _ => head.refused(),
    }
}

/// Start of a frame of lossless, Huffman-coded samples.
const LOSSLESS: u8 = 0xc3;

/// A segment that says whether three components are YCbCr, or four YCCK; of several the last one counts.
fn adobe(transform: u8) -> [u8; 16] {
    let mut segment = *b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0";
    segment[15] = transform;
    segment
}

/// Starts decoding a strip or tile of compression 7.
pub(super) fn open<'a>(
    layout: &Layout<'a>,
    color: Color,
    chunk: &Chunk<'a>,
    pulse: &'a Pulse<'a>,
) -> Result<Box<dyn Packed + 'a>> {
    let tables = layout.directory.bytes(347).unwrap_or_default();
    let tables = tables.strip_prefix(&[0xff, 0xd8]).unwrap_or(tables);
    let tables = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables);
    let bytes = chunk.bytes;
    let at = bytes
        .windows(2)
        .take(64)
        .position(|pair| pair == [0xff, 0xd8]);
    let Some(bytes) = at.and_then(|at| bytes.get(at + 2..)) else {
        return Err(corrupt(Format::Tiff, "a strip or tile is no JPEG stream"));
    };
    let mut head = Head::read(bytes);
    if head.marker == LOSSLESS {
        let whole = chunk.bytes.get(at.unwrap_or(0)..).unwrap_or_default();
        return Ok(Box::new(Exact::open(whole, layout, chunk, pulse)?));
    }
    head.marked |= Head::read(tables).marked;
    let mut prefix = vec![0xff, 0xd8];
    if let Some(transform) = transform(&head, color) {
        prefix.extend(adobe(transform));
    }
    prefix.extend(tables);
    start(&head, prefix, bytes, layout, chunk, pulse)
}

/// What is to be said of the colours of a stream before it says something itself.
fn transform(head: &Head<'_>, color: Color) -> Option<u8> {
    let &[(first, factors), ..] = &head.components[..] else {
        return None;
    };
    match (head.components.len(), color) {
        (3, Color::YCbCr) => Some(1),
        (3, Color::Rgb) if head.marked || first == b'R' => None,
        // Nobody makes red sharper than green.
        (3, Color::Rgb) if factors != 0x11 => Some(1),
        (3, _) => Some(0),
        _ => None,
    }
}

/// Starts decoding a strip or tile of compression 6.
pub(super) fn open_old<'a>(
    layout: &Layout<'a>,
    chunk: &Chunk<'a>,
    pulse: &'a Pulse<'a>,
) -> Result<Box<dyn Packed + 'a>> {
    let samples = if layout.planar { 1 } else { layout.bits.len() };
    let own = Head::read(chunk.bytes);
    if chunk.bytes.starts_with(&[0xff, 0xd8]) && own.scan.is_some() {
        return start(&own, Vec::new(), chunk.bytes, layout, chunk, pulse);
    }
    let stream = interchange(&layout.directory);
    let stream = stream.map_or_else(Head::default, |(stream, _)| Head::read(stream));
    let mut prefix = vec![0xff, 0xd8];
    if samples == 3 {
        prefix.extend(adobe(1));
    }
    match &stream.tables[..] {
        [] => tables(layout, samples, &mut prefix)?,
        tables => tables.iter().for_each(|segment| prefix.extend(*segment)),
    }
    let sides = (u16::try_from(chunk.size.0), u16::try_from(chunk.size.1));
    let (Ok(width), Ok(height)) = sides else {
        return Err(corrupt(Format::Tiff, "a JPEG stream is larger than can be"));
    };
    let size = [height.to_be_bytes(), width.to_be_bytes()];
    let count = samples as u8;
    // The stream says which component goes by which table; without one, each goes by its own.
    match stream.frame.split_at_checked(5) {
        Some((start, rest)) if stream.components.len() == samples => {
            prefix.extend(start);
            prefix.extend(size.as_flattened());
            prefix.extend(rest.get(4..).unwrap_or_default());
        }
        _ => {
            let (x, y) = match samples {
                1 => (1, 1),
                _ => layout.subsampling,
            };
            let factors = |n: u8| if n == 0 { (x << 4 | y) as u8 } else { 0x11 };
            prefix.extend([0xff, 0xc0, 0, 8 + 3 * count, 8]);
            prefix.extend(size.as_flattened());
            prefix.push(count);
            prefix.extend((0..count).flat_map(|n| [n + 1, factors(n), n]));
        }
    }
    match stream.scan {
        Some(scan) if usize::from(scan) == samples => prefix.extend(stream.scans),
        _ => {
            // Where a stream has tables but no scan, colour shares the second ones.
            let table = |n: u8| {
                if stream.tables.is_empty() {
                    n
                } else {
                    n.min(1)
                }
            };
            let id = |n: u8| {
                let component = stream.components.get(usize::from(n));
                component.map_or(n + 1, |&(id, _)| id)
            };
            prefix.extend([0xff, 0xda, 0, 6 + 2 * count, count]);
            prefix.extend((0..count).flat_map(|n| [id(n), table(n) << 4 | table(n)]));
            prefix.extend([0, 63, 0]);
        }
    }
    let head = Head {
        marker: 0xc0,
        precision: 8,
        width: chunk.size.0,
        height: chunk.size.1,
        components: vec![(1, 0x11); samples],
        scan: Some(count),
        ..Head::default()
    };
    start(&head, prefix, chunk.bytes, layout, chunk, pulse)
}

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

fn interchange<'a>(directory: &Directory<'a>) -> Option<(&'a [u8], usize)> {
    let offset = usize::try_from(directory.first(513)?).ok()?;
    let rest = directory.file.bytes.get(offset..)?;
    rest.starts_with(&[0xff, 0xd8]).then_some((rest, offset))
}

/// Puts the tables that the tags of the old kind name before the strips.
fn tables(layout: &Layout<'_>, samples: usize, out: &mut Vec<u8>) -> Result<()> {
    let bytes = layout.directory.file.bytes;
    let missing = || {
        corrupt(
            Format::Tiff,
            "the tables of its JPEG compression are not there",
        )
    };
    let offsets = |tag| layout.directory.all(tag, 4);
    // One for all components where there are too few.
    let nth = |offsets: &[u64], n: usize| {
        let offset = offsets.get(n).or(offsets.last()).copied()?;
        bytes.get(usize::try_from(offset).ok()?..)
    };
    let quantization = offsets(519);
    for n in 0..samples.min(4) {
        let table = nth(&quantization, n).and_then(|table| table.get(..64));
        out.extend([0xff, 0xdb, 0, 67, n as u8]);
        out.extend(table.ok_or_else(missing)?);
    }
    for (class, tag) in [(0u8, 520), (1, 521)] {
        let codes = offsets(tag);
        for n in 0..samples.min(4) {
            let table = nth(&codes, n).ok_or_else(missing)?;
            let counts = table.get(..16).ok_or_else(missing)?;
            let length = 16
                + counts
                    .iter()
                    .map(|&count| usize::from(count))
                    .sum::<usize>();
            out.extend([0xff, 0xc4]);
            out.extend((3 + length as u16).to_be_bytes());
            out.push(class << 4 | n as u8);
            out.extend(table.get(..length).ok_or_else(missing)?);
        }
    }
    if let Some(interval) = layout.directory.first(515).filter(|&interval| interval > 0) {
        out.extend([0xff, 0xdd, 0, 4]);
        out.extend((interval as u16).to_be_bytes());
    }
    Ok(())
}

fn start<'a>(
    head: &Head<'_>,
    prefix: Vec<u8>,
    bytes: &'a [u8],
    layout: &Layout<'a>,
    chunk: &Chunk<'a>,
    pulse: &'a Pulse<'a>,
) -> Result<Box<dyn Packed + 'a>> {
    if head.marker == 0 || head.scan.is_none() {
        return Err(corrupt(Format::Tiff, "a JPEG stream without a picture"));
    }
    if let Some(variant) = head.refused() {
        return Err(Error::UnsupportedImageFormat {
            format: format!("TIFF with {variant}"),
        });
    }
    let samples = if layout.planar { 1 } else { layout.bits.len() };
    if head.components.len() != samples {
        return Err(corrupt(
            Format::Tiff,
            "a JPEG stream has other components than the picture",
        ));
    }
    // A stream that is somewhat larger is cut; one that is very much so would take memory that nobody counted.
    let (width, height) = chunk.size;
    if head.width > width + 64 || head.multi_scan() && head.height > height + 64 {
        return Err(corrupt(
            Format::Tiff,
            "a JPEG stream is larger than its strip or tile",
        ));
    }
    let feed = Feed {
        prefix,
        bytes,
        position: 0,
        split: head.multi_scan(),
        cut: chunk.cut,
        pulse,
    };
    let decoder = Decompress::builder()
        .from_reader(feed)
        .map_err(unreadable)?;
    let space = match samples {
        1 => ColorSpace::JCS_GRAYSCALE,
        3 => ColorSpace::JCS_RGB,
        _ => ColorSpace::JCS_CMYK,
    };
    let size = decoder.size();
    let decoder = decoder.to_colorspace(space).map_err(unreadable)?;
    Ok(Box::new(Scanlines {
        decoder,
        line: vec![0; samples * size.0],
        left: size.1,
    }))
}

/// A lossless stream being decoded, row by row.
struct Exact<'a> {
    stream: Lossless<'a>,
    line: Vec<u16>,
    /// Bits of a sample in the file, and whether the low byte of two comes first.
    bits: u8,
    little: bool,
    left: usize,
}

impl<'a> Exact<'a> {
    fn open(
        bytes: &'a [u8],
        layout: &Layout<'a>,
        chunk: &Chunk<'a>,
        pulse: &'a Pulse<'a>,
    ) -> Result<Self> {
        let tables = layout.directory.bytes(347).unwrap_or_default();
        let stream = Lossless::open(bytes, tables, pulse)?;
        let samples = if layout.planar { 1 } else { layout.bits.len() };
        let bits = layout.bits.first().copied().unwrap_or_default();
        // Cameras cut rows otherwise: as long in all, with other components.
        if stream.width * stream.components != chunk.size.0 * samples
            || stream.bits > u32::from(bits)
            || bits > 16
        {
            return Err(corrupt(
                Format::Tiff,
                "a JPEG stream is of another size than its strip or tile",
            ));
        }
        Ok(Self {
            line: vec![0; stream.width * stream.components],
            bits,
            little: layout.directory.file.little,
            left: stream.height,
            stream,
        })
    }
}

impl Packed for Exact<'_> {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.stream.next_row(&mut self.line)?;
        }
        samples::pack(&self.line, self.bits, self.little, row);
        Ok(())
    }
}

/// A stream being decoded, row by row.
struct Scanlines<'a> {
    decoder: DecompressStarted<Feed<'a>>,
    line: Vec<u8>,
    /// Rows that are still to come. A stream may have fewer than its strip.
    left: usize,
}

impl Packed for Scanlines<'_> {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.decoder
                .read_scanlines_into(&mut self.line)
                .map_err(unreadable)?;
        }
        let length = row.len().min(self.line.len());
        let (filled, rest) = row.split_at_mut(length);
        filled.copy_from_slice(self.line.get(..length).unwrap_or_default());
        rest.fill(0);
        Ok(())
    }
}

fn unreadable(error: io::Error) -> Error {
    corrupt(Format::Tiff, error.to_string())
}

/// What libjpeg reads from: tables, then the data.
///
/// Where the file ends it fails, lest libjpeg invent what is missing; a strip that ends early in a file that does not is
/// filled up, as libtiff has it.
struct Feed<'a> {
    prefix: Vec<u8>,
    bytes: &'a [u8],
    position: usize,
    split: bool,
    cut: bool,
    pulse: &'a Pulse<'a>,
}

impl BufRead for Feed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pulse.beat();
        if let Some(rest) = self
            .prefix
            .get(self.position..)
            .filter(|rest| !rest.is_empty())
        {
            return Ok(rest);
        }
        let rest = self.bytes.get(self.position - self.prefix.len()..);
        let rest = rest.unwrap_or_default();
        if rest.is_empty() && self.cut {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the data ends early",
            ));
        }
        if !self.split {
            return Ok(rest);
        }
        let portion = rest.get(..PORTION).unwrap_or(rest);
        let mut pairs = portion.get(1..).unwrap_or_default().windows(2);
        let scan = pairs.position(|pair| pair == [0xff, 0xda]);
        Ok(scan.and_then(|at| portion.get(..=at)).unwrap_or(portion))
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount);
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
