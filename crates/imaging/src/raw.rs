//! Camera raw files whose container is not TIFF: the largest JPEG that the camera put in.
//!
//! Only their makers can develop what the sensor saw. `tiff` shows raw files that are TIFF (CR2, NEF, ARW, DNG) in the same
//! way. Where the JPEG does not say how it is to be turned, the container does.

use super::Format;
use super::camera::{self, Maker};
use super::decoder::{Decoder, Header, Opening, Page, PageKind, Reader, only_page, some_pixels};
use super::exif;
use super::jpeg::Jpeg;
use super::metadata::{self, Blocks, Kind};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use crate::{Error, Result};
use std::borrow::Cow;
use std::iter::once;

/// The decoder of camera raw files.
pub(super) struct Raw;

impl Decoder for Raw {
    fn format(&self) -> Format {
        Format::Raw
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        Maker::of(bytes).is_some()
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("previews", "mozjpeg", "4.1.1")]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        let (jpeg, header) = preview(bytes, pulse)?;
        let blocks = Blocks::of(Format::Jpeg, jpeg, pulse);
        let mut exif = blocks.all(Kind::Exif);
        let own = exif.find_map(|block| exif::orientation(&block));
        let container = || {
            camera::parts(bytes)
                .iter()
                .find_map(|(_, part)| exif::orientation(part))
        };
        Ok(Header {
            orientation: own.or_else(container).unwrap_or(header.orientation),
            ..header
        })
    }

    fn pages(&self, bytes: &[u8], pulse: &Pulse<'_>) -> Result<Box<dyn Iterator<Item = Page>>> {
        let header = some_pixels(Format::Raw, self.header(bytes, None, pulse)?)?;
        Ok(Box::new(once(Page {
            kind: PageKind::Preview,
            refused: header.refused,
            ..Page::full(header.size)
        })))
    }

    fn profile<'a>(
        &self,
        bytes: &'a [u8],
        _page: Option<i32>,
        pulse: &Pulse<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        let (jpeg, _) = preview(bytes, pulse).ok()?;
        metadata::profile(Format::Jpeg, jpeg, pulse)
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let (bytes, _) = preview(file.bytes, file.pulse)?;
        Jpeg.open(Opening { bytes, ..file })
    }
}

/// The largest preview, and its header.
fn preview<'a>(bytes: &'a [u8], pulse: &Pulse<'_>) -> Result<(&'a [u8], Header)> {
    let maker = Maker::of(bytes).ok_or(Error::UnknownImageFormat)?;
    let previews = maker.previews(bytes);
    let mut best: Option<(&[u8], Header)> = None;
    for &jpeg in &previews {
        let Ok(header) = Jpeg.header(jpeg, None, pulse) else {
            continue;
        };
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let larger = |(_, best): &(&[u8], Header)| pixels(header.size) > pixels(best.size);
        if header.refused.is_none() && best.as_ref().is_none_or(larger) {
            best = Some((jpeg, header));
        }
    }
    match best {
        Some(best) => Ok(best),
        None if previews.is_empty() => Err(Error::UnsupportedImageFormat {
            format: format!(
                "{} ({} without a preview)",
                Format::Raw.title(),
                maker.title()
            ),
        }),
        None => Err(corrupt(Format::Raw, "the data ends early")),
    }
}
