//! JPEG 2000 through `hayro-jpeg2000`, which decodes codestreams as a whole: it is given one group of tiles after the
//! other, no more of them than the request's part needs, and at no more levels than the request's size needs.
//!
//! So a picture of any size takes the memory of a row of its tiles. One that is a single tile is held as a whole, at the
//! size that is read. The decoder cannot be asked to stop: a group runs aside where that would be noticed.

mod boxes;
mod codestream;
mod color;

use super::aside;
use super::decoder::{Decoder, Header, Opening, Reader, only_page};
use super::raster::zeroed;
use super::rows::{Rows, View};
use super::source::{Pulse, corrupt};
use super::{Format, Limits};
use crate::Result;
use boxes::{Boxes, Space};
use codestream::Codestream;
use color::Painter;
use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use std::borrow::Cow;
use std::ops::Range;

/// The decoder of JPEG 2000.
pub(super) struct Jpeg2000;

/// Bytes of a codestream that are decoded right here: some milliseconds.
const UNASKED: usize = 1 << 13;

/// Samples of a side that groups of tiles have at least, if the picture has: a decoder costs something to start.
const GROUP: u64 = 256;

impl Decoder for Jpeg2000 {
    fn format(&self) -> Format {
        Format::Jpeg2000
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        matches!(
            bytes,
            [0xff, 0x4f, 0xff, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..]
        )
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "hayro-jpeg2000", "0.5.0")]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        let (boxes, stream) = parse(bytes, pulse)?;
        let [columns, rows] = stream
            .samples(0)
            .map(|side| u32::try_from(side.end - side.start).unwrap_or(u32::MAX));
        let painted = Painter::new(&boxes, &stream.components, crate::preprocess::Alpha::Drop);
        let named = |variant: &str| Some(format!("JPEG 2000 ({variant})"));
        Ok(Header {
            reducible: 1 << most_halvings(&boxes, &stream),
            refused: match (stream.refused(), boxes.space) {
                (Some(refused), _) => Some(refused),
                (None, Some(Space::Lab)) => named("CIE L*a*b*"),
                _ if painted.is_none() => named("components that do not make its colours"),
                _ => None,
            },
            ..Header::new((columns, rows))
        })
    }

    fn profile<'a>(
        &self,
        bytes: &'a [u8],
        _page: Option<i32>,
        _pulse: &Pulse<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        Boxes::of(bytes).profile.map(Cow::Borrowed)
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        Ok(Box::new(Tiles::open(file)?))
    }
}

fn parse<'a>(bytes: &'a [u8], pulse: &Pulse<'_>) -> Result<(Boxes<'a>, Codestream<'a>)> {
    let boxes = Boxes::of(bytes);
    let stream = boxes
        .codestream
        .ok_or_else(|| corrupt(Format::Jpeg2000, "there is no codestream"))?;
    Ok((boxes, Codestream::parse(stream, pulse)?))
}

/// How often a picture can be halved while it is decoded.
fn most_halvings(boxes: &Boxes<'_>, stream: &Codestream<'_>) -> u32 {
    let [columns, rows] = stream.samples(0);
    let shorter = (columns.end - columns.start).min(rows.end - rows.start);
    match boxes.palette {
        // Indices have no mean.
        Some(_) => 0,
        None => stream.levels().min(shorter.max(1).ilog2()),
    }
}

/// A picture being decoded, a row of tile groups at a time.
struct Tiles<'a> {
    stream: Codestream<'a>,
    painter: Painter,
    halvings: u32,
    /// Tile columns and rows in groups, those that the part needs.
    columns: Vec<Range<usize>>,
    bands: std::vec::IntoIter<Range<usize>>,
    /// Samples that are handed out.
    samples: [Range<u64>; 2],
    /// RGB of the current band, and the rest of its rows.
    band: Vec<u8>,
    next: usize,
    pulse: &'a Pulse<'a>,
}

impl<'a> Tiles<'a> {
    fn open(file: Opening<'a, '_>) -> Result<Self> {
        let Opening {
            bytes,
            header,
            request,
            pulse,
        } = file;
        let (boxes, stream) = parse(bytes, pulse)?;
        stream.complete()?;
        let painter = Painter::new(&boxes, &stream.components, request.alpha)
            .ok_or_else(|| corrupt(Format::Jpeg2000, "contradictory headers"))?;
        let halvings = request
            .halvings(header.size)
            .min(most_halvings(&boxes, &stream));
        let part = [&request.area.columns, &request.area.rows];
        let [columns, bands] = [0, 1].map(|axis| {
            let all = stream.samples(0)[axis].start;
            let part = all + part[axis].start as u64..all + part[axis].end as u64;
            groups(&stream, axis, part, halvings)
        });
        let tiles = |groups: &[Range<usize>]| match groups {
            [first, .., last] => first.start..last.end,
            [only] => only.clone(),
            [] => 0..0,
        };
        let samples = [(0, tiles(&columns)), (1, tiles(&bands))]
            .map(|(axis, tiles)| stream.samples_of(axis, tiles, halvings));
        let tiles = Self {
            stream,
            painter,
            halvings,
            columns,
            bands: bands.into_iter(),
            samples,
            band: Vec::new(),
            next: 0,
            pulse,
        };
        tiles.claim(&request.limits)?;
        Ok(tiles)
    }

    /// Claims the memory of the largest band and the largest group.
    fn claim(&self, limits: &Limits) -> Result<()> {
        let [width, height] = self.size64();
        if width.saturating_mul(height) > limits.max_pixels {
            let side = |length| u32::try_from(length).unwrap_or(u32::MAX);
            return Err(limits.exceeded(side(width), side(height)));
        }
        let bands = self.bands.as_slice();
        let rows = bands.iter().map(|band| {
            let rows = self.stream.samples_of(1, band.clone(), self.halvings);
            rows.end - rows.start
        });
        let band = 3 * width * rows.max().unwrap_or(0);
        let groups = bands.iter().flat_map(|band| {
            let columns = self.columns.iter();
            columns.map(|columns| {
                self.stream
                    .memory(columns.clone(), band.clone(), self.halvings)
            })
        });
        // The part of the file is copied, once here and once aside.
        let file = 2 * self.stream.length() as u64;
        self.pulse.claim(
            groups
                .max()
                .unwrap_or(0)
                .saturating_add(band)
                .saturating_add(file),
        )
    }

    fn size64(&self) -> [u64; 2] {
        self.samples.clone().map(|side| side.end - side.start)
    }

    /// Decodes the next band.
    fn begin(&mut self) -> Result<()> {
        let Some(rows) = self.bands.next() else {
            return Err(corrupt(Format::Jpeg2000, "the data ends early"));
        };
        let [width, _] = self.size64().map(|length| length as usize);
        let lines = self.stream.samples_of(1, rows.clone(), self.halvings);
        let height = (lines.end - lines.start) as usize;
        self.next = 0;
        self.band.truncate(3 * width * height);
        if self.band.len() < 3 * width * height {
            self.band = zeroed(3 * width * height, self.pulse)?;
        }
        for columns in &self.columns {
            self.pulse.beat();
            let across = self.stream.samples_of(0, columns.clone(), self.halvings);
            let left = (across.start - self.samples[0].start) as usize;
            let size = ((across.end - across.start) as usize, height);
            let file = self.stream.taken_out(columns.clone(), rows.clone())?;
            let halvings = self.halvings;
            let decode = move |file: &[u8], pulse: &Pulse<'_>| {
                pulse.confine(Format::Jpeg2000, || decode(file, size, halvings))
            };
            let components = match file.len() > UNASKED || size.0 * size.1 > UNASKED {
                true => aside::run(&file, self.pulse, decode)?,
                false => decode(&file, self.pulse)?,
            };
            let lines = self.band.chunks_exact_mut(3 * width);
            for (y, line) in lines.enumerate() {
                self.pulse.beat();
                let samples: Vec<_> = components
                    .iter()
                    .map(|plane| plane.get(y * size.0..(y + 1) * size.0).unwrap_or_default())
                    .collect();
                let place = line.get_mut(3 * left..3 * (left + size.0));
                self.painter.paint(place.unwrap_or_default(), &samples);
            }
        }
        Ok(())
    }
}

/// Tile columns (axis 0) or rows (axis 1) that `part`, in samples, lies in, together where they are small.
fn groups(
    stream: &Codestream<'_>,
    axis: usize,
    part: Range<u64>,
    halvings: u32,
) -> Vec<Range<usize>> {
    let count = [stream.across(), stream.down()][axis];
    if !stream.divisible() {
        return std::iter::once(0..count).collect();
    }
    let samples = |tiles: Range<usize>, halvings| {
        let samples = stream.samples_of(axis, tiles, halvings);
        samples.end.saturating_sub(samples.start)
    };
    let needed = |tile: &usize| {
        let own = stream.samples_of(axis, *tile..*tile + 1, 0);
        own.start < part.end && own.end > part.start
    };
    let first = (0..count).find(needed).unwrap_or(0);
    let last = (first..count).take_while(needed).last().unwrap_or(first);
    let mut groups: Vec<Range<usize>> = Vec::new();
    let small = |group: &Range<usize>| {
        samples(group.clone(), halvings) < GROUP || samples(group.clone(), 0) < 1 << halvings
    };
    for tile in first..=last {
        match groups.last_mut() {
            Some(group) if small(group) => group.end = tile + 1,
            _ => groups.push(tile..tile + 1),
        }
    }
    // What is left must be as large as the decoder can halve.
    while let Some(group) = groups.last().cloned()
        && samples(group.clone(), 0) < 1 << halvings
    {
        groups.pop();
        match groups.last_mut() {
            Some(before) => before.end = group.end,
            None if group.start > 0 => groups.push(group.start - 1..group.end),
            None if group.end < count => groups.push(group.start..group.end + 1),
            None => {
                groups.push(group);
                break;
            }
        }
    }
    groups
}

/// Decodes a codestream to samples of every component, all of `size`.
fn decode(file: &[u8], size: (usize, usize), halvings: u32) -> Result<Vec<Vec<f32>>> {
    // In a file whose colours are not known the decoder leaves samples as they are.
    let file = [&CONTAINER[..], file].concat();
    let failed = |error: hayro_jpeg2000::DecodeError| corrupt(Format::Jpeg2000, error.to_string());
    let mut settings = DecodeSettings {
        resolve_palette_indices: false,
        strict: false,
        target_resolution: None,
    };
    let full = Image::new(&file, &settings).map_err(failed)?;
    settings.target_resolution = Some((full.width() >> halvings, full.height() >> halvings));
    let image = Image::new(&file, &settings).map_err(failed)?;
    if (image.width() as usize, image.height() as usize) != size {
        return Err(corrupt(Format::Jpeg2000, "contradictory headers"));
    }
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(failed)?;
    let components = decoded.components().iter();
    Ok(components
        .map(|component| component.samples().to_vec())
        .collect())
}

/// A JP2 file up to its codestream, with colours that are not said.
const CONTAINER: [u8; 12 + 20 + 19 + 8] = *b"\0\0\0\x0cjP  \r\n\x87\n\
\0\0\0\x14ftypjp2 \0\0\0\0jp2 \
\0\0\0\x13jp2h\0\0\0\x0bcolr\x04\0\0\
\0\0\0\0jp2c";

impl Rows for Tiles<'_> {
    fn size(&self) -> (usize, usize) {
        let [width, height] = self.size64();
        (width as usize, height as usize)
    }

    fn view(&self) -> View {
        // A sample that was halved lies on the first of those that it stands for, not between them.
        let step = (1u64 << self.halvings) as f64;
        let all = self.stream.samples(0);
        let origin = |axis: usize| {
            let sample = (self.samples[axis].start as f64) * step - all[axis].start as f64;
            sample - (step - 1.0) / 2.0
        };
        View {
            origin: (origin(0), origin(1)),
            step: (step, step),
        }
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        if self.next >= self.band.len() {
            self.begin()?;
        }
        let line = self.band.get(self.next..self.next + row.len());
        row.copy_from_slice(line.unwrap_or_default());
        self.next += row.len();
        Ok(())
    }
}
