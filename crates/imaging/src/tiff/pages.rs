//! Which picture of a file is meant, and which of its sizes.
//!
//! Page 0 is the first whole picture of the file, not a thumbnail that may come before it; the other pages follow in the
//! order of the file. A picture whose pixels only a camera's maker can develop is shown by the largest preview.

use super::directory::Directory;
use super::layout::Layout;
use crate::decoder::Request;
use crate::exif::Tiff;
use crate::metadata::xmp_orientation;
use crate::region::Area;
use crate::rows::View;
use crate::source::{Pulse, corrupt};
use crate::{Error, Format, Result};
use std::ops::Range;

/// Pixels that a smaller version has for each that is needed along a side, as in [`Request`].
const SPARE: usize = 2;

/// The pictures of a file.
pub(super) struct Pages<'a> {
    pages: Vec<Layout<'a>>,
    /// What hangs below the first page that has something.
    below: Vec<Layout<'a>>,
    /// Orientation of the first directory.
    orientation: Option<u8>,
}

impl<'a> Pages<'a> {
    /// Reads all directories.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where there is none that tells a size.
    pub(super) fn read(bytes: &'a [u8], pulse: &Pulse<'_>) -> Result<Self> {
        let Some(file) = Tiff::open(bytes) else {
            return Err(corrupt(Format::Tiff, "the data ends early"));
        };
        let read = |directory: Directory<'a>| {
            pulse.beat();
            Layout::read(directory)
        };
        let (mut pages, mut below) = (Vec::new(), Vec::new());
        let (mut next, mut lost) = (None, false);
        for directory in file.chain() {
            next = directory.next;
            if below.is_empty() {
                below = directory.below();
            }
            let page = read(directory);
            lost |= page.is_none();
            pages.extend(page);
        }
        let below: Vec<_> = below.into_iter().filter_map(read).collect();
        if pages.is_empty() && below.is_empty() {
            let reason = match file.first < bytes.len() {
                true => "the first directory is damaged",
                false => "the data ends early",
            };
            return Err(corrupt(Format::Tiff, reason));
        }
        // Where the chain breaks off, the picture that its thumbnail came before may be lost.
        lost |= next.is_some_and(|next| file.directory(next).is_none());
        if lost && !pages.iter().chain(&below).any(Layout::is_full) {
            return Err(corrupt(Format::Tiff, "the data ends early"));
        }
        let mut pages = Self {
            pages,
            below,
            orientation: file
                .directory(file.first)
                .and_then(|first| orientation(&first, pulse)),
        };
        if let Some(chosen) = pages.chosen().cloned() {
            let offset = chosen.directory.offset;
            pages.pages.retain(|page| page.directory.offset != offset);
            pages.pages.insert(0, chosen);
        }
        Ok(pages)
    }

    /// The picture that is meant where none is named.
    fn chosen(&self) -> Option<&Layout<'a>> {
        let all = || self.pages.iter().chain(&self.below);
        if !all().any(Layout::is_raw) {
            let full = |layouts: &'_ [Layout<'a>]| layouts.iter().position(Layout::is_full);
            if let Some(n) = full(&self.pages) {
                return self.pages.get(n);
            }
            if let Some(n) = full(&self.below) {
                return self.below.get(n);
            }
        }
        let shown = all().filter(|layout| layout.refused().is_none());
        // Of equals the first.
        shown
            .max_by_key(|layout| {
                (
                    layout.width * layout.height,
                    usize::MAX - layout.directory.offset,
                )
            })
            .or_else(|| all().next())
    }

    /// The page with this number, from 0.
    ///
    /// # Errors
    /// [`Error::NoSuchPage`].
    pub(super) fn get(&self, page: u32) -> Result<&Layout<'a>> {
        self.pages.get(page as usize).ok_or(Error::NoSuchPage {
            page,
            pages: self.pages.len() as u32,
        })
    }

    /// All pages.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Layout<'a>> {
        self.pages.iter()
    }

    /// EXIF orientation of a page, 1 to 8. What hangs below another directory may leave it to that.
    pub(super) fn orientation(&self, layout: &Layout<'_>, pulse: &Pulse<'_>) -> u8 {
        let offset = layout.directory.offset;
        let below = self
            .below
            .iter()
            .any(|layout| layout.directory.offset == offset);
        orientation(&layout.directory, pulse)
            .or(self.orientation.filter(|_| below))
            .unwrap_or(1)
    }

    /// Smaller versions of a page: of the same shape, said to be smaller, and decodable.
    fn smaller<'p>(&'p self, layout: &'p Layout<'a>) -> impl Iterator<Item = &'p Layout<'a>> {
        let same_shape = |other: &Layout<'_>| {
            // Sides were rounded, up or down.
            let (across, down) = (layout.width * other.height, layout.height * other.width);
            across.abs_diff(down) <= layout.width.max(layout.height)
        };
        // Only the first page is known to be the one that others are made from.
        let first = self
            .pages
            .first()
            .is_some_and(|first| first.directory.offset == layout.directory.offset);
        let all = self.pages.iter().chain(&self.below).filter(move |_| first);
        all.filter(move |other| {
            !other.is_full()
                && !other.is_mask()
                && other.width < layout.width
                && other.height < layout.height
                && other.width > 0
                && other.height > 0
                && same_shape(other)
                && other.refused().is_none()
        })
    }

    /// By how much both sides of a page can be divided.
    pub(super) fn reducible(&self, layout: &Layout<'a>) -> u32 {
        let factors = self
            .smaller(layout)
            .map(|other| (layout.width / other.width).min(layout.height / other.height));
        factors.max().unwrap_or(1).max(1) as u32
    }

    /// The smallest version of a page that is enough for a request, the part of it that is asked for, and how many pixels of
    /// the page one of it stands for.
    pub(super) fn level<'p>(
        &'p self,
        layout: &'p Layout<'a>,
        request: &Request,
    ) -> (&'p Layout<'a>, Area, (f64, f64)) {
        let pixels = |layout: &Layout<'_>| (layout.width * layout.height) as u64;
        let enough = |level: &&Layout<'a>| {
            let side = |range: &Range<usize>, level: usize, full: usize, enough: usize| {
                range.len() * level / full.max(1) >= enough.saturating_mul(SPARE)
            };
            let Area { columns, rows } = &request.area;
            side(columns, level.width, layout.width, request.enough.0)
                && side(rows, level.height, layout.height, request.enough.1)
        };
        let allowed = |level: &&Layout<'a>| pixels(level) <= request.limits.max_pixels;
        let smallest = self
            .smaller(layout)
            .filter(enough)
            .filter(allowed)
            .min_by_key(|level| pixels(level));
        let level = smallest.unwrap_or_else(|| match allowed(&layout) {
            true => layout,
            false => {
                let fitting = self.smaller(layout).filter(allowed);
                fitting.max_by_key(|level| pixels(level)).unwrap_or(layout)
            }
        });
        let part = |range: &Range<usize>, level: usize, full: usize| {
            let start = range.start * level / full.max(1);
            let end = (range.end * level)
                .div_ceil(full.max(1))
                .clamp(start + 1, level.max(start + 1));
            start..end
        };
        let area = Area {
            columns: part(&request.area.columns, level.width, layout.width),
            rows: part(&request.area.rows, level.height, layout.height),
        };
        let full = (layout.width, layout.height);
        let view = View::reduced(full, (level.width, level.height));
        (level, area, view.step)
    }
}

/// Orientation of a directory: its own tag, else the one in its XMP.
fn orientation(directory: &Directory<'_>, pulse: &Pulse<'_>) -> Option<u8> {
    let xmp = || xmp_orientation(directory.bytes(700)?, pulse);
    directory.orientation().or_else(xmp)
}
