//! WebP through libwebp, whose pixels are those of Pillow: fed portion by portion, its rows handed out as they come.
//!
//! Of an animation the first frame counts, on a canvas that is transparent around it.
#![allow(unsafe_code)]

use super::raster::compose;
use super::resample::Rows;
use super::source::{Pulse, corrupt};
use super::{Format, Limits};
use crate::preprocess::Alpha;
use crate::{Error, Result};
use libwebp_sys::{
    VP8StatusCode::{self, VP8_STATUS_OK, VP8_STATUS_OUT_OF_MEMORY, VP8_STATUS_SUSPENDED},
    WEBP_CSP_MODE, WebPGetInfo, WebPIDecGetRGB, WebPIDecoder, WebPIDelete, WebPINewRGB,
    WebPIUpdate,
};
use std::ptr::{self, NonNull};
use std::slice;

/// Bytes of a lossy picture that are decoded before `progress` is called again.
const LOSSY: usize = 1 << 14;

/// The same of a lossless one, of which libwebp does up to eight rows again where a portion ends.
///
/// A picture that is flat takes hardly any bytes, and so comes in one go, at some 200 million pixels a second.
const LOSSLESS: usize = 1 << 20;

/// What precedes the first picture.
struct Header<'a> {
    /// Width and height of the canvas.
    size: (u32, u32),
    /// Left and top of the picture.
    place: (usize, usize),
    /// What libwebp decodes: the file, or the chunks of an animation's first frame.
    data: &'a [u8],
    lossless: bool,
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut chunks = Chunks(bytes.get(12..)?);
        let (kind, content) = chunks.next()?;
        if kind != b"VP8X" {
            return Some(Self {
                size: stored(bytes)?,
                place: (0, 0),
                data: bytes,
                lossless: kind == b"VP8L",
            });
        }
        let size = (number(content, 4)? + 1, number(content, 7)? + 1);
        for (kind, content) in chunks {
            match kind {
                b"VP8 " | b"VP8L" => {
                    return Some(Self {
                        size,
                        place: (0, 0),
                        data: bytes,
                        lossless: kind == b"VP8L",
                    });
                }
                b"ANMF" => {
                    // Left and top, in pixels by two, width, height, duration and flags.
                    let data = content.get(16..)?;
                    let lossless = Chunks(data).any(|(kind, _)| kind == b"VP8L");
                    let (left, top) = (2 * number(content, 0)?, 2 * number(content, 3)?);
                    return Some(Self {
                        size,
                        place: (left as usize, top as usize),
                        data,
                        lossless,
                    });
                }
                _ => {}
            }
        }
        None
    }
}

/// Chunks of a container: kind and content, which may be cut off.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.0.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let content = rest.get(..length).unwrap_or(rest);
        self.0 = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
        Some((kind, content))
    }
}

/// A number of three bytes.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at + 3)? {
        &[a, b, c] => Some(u32::from_le_bytes([a, b, c, 0])),
        _ => None,
    }
}

/// Width and height by the picture itself.
fn stored(data: &[u8]) -> Option<(u32, u32)> {
    let (mut width, mut height) = (0, 0);
    // SAFETY: reads no more than the bytes given, and writes two integers.
    let found = unsafe { WebPGetInfo(data.as_ptr(), data.len(), &mut width, &mut height) };
    (found != 0).then(|| Some((u32::try_from(width).ok()?, u32::try_from(height).ok()?)))?
}

/// Width and height of the canvas.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    let header = Header::read(bytes);
    header
        .map(|header| header.size)
        .ok_or_else(|| corrupt(Format::WebP, "the data ends early"))
}

/// Whether the container is longer than the file: the decoder needs only the first picture, but EXIF comes last.
fn ends_early(bytes: &[u8]) -> bool {
    bytes
        .get(4..8)
        .and_then(|size| size.try_into().ok())
        .is_none_or(|size| u64::from(u32::from_le_bytes(size)) + 8 > bytes.len() as u64)
}

/// A decoder of libwebp's.
struct Incremental(NonNull<WebPIDecoder>);

impl Drop for Incremental {
    fn drop(&mut self) {
        // SAFETY: made by WebPINewRGB, and not used any more.
        unsafe { WebPIDelete(self.0.as_ptr()) };
    }
}

/// The first picture of a WebP being decoded, row by row.
pub(super) struct Canvas<'a> {
    decoder: Incremental,
    header: Header<'a>,
    alpha: Alpha,
    /// Bytes that the decoder has been given.
    given: usize,
    next: usize,
    /// Rows and columns of the picture, as far as they are known.
    picture: (usize, usize),
    pulse: &'a Pulse<'a>,
}

impl<'a> Canvas<'a> {
    /// Checks the header against `limits`.
    pub(super) fn open(
        bytes: &'a [u8],
        alpha: Alpha,
        limits: &Limits,
        pulse: &'a Pulse<'a>,
    ) -> Result<Self> {
        let early = || corrupt(Format::WebP, "the data ends early");
        let header = Header::read(bytes).ok_or_else(early)?;
        let (width, height) = header.size;
        if width == 0 || height == 0 {
            return Err(corrupt(Format::WebP, "the picture has no pixels"));
        }
        limits.check(width, height)?;
        if ends_early(bytes) {
            return Err(early());
        }
        // Of a frame, which may be larger than its canvas.
        let (width, height) = stored(header.data).ok_or_else(early)?;
        limits.check(width, height)?;
        let picture = (width as usize, height as usize);
        // SAFETY: makes a decoder that allocates its own buffer for pixels.
        let decoder = unsafe { WebPINewRGB(WEBP_CSP_MODE::MODE_RGBA, ptr::null_mut(), 0, 0) };
        let decoder =
            NonNull::new(decoder).ok_or_else(|| refused(VP8_STATUS_OUT_OF_MEMORY, picture))?;
        Ok(Self {
            decoder: Incremental(decoder),
            picture,
            header,
            alpha,
            given: 0,
            next: 0,
            pulse,
        })
    }

    /// Row `y` of the picture, RGBA.
    fn row(&mut self, y: usize) -> Result<&[u8]> {
        let portion = if self.header.lossless {
            LOSSLESS
        } else {
            LOSSY
        };
        loop {
            let (mut rows, mut width, mut stride) = (0, 0, 0);
            // SAFETY: the decoder is there; what it tells is written into three integers.
            let pixels = unsafe {
                let decoder = self.decoder.0.as_ptr();
                WebPIDecGetRGB(decoder, &mut rows, &mut width, ptr::null_mut(), &mut stride)
            };
            let (rows, width) = (usize::try_from(rows), usize::try_from(width));
            if let (Ok(rows), Ok(width), Ok(stride)) = (rows, width, usize::try_from(stride))
                && !pixels.is_null()
                && y < rows
            {
                // SAFETY: the buffer holds that many rows of so many pixels, four bytes each, the beginnings of two of them a
                // stride apart. It stays where it is until the decoder is dropped, and nothing writes to it before the
                // decoder is given more, for which this borrow must have ended.
                return Ok(unsafe { slice::from_raw_parts(pixels.add(y * stride), 4 * width) });
            }
            self.pulse.beat();
            if self.given == self.header.data.len() {
                return Err(corrupt(Format::WebP, "the data ends early"));
            }
            self.given = self.header.data.len().min(self.given + portion);
            // SAFETY: the decoder is given the same bytes each time, only more of them, and they outlive it.
            let status = unsafe {
                WebPIUpdate(
                    self.decoder.0.as_ptr(),
                    self.header.data.as_ptr(),
                    self.given,
                )
            };
            if !matches!(status, VP8_STATUS_OK | VP8_STATUS_SUSPENDED) {
                return Err(refused(status, self.picture));
            }
        }
    }
}

fn refused(status: VP8StatusCode, (width, height): (usize, usize)) -> Error {
    match status {
        VP8_STATUS_OUT_OF_MEMORY => Error::OutOfMemory {
            bytes: 4 * width * height,
        },
        _ => corrupt(Format::WebP, "the decoder cannot make sense of it"),
    }
}

impl Rows for Canvas<'_> {
    fn size(&self) -> (usize, usize) {
        (self.header.size.0 as usize, self.header.size.1 as usize)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let ((left, top), (_, height)) = (self.header.place, self.picture);
        let alpha = self.alpha;
        let out = row.as_chunks_mut::<3>().0;
        out.fill(compose([0; 3], 0, alpha));
        if let Some(y) = self.next.checked_sub(top).filter(|&y| y < height) {
            let pixels = self.row(y)?.as_chunks::<4>().0;
            for (out, &[r, g, b, a]) in out.iter_mut().skip(left).zip(pixels) {
                *out = compose([r, g, b], a, alpha);
            }
        }
        self.next += 1;
        if self.next == self.size().1 {
            // What lies below the canvas is to be sound as well.
            self.row(height - 1)?;
        }
        Ok(())
    }
}
