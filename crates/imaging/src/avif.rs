//! AVIF: pictures of AV1, in one piece or a grid, with opacity beside them, of 8, 10 or 12 bits.
//!
//! The decoder of AV1 (crate `re_rav1d`, dav1d in Rust without its assembly) reads a picture at once and cannot be asked to
//! stop, so it runs aside. Colours are those of libavif: the matrix of the file's code points, chroma enlarged linearly.

use super::Format;
use super::decoder::{Decoder, Header, Opening, Reader, nth};
use super::isobmff::{Items, Track, brands, find};
use super::raster::zeroed;
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use super::through_image::decode_aside;
use super::yuv::{Assembled, Colors, Layout, Plane, Planes};
use crate::{Error, Result};
use re_rav1d::dav1d::{self, PixelLayout, PlanarImageComponent, Settings};
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
    tiles(&items, items.primary, size, pulse, &mut |planes, at| {
        let planes = planes.borrowed(colors);
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
        tiles(&items, opacity, size, pulse, &mut |planes, at| {
            planes.borrowed(None).paint_opacity(&mut samples, size, at);
            Ok(())
        })?;
        if !items.referred(b"prem", items.primary).is_empty() {
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
    let planes = frame(track.data().map(Cow::Borrowed), n, size, pulse)?;
    planes.borrowed(None).paint(&mut samples, 3, size, (0, 0));
    Ok((samples, 3))
}

fn pixels(size: (u32, u32)) -> usize {
    size.0 as usize * size.1 as usize
}

/// What becomes of a tile, which lies there in the picture.
type Paint<'a> = dyn FnMut(&Decoded, (usize, usize)) -> Result<()> + 'a;

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

/// A frame as the decoder gives it, with its own code points.
struct Decoded {
    picture: dav1d::Picture,
    planes: Vec<dav1d::Plane>,
}

impl Decoded {
    /// The planes, with the matrix and range of the container where it says.
    fn borrowed(&self, colors: Option<(u16, bool)>) -> Planes<'_> {
        let picture = &self.picture;
        let own = (
            picture.matrix_coefficients() as u16,
            picture.color_range() == dav1d::pixel::YUVRange::Full,
        );
        let (matrix, full) = colors.unwrap_or(own);
        let plane = |n: usize| {
            let component = PlanarImageComponent::from(n);
            self.planes.get(n).map(|samples| Plane {
                samples,
                stride: picture.stride(component) as usize,
            })
        };
        Planes {
            size: (picture.width() as usize, picture.height() as usize),
            bits: picture.bit_depth() as u32,
            layout: match picture.pixel_layout() {
                PixelLayout::I400 => Layout::Grey,
                PixelLayout::I420 => Layout::Quarter,
                PixelLayout::I422 => Layout::Half,
                PixelLayout::I444 => Layout::Full,
            },
            planes: [plane(0), plane(1), plane(2)],
            colors: Colors { matrix, full },
        }
    }
}

/// Decodes frames, each of which needs those before it, up to the `n`-th from 0, which is to have this size.
fn frame<'a>(
    mut frames: impl Iterator<Item = Cow<'a, [u8]>>,
    n: u32,
    (width, height): (u32, u32),
    pulse: &Pulse<'_>,
) -> Result<Decoded> {
    let failed = |error: dav1d::Error| match error {
        dav1d::Error::NotEnoughMemory => Error::OutOfMemory {
            bytes: width as usize * height as usize,
        },
        _ => corrupt(Format::Avif, "the AV1 data is damaged"),
    };
    let mut settings = Settings::new();
    // On this thread, and no larger than the container says.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(width.saturating_mul(height));
    let mut decoder = dav1d::Decoder::with_settings(&settings).map_err(failed)?;
    let mut before = n;
    let picture = loop {
        match decoder.get_picture() {
            Ok(picture) if before == 0 => break picture,
            Ok(_) => {
                before -= 1;
                continue;
            }
            Err(dav1d::Error::Again) => {}
            Err(error) => return Err(failed(error)),
        }
        match decoder.send_pending_data() {
            Ok(()) => {}
            Err(dav1d::Error::Again) => continue,
            Err(error) => return Err(failed(error)),
        }
        // Everything was read, and there is no picture.
        pulse.beat();
        let Some(data) = frames.next() else {
            return Err(corrupt(Format::Avif, "the AV1 data is damaged"));
        };
        match decoder.send_data(data.into_owned(), None, None, None) {
            Ok(()) | Err(dav1d::Error::Again) => {}
            Err(error) => return Err(failed(error)),
        }
    };
    if (picture.width(), picture.height()) != (width, height) {
        return Err(contradiction());
    }
    let count = if picture.pixel_layout() == PixelLayout::I400 {
        1
    } else {
        3
    };
    let planes = (0..count)
        .map(|n| picture.plane(PlanarImageComponent::from(n)))
        .collect();
    Ok(Decoded { picture, planes })
}

/// Divides the colours of pixels with red, green, blue and opacity by the last.
fn unmultiply(samples: &mut [u8]) {
    for [red, green, blue, opacity] in samples.as_chunks_mut::<4>().0 {
        let opacity = u32::from(*opacity);
        for sample in [red, green, blue] {
            let scaled = (u32::from(*sample) * 255 + opacity / 2).checked_div(opacity);
            *sample = scaled.map_or(*sample, |scaled| scaled.min(255) as u8);
        }
    }
}
