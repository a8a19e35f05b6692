//! What a format's module does: recognize a file, read its header, and hand out rows.
//!
//! A decoder may hand out less than the whole picture: fewer pixels where [`Request::enough`] is smaller, and only the
//! part that [`Request::area`] names. What it hands out says itself where it lies ([`Rows::view`]); the rest of the crate
//! computes from the full size.

use super::color::Conversion;
use super::region::Area;
use super::source::{Pulse, corrupt};
use super::{Format, Limits, metadata, rows::Rows};
use crate::preprocess::Alpha;
use crate::{Error, Result};
use std::borrow::Cow;
use std::iter::repeat_n;

/// Who reads one format.
pub(crate) trait Decoder: Sync {
    /// The format.
    fn format(&self) -> Format;

    /// Whether a file that begins like this is of the format.
    fn recognizes(&self, bytes: &[u8]) -> bool;

    /// By what the format is read, one for each library that takes part.
    fn readers(&self) -> Vec<Reader>;

    /// Reads what comes before the pixels of a page, counted from 1, or of the picture that is meant where none is named.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where that is damaged, [`Error::UnsupportedImageFormat`] where nothing of the format is read,
    /// [`Error::NoSuchPage`].
    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header>;

    /// Describes every page. Frames of an animation are pages of one size; other formats have one.
    ///
    /// # Errors
    /// As [`Self::header`].
    fn pages(&self, bytes: &[u8], pulse: &Pulse<'_>) -> Result<Box<dyn Iterator<Item = Page>>> {
        let header = some_pixels(self.format(), self.header(bytes, None, pulse)?)?;
        let page = Page {
            refused: header.refused,
            ..Page::full(header.size)
        };
        Ok(Box::new(repeat_n(page, header.frames as usize)))
    }

    /// The ICC profile of a page.
    fn profile<'a>(
        &self,
        bytes: &'a [u8],
        _page: Option<i32>,
        pulse: &Pulse<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        metadata::profile(self.format(), bytes, pulse)
    }

    /// Starts decoding. The header was read and is within the limits; it is not refused.
    ///
    /// # Errors
    /// [`Error::CorruptImage`], or [`Error::UnsupportedImageFormat`] for what the header did not tell.
    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>>;
}

/// One way of reading a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// What of the format is read so; empty for all of it.
    pub variant: &'static str,
    /// The library that decodes.
    pub library: &'static str,
    /// Its version, where it is there.
    pub version: Cow<'static, str>,
    /// What is to be done to have the format read; `None` where it is.
    pub missing: Option<Cow<'static, str>>,
}

impl Reader {
    /// A library that is built in.
    pub(crate) fn built_in(
        variant: &'static str,
        library: &'static str,
        version: &'static str,
    ) -> Self {
        Self {
            variant,
            library,
            version: version.into(),
            missing: None,
        }
    }
}

/// A file that is being opened: what there is to decode a picture from.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a, 'r> {
    pub(crate) bytes: &'a [u8],
    /// What [`Decoder::header`] gave.
    pub(crate) header: &'r Header,
    pub(crate) request: &'r Request,
    pub(crate) pulse: &'a Pulse<'a>,
}

/// What is known of a picture before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Pixels per row and rows, as stored.
    pub(crate) size: (u32, u32),
    /// By how much the decoder can divide both sides while it decodes; 1 where it cannot.
    pub(crate) reducible: u32,
    /// EXIF orientation, 1 to 8.
    pub(crate) orientation: u8,
    /// Pictures in the file, at least 1.
    pub(crate) frames: u32,
    /// The variant of the format, in words, where there is no decoder for it.
    pub(crate) refused: Option<String>,
}

impl Header {
    /// Of a picture the right way up that can be decoded and is the only one.
    pub(crate) fn new(size: (u32, u32)) -> Self {
        Self {
            size,
            reducible: 1,
            orientation: 1,
            frames: 1,
            refused: None,
        }
    }

    /// Refuses what cannot be decoded, and what is larger than `limits` even when it is reduced as far as can be.
    ///
    /// # Errors
    /// [`Error::UnsupportedImageFormat`], [`Error::ImageTooLarge`].
    pub(crate) fn check(&self, limits: &Limits) -> Result<()> {
        if let Some(format) = &self.refused {
            let format = format.clone();
            return Err(Error::UnsupportedImageFormat { format });
        }
        let (width, height) = self.size;
        let reduced = |side: u32| u64::from(side.div_ceil(self.reducible));
        if reduced(width) * reduced(height) > limits.max_pixels {
            return Err(limits.exceeded(width, height));
        }
        Ok(())
    }
}

/// A page, as its header has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Pixels per row as stored, and rows; 0 where the file does not tell.
    pub size: (u32, u32),
    /// What it is to the other pages.
    pub kind: PageKind,
    /// What the file calls the page.
    pub title: Option<String>,
    /// Why it cannot be decoded: the variant of the format in words.
    pub refused: Option<String>,
}

/// What a page is to the others of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// A picture of its own.
    Full,
    /// A smaller version of another page.
    Reduced,
    /// What tells which pixels of another page count.
    Mask,
    /// What a camera shows of a page that only its maker can develop.
    Preview,
}

impl PageKind {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Reduced => "reduced",
            Self::Mask => "mask",
            Self::Preview => "preview",
        }
    }
}

impl Page {
    /// A picture of its own that can be decoded.
    pub(crate) fn full(size: (u32, u32)) -> Self {
        Self {
            size,
            kind: PageKind::Full,
            title: None,
            refused: None,
        }
    }
}

/// What is asked of a decoder.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The page, from 1.
    pub(crate) page: Option<i32>,
    /// What becomes of transparency.
    pub(crate) alpha: Alpha,
    pub(crate) limits: Limits,
    /// The part of the picture as stored that is looked at; a decoder may leave out the rest.
    pub(crate) area: Area,
    /// Width and height that are enough for that part, as stored: a decoder may deliver fewer pixels than the file has,
    /// though never fewer than these.
    pub(crate) enough: (usize, usize),
    /// What becomes of inks; without it they become colours in the simplest way. Other colours are converted later.
    pub(crate) conversion: Option<Conversion>,
}

impl Request {
    /// All of a picture, in full size.
    pub(crate) fn whole(
        (width, height): (u32, u32),
        page: Option<i32>,
        alpha: Alpha,
        limits: Limits,
    ) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self {
            page,
            alpha,
            limits,
            area: Area {
                columns: 0..width,
                rows: 0..height,
            },
            enough: (width, height),
            conversion: None,
        }
    }

    /// How often both sides may be halved.
    ///
    /// What is left has at least [`Self::SPARE`] times as many pixels on a side as are [enough](Self::enough), unless that
    /// exceeds the limit on pixels; then it is halved as often as the limit asks for.
    pub(crate) fn halvings(&self, (width, height): (u32, u32)) -> u32 {
        let (columns, rows) = self.area.size();
        let spared = |enough: usize| enough.saturating_mul(Self::SPARE);
        let mut halvings = 0;
        while halvings < 31
            && columns >> (halvings + 1) >= spared(self.enough.0)
            && rows >> (halvings + 1) >= spared(self.enough.1)
        {
            halvings += 1;
        }
        let pixels = |halvings: u32| {
            let reduced = |side: u32| u64::from(side).div_ceil(1 << halvings);
            reduced(width) * reduced(height)
        };
        while halvings < 31 && pixels(halvings) > self.limits.max_pixels {
            halvings += 1;
        }
        halvings
    }

    /// Pixels that a reduced picture has for each that is needed along a side, so that resizing it shows no difference
    /// (Pillow's `reducing_gap`, of which its documentation says the same).
    const SPARE: usize = 2;
}

/// Which of so many pages is meant, from 0; the first where none is named.
///
/// # Errors
/// [`Error::NoSuchPage`].
pub(crate) fn nth(page: Option<i32>, pages: u32) -> Result<u32> {
    let Some(page) = page else {
        return Ok(0);
    };
    let number = u32::try_from(page).ok().filter(|number| *number <= pages);
    let n = number.and_then(|number| number.checked_sub(1));
    n.ok_or(Error::NoSuchPage { page, pages })
}

/// The error for a file that has no such page.
pub(crate) fn only_page(page: Option<i32>) -> Result<()> {
    nth(page, 1).map(drop)
}

/// Refuses a picture without pixels.
pub(crate) fn some_pixels(format: Format, header: Header) -> Result<Header> {
    match header.size {
        (0, _) | (_, 0) => Err(corrupt(format, "the picture has no pixels")),
        _ => Ok(header),
    }
}
