//! JPEG in TIFF: strips and tiles with tables apart (compression 7, TIFF Technical Note 2), and what was before it
//! (compression 6, TIFF 6.0, section 22), for which a stream is put together from the tags.
//!
//! Whether a stream holds YCbCr is told by its own markers; where it has none, by the directory.

use super::chunk::{Chunk, Packed};
use super::jpeg_head::{Head, LOSSLESS, interchange};
use super::layout::{Color, Layout};
use super::samples;
use crate::jpeg::{Colours, DEEP_BITS, Deep, Feed, Lossless, Stream};
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};
use mozjpeg::ColorSpace;

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
    if u32::from(head.precision) == DEEP_BITS && head.refused().is_none() {
        let whole = chunk.bytes.get(at.unwrap_or(0)..).unwrap_or_default();
        let colours = match transform(&head, color) {
            Some(1) => Colours::YCbCr,
            _ => Colours::Rgb,
        };
        return Ok(Box::new(Blocks::open(
            whole, colours, layout, chunk, pulse,
        )?));
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
    // A strip that ends early in a file that does not is filled up, as libtiff has it.
    let feed = Feed::new(prefix, bytes, chunk.cut, head.multi_scan(), pulse);
    let mut stream = Stream::open(feed, false);
    let space = match samples {
        1 => ColorSpace::JCS_GRAYSCALE,
        // Grey and opacity, as they are.
        2 => ColorSpace::JCS_UNKNOWN,
        3 => ColorSpace::JCS_RGB,
        _ => ColorSpace::JCS_CMYK,
    };
    let (width, height) = stream.size();
    stream.start(space, 8, 0..width);
    Ok(Box::new(Scanlines {
        line: vec![0; stream.row_length()],
        stream,
        left: height,
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

/// A stream of 12 bits, decoded.
struct Blocks {
    stream: Deep,
    colours: Colours,
    line: Vec<u16>,
    little: bool,
    left: usize,
}

impl Blocks {
    fn open(
        bytes: &[u8],
        colours: Colours,
        layout: &Layout<'_>,
        chunk: &Chunk<'_>,
        pulse: &Pulse<'_>,
    ) -> Result<Self> {
        let tables = layout.directory.bytes(347).unwrap_or_default();
        let stream = Deep::open(bytes, tables, pulse)?;
        let samples = if layout.planar { 1 } else { layout.bits.len() };
        let (width, height) = stream.size();
        if stream.components() != samples || width < chunk.size.0 {
            return Err(corrupt(
                Format::Tiff,
                "a JPEG stream is of another size than its strip or tile",
            ));
        }
        Ok(Self {
            colours: stream.told.unwrap_or(colours),
            line: vec![0; width * samples],
            little: layout.directory.file.little,
            left: height,
            stream,
        })
    }
}

impl Packed for Blocks {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.stream.next_row(&mut self.line);
            if self.stream.components() == 3 {
                for pixel in self.line.as_chunks_mut::<3>().0 {
                    *pixel = self.colours.rgb(*pixel, DEEP_BITS);
                }
            }
        }
        samples::pack(&self.line, DEEP_BITS as u8, self.little, row);
        Ok(())
    }
}

/// A stream being decoded, row by row.
struct Scanlines<'a> {
    stream: Stream<'a>,
    line: Vec<u8>,
    /// Rows that are still to come. A stream may have fewer than its strip.
    left: usize,
}

impl Packed for Scanlines<'_> {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            if !self.stream.next_row(&mut self.line) {
                return Err(corrupt(Format::Tiff, "a JPEG stream without a picture"));
            }
        }
        let length = row.len().min(self.line.len());
        let (filled, rest) = row.split_at_mut(length);
        filled.copy_from_slice(self.line.get(..length).unwrap_or_default());
        rest.fill(0);
        Ok(())
    }
}
