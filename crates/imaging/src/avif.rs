//! AVIF: pictures of AV1, in one piece or a grid, with opacity beside them, of 8, 10 or 12 bits.
//!
//! The decoder of AV1 (crate `re_rav1d`, dav1d in Rust without its assembly) reads a picture at once and cannot be asked to
//! stop, so it runs aside. Colours are those of libavif: the matrix of the file's code points, chroma enlarged linearly.

use super::Format;
use super::av1::{self, Failure};
use super::decoder::{Decoder, Header, Opening, Reader, nth};
use super::isobmff::{Items, Track, brands, find};
use super::raster::{unmultiply, zeroed};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use super::through_image::decode_aside;
use super::yuv::{Assembled, Colors, Planes};
use crate::{Error, Result};
use std::borrow::Cow;
use std::iter::once;

/// The decoder of AVIF.
pub(super) struct Avif;

/// Bytes that decoding a pixel takes at most: planes of 16 bits twice, opacity, the result.
const PIXEL: u64 = 24;

impl Decoder for Avif {
    fn format(&self) -> Format {
        Format::Avif
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        brands(bytes).any(|brand| brand == b"avif" || brand == b"avis")
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "re_rav1d", "0.1.3")]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, _pulse: &Pulse<'_>) -> Result<Header> {
        let picture = Picture::find(bytes)?;
        let refused = match &picture {
            Picture::Items(items) => {
                let kind = items.kind(items.primary).unwrap_or_default();
                match &kind {
                    b"av01" | b"grid" => None,
                    kind => Some(format!(
                        "AVIF with an item of type {}",
                        String::from_utf8_lossy(kind)
                    )),
                }
            }
            Picture::Sequence(_) => None,
        };
        let track = Track::of(bytes);
        let frames = track.as_ref().map_or(1, |track| track.frames.max(1));
        let beyond = track.filter(|_| nth(page, frames).is_ok_and(|n| n > 0));
        nth(page, frames)?;
        let size = match beyond {
            Some(track) => Some(track.size),
            None => picture.size(),
        };
        Ok(Header {
            orientation: picture.orientation(),
            frames,
            refused,
            ..Header::new(size.ok_or_else(contradiction)?)
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let size = file.header.size;
        let n = nth(file.request.page, file.header.frames)?;
        decode_aside(Format::Avif, PIXEL, file, move |bytes, pulse| match n {
            0 => decode(bytes, size, pulse),
            n => decode_frame(&Track::of(bytes).ok_or_else(contradiction)?, n, size, pulse),
        })
    }
}

fn contradiction() -> Error {
    corrupt(Format::Avif, "contradictory headers")
}

/// What is shown of a file.
enum Picture<'a> {
    Items(Items<'a>),
    Sequence(Track<'a>),
}

impl<'a> Picture<'a> {
    fn find(bytes: &'a [u8]) -> Result<Self> {
        let items = find(bytes, b"meta").and_then(|_| Items::of(bytes));
        match items.filter(|items| items.kind(items.primary).is_some()) {
            Some(items) => Ok(Self::Items(items)),
            None => Track::of(bytes)
                .map(Self::Sequence)
                .ok_or_else(|| corrupt(Format::Avif, "there is no picture")),
        }
    }

    fn size(&self) -> Option<(u32, u32)> {
        match self {
            Self::Items(items) => items.size(items.primary),
            Self::Sequence(track) => Some(track.size),
        }
    }

    fn orientation(&self) -> u8 {
        match self {
            Self::Items(items) => items.orientation(items.primary),
            Self::Sequence(..) => 1,
        }
    }
}

/// All samples, and how many a pixel has.
fn decode(bytes: &[u8], size: (u32, u32), pulse: &Pulse<'_>) -> Result<(Vec<u8>, usize)> {
    let items = match Picture::find(bytes)? {
        Picture::Items(items) => items,
        Picture::Sequence(track) => return decode_frame(&track, 0, size, pulse),
    };
    let opacity = items.opacity(items.primary);
    let channels = if opacity.is_some() { 4 } else { 3 };
    let mut samples = zeroed(channels * pixels(size), pulse)?;
    let colors = items
        .code_points(items.primary)
        .map(|(codes, full)| (codes[2], full));
    let mut assembled: Option<Assembled> = None;
    let is_grid = items.kind(items.primary) == Some(*b"grid");
    tiles(&items, items.primary, size, pulse, &mut |picture, at| {
        let planes = planes(picture, colors);
        // Tiles of odd sides, which the format forbids, have borders within shared chroma.
        let even = planes.size.0.is_multiple_of(2) && planes.size.1.is_multiple_of(2);
        if !is_grid || !even || !planes.layout.shares() {
            planes.paint(&mut samples, channels, size, at);
            return Ok(());
        }
        let whole = match &mut assembled {
            Some(whole) => whole,
            None => assembled.insert(Assembled::new(&planes, size, pulse)?),
        };
        match whole.put(&planes, at) {
            true => Ok(()),
            false => Err(contradiction()),
        }
    })?;
    if let Some(whole) = assembled {
        let planes = whole.planes();
        planes.paint(&mut samples, channels, size, (0, 0));
    }
    if let Some(opacity) = opacity {
        tiles(&items, opacity, size, pulse, &mut |picture, at| {
            planes(picture, None).paint_opacity(&mut samples, size, at);
            Ok(())
        })?;
        if items.is_premultiplied(items.primary) {
            unmultiply(&mut samples);
        }
    }
    Ok((samples, channels))
}

/// All samples of a frame of a sequence, the `n`-th from 0, and how many a pixel has.
fn decode_frame(
    track: &Track<'_>,
    n: u32,
    size: (u32, u32),
    pulse: &Pulse<'_>,
) -> Result<(Vec<u8>, usize)> {
    let mut samples = zeroed(3 * pixels(size), pulse)?;
    let picture = frame(track.data().map(Cow::Borrowed), n, size, pulse)?;
    planes(&picture, None).paint(&mut samples, 3, size, (0, 0));
    Ok((samples, 3))
}

fn pixels(size: (u32, u32)) -> usize {
    size.0 as usize * size.1 as usize
}

/// What becomes of a tile, which lies there in the picture.
type Paint<'a> = dyn FnMut(&av1::Picture, (usize, usize)) -> Result<()> + 'a;

/// Decodes an item, or the tiles of one that is a grid, and hands out each with where it lies.
fn tiles(
    items: &Items<'_>,
    id: u32,
    size: (u32, u32),
    pulse: &Pulse<'_>,
    paint: &mut Paint<'_>,
) -> Result<()> {
    let content = |id| {
        items
            .content(id)
            .ok_or_else(|| corrupt(Format::Avif, "the data ends early"))
    };
    if items.size(id) != Some(size) {
        return Err(contradiction());
    }
    if items.kind(id) != Some(*b"grid") {
        return paint(&frame(once(content(id)?), 0, size, pulse)?, (0, 0));
    }
    let grid = content(id)?;
    let (rows, columns) = match *grid.get(..4).unwrap_or_default() {
        [0, _, rows, columns] => (usize::from(rows) + 1, usize::from(columns) + 1),
        _ => return Err(contradiction()),
    };
    let tiles = items.referred(b"dimg", id);
    let tile = tiles
        .first()
        .and_then(|first| items.size(*first))
        .ok_or_else(contradiction)?;
    let covered =
        |tile: u32, count: usize, side: u32| tile as usize * count >= side as usize && tile > 0;
    if tiles.len() != rows * columns
        || !covered(tile.0, columns, size.0)
        || !covered(tile.1, rows, size.1)
    {
        return Err(contradiction());
    }
    for (n, id) in tiles.iter().enumerate() {
        pulse.beat();
        if items.kind(*id) != Some(*b"av01") || items.size(*id) != Some(tile) {
            return Err(contradiction());
        }
        let at = (n % columns * tile.0 as usize, n / columns * tile.1 as usize);
        paint(&frame(once(content(*id)?), 0, tile, pulse)?, at)?;
    }
    Ok(())
}

/// The planes of a frame, with the matrix and range of the container where it says, else its own.
fn planes(picture: &av1::Picture, colors: Option<(u16, bool)>) -> Planes<'_> {
    let (width, height) = picture.size();
    let (matrix, full) = colors.or(picture.colors()).unwrap_or((2, false));
    Planes {
        size: (width as usize, height as usize),
        bits: picture.bits(),
        layout: picture.layout(),
        planes: [0, 1, 2].map(|component| picture.plane(component)),
        colors: Colors { matrix, full },
    }
}

/// Decodes frames, each of which needs those before it, up to the `n`-th from 0, which is to have this size.
fn frame<'a>(
    frames: impl Iterator<Item = Cow<'a, [u8]>>,
    n: u32,
    (width, height): (u32, u32),
    pulse: &Pulse<'_>,
) -> Result<av1::Picture> {
    let failed = |failure| match failure {
        Failure::Memory => Error::OutOfMemory {
            bytes: width as usize * height as usize,
        },
        Failure::Data => corrupt(Format::Avif, "the AV1 data is damaged"),
    };
    // No larger than the container says.
    let mut decoder = av1::Decoder::new(width.saturating_mul(height)).map_err(failed)?;
    let mut before = n;
    for data in frames {
        pulse.beat();
        let mut taken = decoder.send(data.into_owned()).map_err(failed)?;
        loop {
            while let Some(picture) = decoder.picture().map_err(failed)? {
                if before > 0 {
                    before -= 1;
                    continue;
                }
                return match picture.size() == (width, height) {
                    true => Ok(picture),
                    false => Err(contradiction()),
                };
            }
            if taken {
                break;
            }
            taken = decoder.take().map_err(failed)?;
        }
    }
    // Everything was read, and there is no picture.
    Err(failed(Failure::Data))
}
