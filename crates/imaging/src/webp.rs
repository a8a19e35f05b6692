//! WebP, decoded whole by the `image` crate, later frames of an animation by `animation`, and its container, as far as the decoder is not to be trusted with it.

mod animation;

use super::decoder::{Decoder, Header, Opening, Reader, nth};
use super::riff::Chunks;
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use super::through_image::{self, Way, decode_aside};
use super::{Format, metadata};
use crate::Result;
use ::image::codecs::webp::WebPDecoder;

/// The decoder of WebP.
pub(super) struct WebP;

const WAY: Way = Way {
    format: Format::WebP,
    make: |source| Ok(Box::new(WebPDecoder::new(source)?)),
    // Frames of an animation take most: up to eight bytes a pixel, four of the frame and four of the canvas. The file is
    // read into two buffers.
    memory: |pixels, file| 8 * pixels + 2 * file,
    // Some 60 ms.
    unasked: 1 << 20,
};

/// Bytes that a pixel of a frame beyond the first takes at most: those of the canvas, and of the frame while it is decoded.
const FRAME: u64 = 16;

impl Decoder for WebP {
    fn format(&self) -> Format {
        Format::WebP
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "image-webp", "0.2.4")]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header> {
        let size = through_image::header(Format::WebP, WAY.make, bytes, pulse)?;
        let said = metadata::read(Format::WebP, bytes, pulse);
        nth(page, said.frames)?;
        Ok(Header {
            orientation: said.orientation,
            frames: said.frames,
            ..Header::new(size)
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        check(file.bytes, file.header.size, file.pulse)?;
        match nth(file.request.page, file.header.frames)? {
            0 => Ok(Box::new(through_image::decode(WAY, file)?)),
            n => {
                let size = file.header.size;
                decode_aside(Format::WebP, FRAME, file, move |bytes, pulse| {
                    animation::composed(bytes, n, size, pulse)
                })
            }
        }
    }
}

/// Refuses what the decoder would only notice after the fact, or not at all.
///
/// # Errors
/// The container is longer than the file: the decoder needs only the first picture, but EXIF comes last. Or a lossy
/// picture is larger than its canvas: the decoder holds it as a whole before it compares the two.
pub(super) fn check(bytes: &[u8], canvas: (u32, u32), pulse: &Pulse<'_>) -> Result<()> {
    let size = bytes.get(4..8).and_then(|size| size.try_into().ok());
    if size.is_none_or(|size| u64::from(u32::from_le_bytes(size)) + 8 > bytes.len() as u64) {
        return Err(corrupt(Format::WebP, "the data ends early"));
    }
    let fits = |picture: &[u8]| {
        let (width, height) = lossy_size(picture).unwrap_or_default();
        width <= canvas.0 && height <= canvas.1
    };
    for (kind, content) in Chunks::of(bytes) {
        pulse.beat();
        let fit = match kind {
            b"VP8 " => fits(content),
            // Left, top, width, height, duration and flags; then the picture, perhaps after its alpha.
            b"ANMF" => Chunks::within(content.get(16..).unwrap_or_default())
                .take(2)
                .all(|(_, content)| fits(content)),
            _ => true,
        };
        if !fit {
            return Err(corrupt(Format::WebP, "contradictory headers"));
        }
    }
    Ok(())
}

/// Width and height as a lossy picture itself says; `None` where it is none.
fn lossy_size(picture: &[u8]) -> Option<(u32, u32)> {
    match *picture.get(3..10)? {
        [0x9d, 0x01, 0x2a, w0, w1, h0, h1] => Some((
            u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff),
            u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff),
        )),
        _ => None,
    }
}
