//! Windows and OS/2 bitmaps, decoded whole by the `image` crate.

use super::Format;
use super::decoder::{Decoder, Header, Reader, Request, only_page};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use super::through_image::{self, Way};
use crate::{Error, Result};
use ::image::codecs::bmp::BmpDecoder;

/// The decoder of BMP.
pub(super) struct Bmp;

const WAY: Way = Way {
    format: Format::Bmp,
    make: |source| Ok(Box::new(BmpDecoder::new(source)?)),
    memory: |_, _| 0,
    unasked: u64::MAX,
};

impl Decoder for Bmp {
    fn format(&self) -> Format {
        Format::Bmp
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(b"BM")
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "image", "0.25.10")]
    }

    fn header(&self, bytes: &[u8], page: u32, pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        // The decoder has a limit of its own, which would not be told from damage.
        let size = size(bytes).ok_or_else(|| corrupt(Format::Bmp, "the header ends early"))?;
        let refused = match through_image::header(Format::Bmp, WAY.make, bytes, pulse) {
            Err(Error::UnsupportedImageFormat { format }) => Some(format),
            _ => None,
        };
        Ok(Header {
            refused,
            ..Header::new(size)
        })
    }

    fn open<'a>(
        &self,
        bytes: &'a [u8],
        header: &Header,
        request: &Request,
        pulse: &'a Pulse<'a>,
    ) -> Result<Box<dyn Rows + 'a>> {
        let raster = through_image::decode(WAY, bytes, header.size, request, pulse)?;
        Ok(Box::new(raster))
    }
}

/// From the old header, of 12 bytes, or one of its successors, in which a negative height means top to bottom.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    match *bytes.get(14..26)? {
        [12, 0, 0, 0, w0, w1, h0, h1, ..] => Some((
            u16::from_le_bytes([w0, w1]).into(),
            u16::from_le_bytes([h0, h1]).into(),
        )),
        [_, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3] => Some((
            u32::from_le_bytes([w0, w1, w2, w3]),
            i32::from_le_bytes([h0, h1, h2, h3]).unsigned_abs(),
        )),
        _ => None,
    }
}
