//! HEIC and other HEIF, read by the system's libheif: its codec has no decoder in Rust, and libraries of its kind have had
//! too many holes to be opened unasked.
//!
//! [`use_libheif`] names the library. The header is read without it. It decodes on a thread that can be left.

use super::Format;
use super::decoder::{Decoder, Header, Opening, Page, Reader, only_page, some_pixels};
use super::isobmff::{Items, brands};
use super::libheif::{Library, Wanted};
use super::raster::unmultiply;
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use super::through_image::decode_aside;
use crate::{Error, Result};
use std::iter::once;
use std::sync::{Mutex, PoisonError};

/// Bytes that decoding a pixel takes at most: planes of 16 bits, converted, and the result.
const PIXEL: u64 = 20;

/// What the library is and is not called.
static LIBRARY: Mutex<(String, Option<Opened>)> = Mutex::new((String::new(), None));

/// The library, or why it could not be opened.
type Opened = std::result::Result<&'static Library, String>;

/// Has HEIC decoded by the library that the dynamic linker finds as `path`, in this process; by none if that is empty.
///
/// The library is opened when it is first needed, and stays open.
pub fn use_libheif(path: &str) {
    let mut library = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    if library.0 != path {
        *library = (path.to_owned(), None);
    }
}

/// The library that was named; an error where it cannot be opened, `None` where there is none.
fn library() -> Option<Opened> {
    let mut library = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    let (path, opened) = &mut *library;
    if path.is_empty() {
        return None;
    }
    Some(opened.get_or_insert_with(|| Library::open(path)).clone())
}

/// The decoder of HEIC.
pub(super) struct Heic;

impl Decoder for Heic {
    fn format(&self) -> Format {
        Format::Heic
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        brands(bytes).any(|brand| {
            matches!(
                brand,
                [b'h', b'e', b'i' | b'v', b'c' | b'x' | b'm' | b's']
                    | [b'm', b'i' | b's', b'f', b'1']
            )
        })
    }

    fn readers(&self) -> Vec<Reader> {
        let mut reader = Reader::built_in("", "libheif", "");
        match library() {
            None => {
                reader.missing = Some(
                    "Install libheif (in Debian the package libheif1) and have a superuser set clip_pg.libheif_library to libheif.so.1.".into(),
                );
            }
            Some(Err(reason)) => {
                reader.missing =
                    Some(format!("clip_pg.libheif_library cannot be opened: {reason}").into());
            }
            Some(Ok(library)) => reader.version = library.version().into(),
        }
        vec![reader]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, _pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        let items = Items::of(bytes);
        let found = items.and_then(|items| {
            let id = items.primary;
            // The library cuts and turns together.
            match items.cut(id) {
                Some(size) => Some((size, 1)),
                None => Some((items.size(id)?, items.orientation(id))),
            }
        });
        let (size, orientation) =
            found.ok_or_else(|| corrupt(Format::Heic, "there is no picture"))?;
        Ok(Header {
            orientation,
            ..Header::new(size)
        })
    }

    fn pages(&self, bytes: &[u8], pulse: &Pulse<'_>) -> Result<Box<dyn Iterator<Item = Page>>> {
        let header = some_pixels(Format::Heic, self.header(bytes, None, pulse)?)?;
        let readable = matches!(library(), Some(Ok(_)));
        Ok(Box::new(once(Page {
            refused: (!readable).then(|| Format::Heic.title().to_owned()),
            ..Page::full(header.size)
        })))
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let Some(Ok(library)) = library() else {
            let format = Format::Heic.title().to_owned();
            return Err(Error::UnsupportedImageFormat { format });
        };
        let size = file.header.size;
        let items = Items::of(file.bytes);
        let coded = items.as_ref().and_then(|items| items.size(items.primary));
        let wanted = Wanted {
            size,
            coded: coded.unwrap_or(size),
            shown: items
                .as_ref()
                .is_some_and(|items| items.cut(items.primary).is_some()),
        };
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let (coded, limits) = (pixels(wanted.coded), &file.request.limits);
        if coded > limits.max_pixels {
            return Err(limits.exceeded(wanted.coded.0, wanted.coded.1));
        }
        // What is cut off is decoded all the same.
        file.pulse
            .claim(PIXEL * coded.saturating_sub(pixels(size)))?;
        let premultiplied = items.is_some_and(|items| items.is_premultiplied(items.primary));
        decode_aside(Format::Heic, PIXEL, file, move |bytes, pulse| {
            let (mut samples, channels) = library.decode(bytes, wanted, pulse)?;
            if premultiplied && channels == 4 {
                unmultiply(&mut samples);
            }
            Ok((samples, channels))
        })
    }
}
