//! TIFF and BigTIFF: one picture of several, out of strips or tiles of any compression, as rows of RGB.
//!
//! The way through a file: `directory` reads what is known of pictures, `pages` chooses one, `layout` says how it is stored
//! (`jpeg_head` of JPEG streams), `codec` undoes the compression (`stream`, `log_luv`, `fax`, `jpeg`, `whole`; they share `chunk`),
//! `strips` puts rows together and undoes the predictor (`samples`), `scale` makes 8 bits of any depth, `color` RGB of any
//! colours, `picture` rows.
//!
//! What a file needs is told from its directory before anything is decoded, so that a variant without a decoder is not taken
//! for damage, and its size is known all the same. Of a file that holds smaller versions of the picture, the smallest one is
//! decoded that has enough pixels; of that only the strips and tiles that the region takes part in.

mod chunk;
mod codec;
mod color;
mod directory;
mod fax;
mod jpeg;
mod jpeg_head;
mod layout;
mod log_luv;
mod pages;
mod picture;
mod samples;
mod scale;
mod stream;
mod strips;
mod whole;

use super::Format;
use super::decoder::{Decoder, Header, Opening, Page, Reader};
use super::exif;
use super::rows::Rows;
use super::source::Pulse;
use crate::Result;
#[cfg(test)]
pub(super) use directory::Directory;
use pages::Pages;
use picture::Picture;
use std::borrow::Cow;

/// The decoder of TIFF.
pub(super) struct Tiff;

impl Decoder for Tiff {
    fn format(&self) -> Format {
        Format::Tiff
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        matches!(
            bytes,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..]
        )
    }

    fn readers(&self) -> Vec<Reader> {
        vec![
            Reader::built_in("", "clip_pg", env!("CARGO_PKG_VERSION")),
            Reader::built_in("CCITT compression", "fax", "0.2.7"),
            Reader::built_in("LZW compression", "weezl", "0.1.12"),
            Reader::built_in("deflate compression", "flate2", "1.1.11"),
            Reader::built_in("JPEG compression", "mozjpeg", "0.10.13"),
            Reader::built_in("Zstandard compression", "ruzstd", "0.9.1"),
            Reader::built_in("LZMA compression", "lzma-rust2", "0.25.0"),
            Reader::built_in("WebP compression", "image-webp", "0.2.4"),
            Reader::built_in("LERC compression", "lerc-rs", "0.8.0"),
        ]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header> {
        let pages = Pages::read(bytes, pulse)?;
        let picture = pages.get(page)?;
        let layout = &picture.layout;
        Ok(Header {
            reducible: pages.reducible(picture),
            orientation: pages.orientation(picture, pulse),
            frames: exif::pages(bytes, pulse),
            refused: layout.refused().map(|name| format!("TIFF with {name}")),
            ..Header::new((layout.width as u32, layout.height as u32))
        })
    }

    fn pages(&self, bytes: &[u8], pulse: &Pulse<'_>) -> Result<Box<dyn Iterator<Item = Page>>> {
        let pages = Pages::read(bytes, pulse)?.described();
        Ok(Box::new(pages.into_iter()))
    }

    /// That of the first directory where the page has none.
    fn profile<'a>(
        &self,
        bytes: &'a [u8],
        page: Option<i32>,
        pulse: &Pulse<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        const PROFILE: u16 = 34_675;
        let pages = Pages::read(bytes, pulse).ok()?;
        let own = pages.get(page).ok()?.layout.directory.bytes(PROFILE);
        own.or_else(|| exif::block(bytes, PROFILE))
            .map(Cow::Borrowed)
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let Opening { request, pulse, .. } = file;
        let pages = Pages::read(file.bytes, pulse)?;
        let (layout, area, step) = pages.level(pages.get(request.page)?, request);
        Ok(Box::new(Picture::open(layout, request, area, step, pulse)?))
    }
}
