//! Formats that are known by name only.

use super::Format;
use super::decoder::{Decoder, Header, Reader, Request};
use super::rows::Rows;
use super::source::Pulse;
use crate::{Error, Result};

/// A format without a decoder.
pub(crate) struct Unread {
    format: Format,
    recognizes: fn(&[u8]) -> bool,
}

pub(crate) const HEIC: Unread = Unread {
    format: Format::Heic,
    recognizes: |bytes| {
        matches!(
            brand(bytes),
            Some([b'h', b'e', ..] | [b'm', b'i' | b's', b'f', b'1'])
        )
    },
};

/// The brand of an ISO base media file.
fn brand(bytes: &[u8]) -> Option<[u8; 4]> {
    match *bytes.first_chunk::<12>()? {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => Some(brand),
        _ => None,
    }
}

impl Unread {
    fn refusal(&self) -> Error {
        Error::UnsupportedImageFormat {
            format: self.format.title().to_owned(),
        }
    }
}

impl Decoder for Unread {
    fn format(&self) -> Format {
        self.format
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        (self.recognizes)(bytes)
    }

    fn readers(&self) -> Vec<Reader> {
        Vec::new()
    }

    fn header(&self, _bytes: &[u8], _page: u32, _pulse: &Pulse<'_>) -> Result<Header> {
        Err(self.refusal())
    }

    fn open<'a>(
        &self,
        _bytes: &'a [u8],
        _header: &Header,
        _request: &Request,
        _pulse: &'a Pulse<'a>,
    ) -> Result<Box<dyn Rows + 'a>> {
        Err(self.refusal())
    }
}
