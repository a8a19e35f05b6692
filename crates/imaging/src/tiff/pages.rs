//! Which picture of a file is meant, and which of its sizes.
//!
//! Pages have the order of the file, those that hang below others come last. Where no page is named, the first whole
//! picture is meant, not a thumbnail that may come before it. A picture whose pixels only a camera's maker can develop is shown by the largest preview.

use super::directory::Directory;
use super::layout::Layout;
use crate::decoder::{Page, PageKind, Request, nth};
use crate::exif::Tiff;
use crate::metadata::xmp_orientation;
use crate::region::Area;
use crate::rows::View;
use crate::source::{Pulse, corrupt};
use crate::{Format, Result};
use std::ops::Range;

/// Pixels that a smaller version has for each that is needed along a side, as in [`Request`].
const SPARE: usize = 2;

/// Pictures that hang below others and are looked at.
const MOST_BELOW: usize = 1 << 12;

/// Tags of titles.
const PAGE_NAME: u16 = 285;
const DOCUMENT_NAME: u16 = 269;

/// A picture of a file.
pub(super) struct Picture<'a> {
    pub(super) layout: Layout<'a>,
    /// Which pictures are versions of one: the same number for all of them.
    family: usize,
    /// Whether it hangs below another.
    below: bool,
}

/// The pictures of a file.
pub(super) struct Pages<'a> {
    /// Those of the chain of directories, in its order, then those that hang below them. `None` for a directory that does
    /// not tell a size: it is counted all the same.
    pages: Vec<Option<Picture<'a>>>,
    /// Orientation of the first directory.
    orientation: Option<u8>,
}

impl<'a> Pages<'a> {
    /// Reads all directories.
    ///
    /// # Errors
    /// [`crate::Error::CorruptImage`] where there is none that tells a size.
    pub(super) fn read(bytes: &'a [u8], pulse: &Pulse<'_>) -> Result<Self> {
        let Some(file) = Tiff::open(bytes) else {
            return Err(corrupt(Format::Tiff, "the data ends early"));
        };
        let (mut pages, mut below) = (Vec::new(), Vec::new());
        let (mut next, mut lost) = (None, false);
        let (mut family, mut any_full) = (0, false);
        let read = |directory: Directory<'a>, family, below| {
            pulse.beat();
            Some(Picture {
                layout: Layout::read(directory)?,
                family,
                below,
            })
        };
        for directory in file.chain() {
            next = directory.next;
            let hanging = directory.below();
            let page = read(directory, family, false);
            lost |= page.is_none();
            // Smaller versions follow the picture; a thumbnail may come before the first one.
            let mut page = page;
            if let Some(page) = &mut page
                && page.layout.is_full()
            {
                family += usize::from(any_full);
                any_full = true;
                page.family = family;
            }
            pages.push(page);
            let room = MOST_BELOW.saturating_sub(below.len());
            below.extend(hanging.into_iter().take(room).map(|one| (one, family)));
        }
        let below = below.into_iter();
        pages.extend(below.map(|(directory, family)| read(directory, family, true)));
        if pages.iter().all(Option::is_none) {
            let reason = match file.first < bytes.len() {
                true => "the first directory is damaged",
                false => "the data ends early",
            };
            return Err(corrupt(Format::Tiff, reason));
        }
        // Where the chain breaks off, the picture that its thumbnail came before may be lost.
        lost |= next.is_some_and(|next| file.directory(next).is_none());
        if lost && !pages.iter().flatten().any(|page| page.layout.is_full()) {
            return Err(corrupt(Format::Tiff, "the data ends early"));
        }
        Ok(Self {
            pages,
            orientation: file
                .directory(file.first)
                .and_then(|first| orientation(&first, pulse)),
        })
    }

    fn all(&self) -> impl Iterator<Item = &Picture<'a>> {
        self.pages.iter().flatten()
    }

    /// Whether a camera wrote the file.
    fn is_raw(&self) -> bool {
        self.all().any(|page| page.layout.is_raw())
    }

    /// The picture that is meant where none is named.
    fn chosen(&self) -> Option<&Picture<'a>> {
        if !self.is_raw()
            && let Some(full) = self.all().find(|page| page.layout.is_full())
        {
            return Some(full);
        }
        let shown = self.all().filter(|page| page.layout.refused().is_none());
        // Of equals the first.
        let size = |page: &&Picture<'_>| page.layout.width * page.layout.height;
        shown
            .reduce(|best, page| {
                if size(&page) > size(&best) {
                    page
                } else {
                    best
                }
            })
            .or_else(|| self.all().next())
    }

    /// The page with this number, from 1, or the picture that is meant where none is named.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchPage`], or [`crate::Error::CorruptImage`] for a directory that does not tell a size.
    pub(super) fn get(&self, page: Option<i32>) -> Result<&Picture<'a>> {
        let found = match page {
            None => self.chosen(),
            Some(_) => {
                let n = nth(page, self.pages.len() as u32)?;
                self.pages.get(n as usize).and_then(Option::as_ref)
            }
        };
        found.ok_or_else(|| corrupt(Format::Tiff, "the directory of the page is damaged"))
    }

    /// What each page is.
    pub(super) fn described(&self) -> Vec<Page> {
        let is_raw = self.is_raw();
        let describe = |page: &Option<Picture<'_>>| match page {
            None => Page {
                refused: Some("TIFF with a damaged directory".to_owned()),
                ..Page::full((0, 0))
            },
            Some(Picture { layout, .. }) => Page {
                size: (layout.width as u32, layout.height as u32),
                kind: match layout {
                    layout if layout.is_mask() => PageKind::Mask,
                    layout if layout.is_raw() => PageKind::Full,
                    _ if is_raw => PageKind::Preview,
                    layout if layout.is_full() => PageKind::Full,
                    _ => PageKind::Reduced,
                },
                title: [PAGE_NAME, DOCUMENT_NAME]
                    .into_iter()
                    .find_map(|tag| layout.directory.text(tag)),
                refused: layout.refused().map(|name| format!("TIFF with {name}")),
            },
        };
        self.pages.iter().map(describe).collect()
    }

    /// EXIF orientation of a page, 1 to 8. What hangs below another directory may leave it to that.
    pub(super) fn orientation(&self, page: &Picture<'_>, pulse: &Pulse<'_>) -> u8 {
        orientation(&page.layout.directory, pulse)
            .or(self.orientation.filter(|_| page.below))
            .unwrap_or(1)
    }

    /// Smaller versions of a page: of its family and shape, said to be smaller, and decodable.
    fn smaller<'p>(&'p self, page: &'p Picture<'a>) -> impl Iterator<Item = &'p Layout<'a>> {
        let layout = &page.layout;
        let same_shape = |other: &Layout<'_>| {
            // Sides were rounded, up or down.
            let (across, down) = (layout.width * other.height, layout.height * other.width);
            across.abs_diff(down) <= layout.width.max(layout.height)
        };
        // Others are made from the full one; in a camera's file, from what nobody else can develop.
        let family = Some(page.family).filter(|_| layout.is_full() || self.is_raw());
        let all = self.all().filter(move |other| Some(other.family) == family);
        all.map(|other| &other.layout).filter(move |other| {
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
    pub(super) fn reducible(&self, page: &Picture<'a>) -> u32 {
        let layout = &page.layout;
        let factors = self
            .smaller(page)
            .map(|other| (layout.width / other.width).min(layout.height / other.height));
        factors.max().unwrap_or(1).max(1) as u32
    }

    /// The smallest version of a page that is enough for a request, the part of it that is asked for, and how many pixels of
    /// the page one of it stands for.
    pub(super) fn level<'p>(
        &'p self,
        page: &'p Picture<'a>,
        request: &Request,
    ) -> (&'p Layout<'a>, Area, (f64, f64)) {
        let layout = &page.layout;
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
            .smaller(page)
            .filter(enough)
            .filter(allowed)
            .min_by_key(|level| pixels(level));
        let level = smallest.unwrap_or_else(|| match allowed(&layout) {
            true => layout,
            false => {
                let fitting = self.smaller(page).filter(allowed);
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
