//! Texts as they may stand between tags and in quoted attributes, and links that may be followed.

use std::fmt::Write;

/// `text` in characters that mean themselves, whatever the encoding, and references to others.
///
/// Control characters cannot be written in HTML, and some references to them mean other characters: U+FFFD takes their
/// place. Of the two characters that may end a line the second one counts.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' | '\t' | ' '..='~' => html.push(character),
            '\r' => {}
            '\0'..='\u{9f}' => html.push_str("&#xfffd;"),
            _ => {
                // Into a string nothing fails.
                let _ = write!(html, "&#x{:x};", u32::from(character));
            }
        }
    }
    html
}

/// The first line of a text, which is trimmed, and the others; `None` where there is none.
pub(crate) fn lines(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let (first, more) = text.split_once('\n').unwrap_or((text, ""));
    (!text.is_empty()).then(|| (first.trim_end(), more.trim_end()))
}

/// `link` without the spaces around it, if it is a web address (`http`, `https`) or a path from this page on.
///
/// What has another scheme, such as `javascript:`, is no link; nor is what holds control characters, some of which browsers
/// leave out. A path whose first part holds a colon is taken for one with a scheme: write `./a:b.jpg`.
pub fn link(link: &str) -> Option<&str> {
    let link = link.trim();
    if link.is_empty() || link.contains(char::is_control) {
        return None;
    }
    let end = link.find([':', '/', '\\', '?', '#']);
    match end.map(|end| link.split_at(end)) {
        Some((scheme, rest)) if rest.starts_with(':') => {
            let web = ["http", "https"]
                .iter()
                .any(|web| scheme.eq_ignore_ascii_case(web));
            (web && rest.starts_with("://")).then_some(link)
        }
        _ => Some(link),
    }
}
