//! Strips and tiles, as all decoders of them see them: what they get, and the rows that they give.

use crate::source::corrupt;
use crate::{Error, Format, Result};
use std::io;

/// Most bytes of what was decoded that a stream may refer back to: more than any writer of TIFF asks for.
pub(super) const WINDOW: usize = 1 << 27;

/// A strip or tile being decoded.
pub(super) trait Packed {
    /// Fills `row` with the next row.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where there is none.
    fn fill(&mut self, row: &mut [u8]) -> Result<()>;
}

/// A strip or tile to be decoded.
pub(super) struct Chunk<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the file ends within it.
    pub(super) cut: bool,
    /// Pixels per row and rows.
    pub(super) size: (usize, usize),
    /// Bytes of a row.
    pub(super) stride: usize,
}

/// The error for a stream that a decoder gives up.
pub(super) fn unreadable(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => corrupt(Format::Tiff, "the data ends early"),
        io::ErrorKind::OutOfMemory => Error::UnsupportedImageFormat {
            format: format!("TIFF with a compression that looks back over {WINDOW} bytes"),
        },
        _ => corrupt(Format::Tiff, error.to_string()),
    }
}

/// Rows of what was decoded as a whole.
pub(super) struct Decoded {
    bytes: Vec<u8>,
    /// Bytes of a row of it, and where the next one begins.
    stride: usize,
    next: usize,
}

impl Decoded {
    pub(super) fn new(bytes: Vec<u8>, stride: usize) -> Self {
        Self {
            bytes,
            stride,
            next: 0,
        }
    }
}

impl Packed for Decoded {
    fn fill(&mut self, row: &mut [u8]) -> Result<()> {
        let bytes = self.bytes.get(self.next..).unwrap_or_default();
        let Some(bytes) = bytes.get(..self.stride) else {
            return Err(corrupt(Format::Tiff, "the data ends early"));
        };
        let length = row.len().min(bytes.len());
        let (filled, rest) = row.split_at_mut(length);
        filled.copy_from_slice(bytes.get(..length).unwrap_or_default());
        rest.fill(0);
        self.next += self.stride;
        Ok(())
    }
}
