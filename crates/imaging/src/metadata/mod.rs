//! What files say besides pixels: orientation, number of pictures, dates and words, colour profile.
//!
//! Best effort by design: a damaged container has orientation 1, as many frames as could be counted and the words before
//! the damage; whether its pixels can be decoded is the decoder's to say.

mod blocks;
mod date;
mod fields;
mod iptc;
mod words;
mod xmp;

use super::isobmff::Items;
use super::source::Pulse;
use super::{Format, camera, exif};
pub(crate) use blocks::{Blocks, Kind};
pub use date::Moment;
use fields::Fields;
use iptc::Datasets;
use std::borrow::Cow;
pub use words::words;
use xmp::Packet;

/// Tags of TIFF that hold blocks of other kinds.
const XMP: u16 = 700;
const IPTC: u16 = 33723;
const RESOURCES: u16 = 34377;

/// What containers say of how to show their picture.
pub(super) struct Metadata {
    /// EXIF orientation, 1 to 8.
    pub(super) orientation: u8,
    /// Frames of an animation, as far as its blocks count them; at least 1.
    pub(super) frames: u32,
}

/// Reads the metadata of an image whose format is known, and is not TIFF: that has them page by page.
pub(super) fn read(format: Format, bytes: &[u8], pulse: &Pulse<'_>) -> Metadata {
    let blocks = Blocks::of(format, bytes, pulse);
    let in_exif = blocks
        .all(Kind::Exif)
        .find_map(|block| exif::orientation(&block));
    let in_xmp = || xmp_orientation(&blocks.all(Kind::Xmp).next()?, pulse);
    Metadata {
        orientation: in_exif.or_else(in_xmp).unwrap_or(1),
        frames: blocks.frames().unwrap_or(1).max(1),
    }
}

/// The orientation in an XMP packet, 1 to 8.
pub(super) fn xmp_orientation(packet: &[u8], pulse: &Pulse<'_>) -> Option<u8> {
    Packet::read(packet, pulse).orientation()
}

/// When the picture was taken, or else digitized, as EXIF, XMP and IPTC say, in this order. `None` where the file does
/// not say; whether the day is in the calendar is not checked.
///
/// A damaged block says nothing, it is not an error. `progress` is called while reading; it may unwind.
pub fn taken(bytes: &[u8], progress: &dyn Fn()) -> Option<Moment> {
    let pulse = Pulse::new(progress);
    date::taken(&Said::of(Format::of(bytes).ok()?, bytes, &pulse))
}

/// The ICC profile of the first picture. TIFF has profiles page by page.
pub(crate) fn profile<'a>(
    format: Format,
    bytes: &'a [u8],
    pulse: &Pulse<'_>,
) -> Option<Cow<'a, [u8]>> {
    match format {
        Format::Avif | Format::Heic => {
            let items = Items::of(bytes)?;
            items.profile(items.primary).map(Cow::Borrowed)
        }
        _ => Blocks::of(format, bytes, pulse).profile(),
    }
}

/// Primaries and transfer of the first picture as ITU-T H.273 numbers them, where the file says so rather than by a
/// profile.
pub(crate) fn code_points(format: Format, bytes: &[u8], pulse: &Pulse<'_>) -> Option<[u8; 2]> {
    match format {
        Format::Png => {
            let block = Blocks::of(format, bytes, pulse)
                .all(Kind::CodePoints)
                .next()?;
            block.first_chunk().copied()
        }
        Format::Avif | Format::Heic => {
            let items = Items::of(bytes)?;
            if items.profile(items.primary).is_some() {
                return None;
            }
            let ([primaries, transfer, _], _) = items.code_points(items.primary)?;
            Some([primaries.try_into().ok()?, transfer.try_into().ok()?])
        }
        _ => None,
    }
}

/// All words of a file.
struct Said {
    exif: Fields,
    iptc: Datasets,
    xmp: Packet,
}

impl Said {
    fn of(format: Format, bytes: &[u8], pulse: &Pulse<'_>) -> Self {
        if format == Format::Raw {
            return match camera::spokesman(bytes) {
                Some(jpeg) => Self::of(Format::Jpeg, jpeg, pulse),
                None => Self {
                    exif: Fields::of_parts(&camera::parts(bytes)),
                    iptc: Datasets::read(&[]),
                    xmp: Packet::read(camera::xmp(bytes).unwrap_or_default(), pulse),
                },
            };
        }
        let (exif, iptc, xmp) = match format {
            Format::Tiff => {
                let block = |tag| exif::block(bytes, tag).map(Cow::Borrowed);
                let iptc = block(IPTC).or_else(|| block(RESOURCES));
                (Some(Cow::Borrowed(bytes)), iptc, block(XMP))
            }
            Format::Avif | Format::Heic => {
                let items = Items::of(bytes);
                let exif = items.as_ref().and_then(Items::exif);
                (exif, None, items.as_ref().and_then(Items::xmp))
            }
            _ => {
                let blocks = Blocks::of(format, bytes, pulse);
                let first = |kind| blocks.all(kind).next();
                (blocks.exif(), first(Kind::Iptc), first(Kind::Xmp))
            }
        };
        Self {
            exif: Fields::read(&exif.unwrap_or_default()),
            iptc: Datasets::read(&iptc.unwrap_or_default()),
            xmp: Packet::read(&xmp.unwrap_or_default(), pulse),
        }
    }
}
