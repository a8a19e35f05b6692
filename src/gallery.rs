//! `clip_gallery`: the rows of a query as a page of HTML.
//!
//! The page is written as rows come, into memory of the server's: a hashed aggregation knows when it has to spill, and an
//! error leaves nothing behind.

use crate::{
    aggregate::{self, argument, state_or_new},
    error::{Error, Fields, Report, Returned},
    text::Text,
};
use gallery::Picture;
use pgrx::{
    Internal, PgMemoryContexts,
    callconv::{BoxRet, FcInfo},
    datum::Datum,
    pg_sys,
    prelude::*,
};
use std::slice;

impl Report for gallery::Error {
    fn fields(&self) -> Fields {
        Fields::hinted(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Show the beginning of it, as by left(caption, 1000).",
        )
    }
}

/// What there is of the page.
struct State {
    /// Sections and pictures.
    body: Buffer,
    pictures: u64,
    sections: u64,
    /// The first title that is not NULL.
    title: Option<Buffer>,
    /// What the section at hand is called.
    section: Option<Buffer>,
}

// SAFETY: the two functions below are those of `clip_gallery`, in all its declarations.
unsafe impl aggregate::State for State {}

impl State {
    /// A page without pictures, in `memory`.
    fn new(memory: &mut PgMemoryContexts) -> Self {
        Self {
            body: Buffer::new(memory),
            pictures: 0,
            sections: 0,
            title: None,
            section: None,
        }
    }

    /// Begins a section, unless the one at hand is called `title`.
    fn section(&mut self, memory: &mut PgMemoryContexts, title: Option<&str>) {
        if self.sections > 0 {
            if self.section.as_ref().map(Buffer::bytes) == title.map(str::as_bytes) {
                return;
            }
            self.body.append(gallery::SECTION_END);
        }
        self.sections += 1;
        self.body.append(&gallery::section(self.sections, title));
        self.section = title.map(|title| Buffer::of(memory, title));
    }
}

/// A string that the server has allocated and frees.
struct Buffer(pg_sys::StringInfo);

impl Buffer {
    /// An empty one in `memory`, where it stays.
    fn new(memory: &mut PgMemoryContexts) -> Self {
        // SAFETY: the context is there, and what is allocated is a valid string.
        Self(unsafe { memory.switch_to(|_| pg_sys::makeStringInfo()) })
    }

    fn of(memory: &mut PgMemoryContexts, text: &str) -> Self {
        let mut buffer = Self::new(memory);
        buffer.append(text);
        buffer
    }

    /// Raises an error where the string would have 1 GB.
    fn append(&mut self, text: &str) {
        for part in text.as_bytes().chunks(1 << 30) {
            // SAFETY: the string is valid, and the part has as many bytes, which are copied.
            unsafe {
                pg_sys::appendBinaryStringInfo(self.0, part.as_ptr().cast(), part.len() as i32)
            };
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: a valid string has that many bytes.
        unsafe { slice::from_raw_parts((*self.0).data.cast(), (*self.0).len as usize) }
    }

    fn text(&self) -> &str {
        // What is appended is text.
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

/// The transition function, of four to six arguments beside the state: thumbnail, caption, score, link, the title of the page
/// and the section that the picture is in.
#[pg_extern(sql = false)]
fn clip_gallery_accum(
    mut internal: Internal,
    thumbnail: Option<&[u8]>,
    caption: Option<Text>,
    score: Option<f64>,
    link: Option<Text>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    // SAFETY: where they are declared, both are texts.
    let (title, section) = unsafe { (argument::<Text>(fcinfo, 5), argument::<Text>(fcinfo, 6)) };
    for (what, text) in [
        ("caption", &caption),
        ("link", &link),
        ("title", &title),
        ("section", &section),
    ] {
        let checked = gallery::check(what, text.as_ref().map(Text::as_str));
        checked.map_err(Error::from)?;
    }
    let mut memory = aggregate::memory(fcinfo)?;
    let state = state_or_new(&mut internal, fcinfo, |memory| Ok(State::new(memory)))?;
    if let (None, Some(title)) = (&state.title, &title) {
        state.title = Some(Buffer::of(&mut memory, title.as_str()));
    }
    state.section(&mut memory, section.as_ref().map(Text::as_str));
    state.pictures += 1;
    let picture = Picture {
        thumbnail,
        caption: caption.as_ref().map(Text::as_str),
        score,
        link: link.as_ref().map(Text::as_str),
    };
    state
        .body
        .append(&gallery::picture(state.pictures, &picture));
    Ok(internal)
}

/// The page; one without pictures says so.
#[pg_extern(sql = false)]
fn clip_gallery_final(mut internal: Internal) -> Html {
    let mut page = Buffer::new(&mut PgMemoryContexts::CurrentMemoryContext);
    // Room for what precedes the bytes of a value.
    page.append("\0\0\0\0");
    match aggregate::state::<State>(&mut internal) {
        None => page.append(&gallery::head(None, 0)),
        Some(state) => {
            let title = state.title.as_ref().map(Buffer::text);
            page.append(&gallery::head(title, state.pictures));
            page.append(state.body.text());
            page.append(gallery::SECTION_END);
        }
    }
    page.append(gallery::END);
    Html(page)
}

/// A text with four bytes before it.
struct Html(Buffer);

impl_sql_translatable!(Html, "text");

// SAFETY: returns a datum of the type text.
unsafe impl BoxRet for Html {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        let string = self.0.0;
        // SAFETY: the string is aligned as all allocations are, holds the four bytes and is not used any more.
        unsafe {
            pgrx::set_varsize_4b((*string).data.cast(), (*string).len);
            fcinfo.return_raw_datum((*string).data.into())
        }
    }
}

extension_sql_file!("../sql/gallery.sql", name = "gallery");
