//! `clip_gallery`: the rows of a query as a page of HTML.
//!
//! The page is written as rows come, into memory of the server's: a hashed aggregation knows when it has to spill, and an
//! error leaves nothing behind.

use crate::{
    error::{Error, Fields, Report, Returned},
    text::Text,
    vector,
};
use gallery::Picture;
use pgrx::{
    Internal, PgMemoryContexts,
    callconv::{BoxRet, FcInfo},
    datum::Datum,
    pg_getarg, pg_sys,
    prelude::*,
};
use std::{ptr, slice};

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

impl State {
    /// A page without pictures, in `context`.
    fn new(mut context: PgMemoryContexts) -> &'static mut Self {
        // SAFETY: an allocation of the right size and alignment, which lives as long as the aggregate, as do the buffers.
        unsafe {
            let body = context.switch_to(|_| Buffer::new());
            let state = context.palloc_struct::<Self>();
            state.write(Self {
                body,
                pictures: 0,
                sections: 0,
                title: None,
                section: None,
            });
            &mut *state
        }
    }

    /// Begins a section, unless the one at hand is called `title`.
    fn section(&mut self, context: &mut PgMemoryContexts, title: Option<&str>) {
        if self.sections > 0 {
            if self.section.as_ref().map(Buffer::bytes) == title.map(str::as_bytes) {
                return;
            }
            self.body.append(gallery::SECTION_END);
        }
        self.sections += 1;
        self.body.append(&gallery::section(self.sections, title));
        self.section = title.map(|title| Buffer::of(context, title));
    }
}

/// A string that the server has allocated and frees.
struct Buffer(pg_sys::StringInfo);

impl Buffer {
    /// An empty one in the current memory context, where it stays.
    fn new() -> Self {
        // SAFETY: allocates.
        Self(unsafe { pg_sys::makeStringInfo() })
    }

    fn of(context: &mut PgMemoryContexts, text: &str) -> Self {
        // SAFETY: allocates in a context that is there.
        let mut buffer = unsafe { context.switch_to(|_| Self::new()) };
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
    mut state: Internal,
    thumbnail: Option<&[u8]>,
    caption: Option<Text>,
    score: Option<f64>,
    link: Option<Text>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let mut context = vector::aggregate_context(fcinfo)?;
    // SAFETY: SQL cannot make a value of type internal, so the server got it from this function.
    let state = match unsafe { state.get_mut::<State>() } {
        Some(state) => state,
        None => State::new(vector::aggregate_context(fcinfo)?),
    };
    let text = |n| {
        // SAFETY: the server's own call information; the arguments that it counts are declared as texts.
        unsafe {
            let given = n < usize::from((*fcinfo).nargs.unsigned_abs());
            given.then(|| pg_getarg::<Text>(fcinfo, n)).flatten()
        }
    };
    let (title, section) = (text(5), text(6));
    for (what, text) in [
        ("caption", &caption),
        ("link", &link),
        ("title", &title),
        ("section", &section),
    ] {
        let checked = gallery::check(what, text.as_ref().map(Text::as_str));
        checked.map_err(Error::from)?;
    }
    if let (None, Some(title)) = (&state.title, &title) {
        state.title = Some(Buffer::of(&mut context, title.as_str()));
    }
    state.section(&mut context, section.as_ref().map(Text::as_str));
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
    Ok(Internal::from(Some(ptr::from_mut(state).into())))
}

/// The page; one without pictures says so.
#[pg_extern(sql = false)]
fn clip_gallery_final(mut state: Internal) -> Html {
    // SAFETY: as in the transition function.
    let state = unsafe { state.get_mut::<State>() };
    let mut page = Buffer::new();
    // Room for what precedes the bytes of a value.
    page.append("\0\0\0\0");
    match state {
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
