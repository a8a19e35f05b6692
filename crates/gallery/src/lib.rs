//! Pictures with captions, scores and links as one page of HTML that needs nothing beside it.
//!
//! The page is written from top to bottom: [`head`], for each group of pictures [`section`], its [`picture`]s and
//! [`SECTION_END`], then [`END`].
//!
//! Invariants: whatever the texts hold, the page has the same elements and attributes; what is no link to a web page or a
//! file beside this one is none. All is ASCII, other characters are references, so that the page is the same in any
//! encoding that it may be stored in. There are no scripts, and a content security policy lets nothing be loaded.

mod escape;
mod media;

pub use escape::link;

use base64::{Engine, engine::general_purpose::STANDARD};
use escape::{escaped, lines};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The longest text, in bytes: a page repeats some of it, and escaped it takes ten times as much.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// A text that is too long for a page.
#[derive(Debug, thiserror::Error)]
#[error("{what} of {bytes} bytes is too long for a page of pictures, which takes {MAX_TEXT_BYTES}")]
pub struct Error {
    what: &'static str,
    bytes: usize,
}

/// Checks a text before it becomes part of a page; `what` names it.
///
/// # Errors
/// It has more than [`MAX_TEXT_BYTES`].
pub fn check(what: &'static str, text: Option<&str>) -> Result<(), Error> {
    let bytes = text.map_or(0, str::len);
    match bytes > MAX_TEXT_BYTES {
        true => Err(Error { what, bytes }),
        false => Ok(()),
    }
}

const STYLE: &str = include_str!("style.css");

/// One picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Picture<'a> {
    /// An image file; what browsers do not show leaves a place that says so.
    pub thumbnail: Option<&'a [u8]>,
    /// What is said about it; the first line is its name.
    pub caption: Option<&'a str>,
    /// A number; from 0 to 1 it is drawn as a bar, too.
    pub score: Option<f64>,
    /// Where a click leads; see [`link`].
    pub link: Option<&'a str>,
}

/// The page up to its sections. The first line of `title` is the heading, the others follow as text.
pub fn head(title: Option<&str>, pictures: u64) -> String {
    let (heading, more) = lines(title.unwrap_or_default()).unwrap_or(("Pictures", ""));
    let heading = escaped(heading);
    let mut html = format!(
        concat!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n",
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src '{}'; ",
            "base-uri 'none'; form-action 'none'\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">\n",
            "<title>{}</title>\n<style>{}</style></head>\n<body><header><h1 dir=\"auto\">{}</h1>"
        ),
        style_hash(),
        heading,
        STYLE,
        heading
    );
    if !more.is_empty() {
        let _ = write!(html, "<p dir=\"auto\">{}</p>", escaped(more));
    }
    let _ = match pictures {
        1 => write!(html, "<p>1 picture on this page</p>"),
        _ => write!(html, "<p>{pictures} pictures on this page</p>"),
    };
    html.push_str("</header>\n<main>\n");
    html
}

/// The source that a content security policy knows the style by.
fn style_hash() -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE)))
}

/// The beginning of the `number`-th section. The first line of `title`, if there is one, is its heading; the others, the query, say,
/// are shown as they stand.
pub fn section(number: u64, title: Option<&str>) -> String {
    let mut html = match lines(title.unwrap_or_default()) {
        None => "<section aria-label=\"Pictures\">".to_owned(),
        Some((heading, more)) => {
            let heading = escaped(heading);
            let id = format!("section-{number}");
            let mut html = format!(
                "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\" dir=\"auto\">{heading}</h2>"
            );
            if !more.is_empty() {
                let _ = write!(html, "<pre><code>{}</code></pre>", escaped(more));
            }
            html
        }
    };
    html.push_str("\n<ul>\n");
    html
}

/// The end of a section.
pub const SECTION_END: &str = "</ul></section>\n";

/// The end of the page.
pub const END: &str =
    "</main>\n<footer><p>Made in PostgreSQL by clip_pg</p></footer></body></html>\n";

/// The `number`-th picture of the page.
pub fn picture(number: u64, picture: &Picture<'_>) -> String {
    let caption = lines(picture.caption.unwrap_or_default());
    let name = match caption {
        Some((name, _)) => escaped(name),
        None => format!("Picture {number}"),
    };
    let image = match picture.thumbnail.map(|bytes| (bytes, media::kind(bytes))) {
        Some((bytes, Some(kind))) => {
            let mut image = format!(
                "<img alt=\"{name}\" loading=\"lazy\" decoding=\"async\" src=\"data:{kind};base64,"
            );
            STANDARD.encode_string(bytes, &mut image);
            image.push_str("\">");
            image
        }
        Some(_) => nothing(&name, "Not a picture that browsers show"),
        None => nothing(&name, "No picture"),
    };
    let mut html = match picture.link.and_then(link) {
        Some(link) => format!("<li><figure><a href=\"{}\">{image}</a>", escaped(link)),
        None => format!("<li><figure>{image}"),
    };
    if caption.is_some() || picture.score.is_some() {
        html.push_str("<figcaption>");
        if let Some((name, more)) = caption {
            let _ = write!(html, "<p dir=\"auto\"><b>{}</b>", escaped(name));
            if !more.is_empty() {
                let _ = write!(html, "\n{}", escaped(more));
            }
            html.push_str("</p>");
        }
        if let Some(score) = picture.score {
            html.push_str(&score_line(score));
        }
        html.push_str("</figcaption>");
    }
    html.push_str("</figure></li>\n");
    html
}

/// What takes the place of a picture.
fn nothing(name: &str, why: &str) -> String {
    format!("<span class=\"none\" role=\"img\" aria-label=\"{name}\">{why}</span>")
}

fn score_line(score: f64) -> String {
    let bar = match (0.0..=1.0).contains(&score) {
        true => format!(
            "<svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{:.1}\" height=\"1\"/></svg>",
            100.0 * score
        ),
        false => String::new(),
    };
    format!(
        "<p class=\"score\"><span class=\"word\">Score </span>{bar}{}</p>",
        number(score)
    )
}

/// Three decimals, or as many digits as a small or large number takes.
fn number(score: f64) -> String {
    if score.is_nan() {
        return "NaN".to_owned();
    }
    if score.is_infinite() {
        return if score > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    match score.abs() {
        0.0 => "0.000".to_owned(),
        0.001..1e6 => format!("{score:.3}"),
        _ => format!("{score:.2e}"),
    }
}

#[cfg(test)]
mod tests;
