use super::*;
use proptest::prelude::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n rest";

fn page(title: &str, heading: &str, picture: Picture<'_>) -> String {
    let parts = [
        head(Some(title), 1),
        section(1, Some(heading)),
        super::picture(1, &picture),
    ];
    parts.concat() + SECTION_END + END
}

/// A tag as a browser reads it: its name, and its attributes with their values.
#[derive(Debug, PartialEq, Eq)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// Tags and, between them, text, by the rules of HTML for what the page has: quoted attributes, no comments.
fn read(html: &str) -> (Vec<Tag>, Vec<String>) {
    let (mut tags, mut texts) = (Vec::new(), Vec::new());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        texts.push(decoded(&rest[..start]));
        rest = &rest[start + 1..];
        let end = rest.find([' ', '>']).unwrap();
        let mut tag = Tag {
            name: rest[..end].to_owned(),
            attributes: Vec::new(),
        };
        rest = rest[end..].trim_start();
        while !rest.starts_with('>') {
            let Some((name, value)) = rest.split_once("=\"") else {
                let (word, after) = rest.split_at(rest.find('>').unwrap());
                assert!(matches!(word, "html" | "/"), "{word}");
                rest = after;
                continue;
            };
            if name.contains('>') {
                let (word, after) = rest.split_at(rest.find('>').unwrap());
                assert!(matches!(word, "html" | "/"), "{word}");
                rest = after;
                continue;
            }
            let (value, after) = value.split_once('"').unwrap();
            tag.attributes
                .push((name.trim().to_owned(), decoded(value)));
            rest = after.trim_start();
        }
        rest = &rest[1..];
        if tag.name == "style" {
            rest = &rest[rest.find("</style>").unwrap()..];
        }
        tags.push(tag);
    }
    texts.push(decoded(rest));
    texts.retain(|text| !text.trim().is_empty());
    (tags, texts)
}

fn decoded(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let (name, after) = after.split_once(';').unwrap();
        text.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => {
                let code = u32::from_str_radix(name.strip_prefix("#x").unwrap(), 16).unwrap();
                // Others are read as the characters of Windows.
                assert!(!(0x80..0xa0).contains(&code));
                char::from_u32(code).unwrap()
            }
        });
        rest = after;
    }
    text + rest
}

/// What HTML can say of a text.
fn printable(text: &str) -> String {
    let text = text.replace('\r', "");
    text.replace(
        |c: char| c.is_control() && !matches!(c, '\n' | '\t'),
        "\u{fffd}",
    )
}

fn attribute<'a>(tags: &'a [Tag], tag: &str, name: &str) -> Option<&'a str> {
    let tag = tags.iter().find(|known| known.name == tag)?;
    let (_, value) = tag.attributes.iter().find(|(known, _)| known == name)?;
    Some(value)
}

#[test]
fn a_page_is_whole() {
    let html = page(
        "Cats & dogs\nof 1900",
        "Words: \u{e9}t\u{e9}\nSELECT '<'",
        Picture {
            thumbnail: Some(PNG),
            caption: Some("a \"cat\"\nParis"),
            score: Some(0.25),
            link: Some("https://example.org/?a=1&b=2"),
        },
    );
    assert!(html.is_ascii());
    assert!(html.starts_with("<!doctype html>"));
    let (tags, texts) = read(&html);
    assert_eq!(
        texts,
        [
            "Cats & dogs",
            "Cats & dogs",
            "of 1900",
            "1 picture on this page",
            "Words: \u{e9}t\u{e9}",
            "SELECT '<'",
            "a \"cat\"",
            "\nParis",
            "Score ",
            "0.250",
            "Made in PostgreSQL by clip_pg",
        ]
    );
    let opened = tags.iter().filter(|tag| !tag.name.starts_with('/'));
    let opened: Vec<&str> = opened.map(|tag| tag.name.as_str()).collect();
    assert_eq!(
        opened,
        [
            "!doctype",
            "html",
            "head",
            "meta",
            "meta",
            "meta",
            "meta",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "h1",
            "p",
            "p",
            "main",
            "section",
            "h2",
            "pre",
            "code",
            "ul",
            "li",
            "figure",
            "a",
            "img",
            "figcaption",
            "p",
            "b",
            "p",
            "span",
            "svg",
            "rect",
            "footer",
            "p",
        ]
    );
    assert_eq!(attribute(&tags, "html", "lang"), Some("en"));
    assert_eq!(attribute(&tags, "img", "alt"), Some("a \"cat\""));
    assert_eq!(attribute(&tags, "img", "loading"), Some("lazy"));
    let source = attribute(&tags, "img", "src").unwrap();
    assert_eq!(
        source,
        format!("data:image/png;base64,{}", STANDARD.encode(PNG))
    );
    assert_eq!(
        attribute(&tags, "a", "href"),
        Some("https://example.org/?a=1&b=2")
    );
    assert_eq!(attribute(&tags, "rect", "width"), Some("25.0"));
}

#[test]
fn the_policy_knows_the_style() {
    let html = head(None, 0);
    let style = html
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    let hash = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(style)));
    assert!(html.contains(&hash));
    // No attribute would be covered by it.
    assert!(!html.contains("style=") && !html.contains("<script"));
}

#[test]
fn what_is_missing_leaves_a_place() {
    let (tags, texts) = read(&picture(7, &Picture::default()));
    assert_eq!(texts, ["No picture"]);
    assert_eq!(attribute(&tags, "span", "aria-label"), Some("Picture 7"));
    assert!(
        !tags
            .iter()
            .any(|tag| matches!(tag.name.as_str(), "a" | "img" | "figcaption"))
    );
    let tiff = Picture {
        thumbnail: Some(b"II*\0\x08\0\0\0"),
        caption: Some("  \n "),
        ..Picture::default()
    };
    assert_eq!(
        read(&picture(1, &tiff)).1,
        ["Not a picture that browsers show"]
    );
    assert_eq!(read(&section(1, None)).1, [""; 0]);
    assert_eq!(
        read(&(head(None, 2) + END)).1,
        [
            "Pictures",
            "Pictures",
            "2 pictures on this page",
            "Made in PostgreSQL by clip_pg"
        ]
    );
}

#[test]
fn kinds_are_told_by_the_bytes() {
    for (bytes, kind) in [
        (&b"\xff\xd8\xff\xe0"[..], Some("image/jpeg")),
        (PNG, Some("image/png")),
        (b"GIF89a..", Some("image/gif")),
        (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
        (b"\0\0\0\x20ftypavif", Some("image/avif")),
        (b"BM\x36", Some("image/bmp")),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"II*\0", None),
        (b"RIFF\x24\0\0\0WAVE", None),
        (b"", None),
    ] {
        assert_eq!(media::kind(bytes), kind, "{bytes:?}");
    }
}

#[test]
fn numbers_are_short() {
    for (score, written) in [
        (0.8765, "0.876"),
        (1.0, "1.000"),
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (-0.25, "-0.250"),
        (12.0, "12.000"),
        (1e-5, "1.00e-5"),
        (1e300, "1.00e300"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        let line = score_line(score);
        assert!(line.contains(&format!("{written}</p>")), "{line}");
        assert_eq!(
            line.contains("<svg"),
            (0.0..=1.0).contains(&score),
            "{line}"
        );
    }
}

#[test]
fn links_lead_to_pages_and_files() {
    for good in [
        "https://gallica.bnf.fr/ark:/12148/btv1b1234",
        "http://example.org",
        "HTTPS://example.org/a b",
        "/item/7",
        "7.jpg",
        "./a:b.jpg",
        "?id=7",
        "#top",
        "images/\u{e9}t\u{e9}.jpg",
        "//example.org/x",
        " /spaces/around ",
        "&#106;avascript:alert(1)",
    ] {
        assert_eq!(link(good), Some(good.trim()), "{good}");
    }
    for bad in [
        "",
        " ",
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "mailto:a@example.org",
        "a:b.jpg",
        "https:example.org",
        "http:/example.org",
        ":x",
        "blob:x",
        "view-source:x",
    ] {
        assert_eq!(link(bad), None, "{bad}");
    }
}

fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<",
        ">",
        "\"",
        "'",
        "&",
        "&lt;",
        "&#60;",
        "</p>",
        "</title>",
        "</style>",
        "<script>",
        "<!--",
        "-->",
        "]]>",
        "=",
        " onerror=x",
        "javascript:",
        "\u{0}",
        "\u{85}",
        "\u{9f}",
        "\r",
        "\n",
        "\t",
        "\u{2028}",
        "\u{202e}",
        "\u{feff}",
        "\u{fffe}",
        "\u{10ffff}",
        "caf\u{e9}",
        "\u{65e5}\u{672c}",
        "x",
    ]);
    prop_oneof![
        ".*",
        prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat()),
    ]
}

#[test]
fn long_texts_are_refused() {
    check("caption", None).unwrap();
    check("caption", Some(&"<".repeat(MAX_TEXT_BYTES))).unwrap();
    let error = check("link", Some(&"<".repeat(MAX_TEXT_BYTES + 1))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "link of 1048577 bytes is too long for a page of pictures, which takes 1048576"
    );
}

proptest! {
    #[test]
    fn escaped_texts_are_read_back(text in nasty()) {
        let html = escaped(&text);
        prop_assert!(html.is_ascii() && !html.contains(['<', '>', '"', '\'']));
        prop_assert_eq!(decoded(&html), printable(&text));
    }

    /// The elements and the names of their attributes are those that plain texts give.
    #[test]
    fn texts_do_not_change_the_page(
        [title, heading, caption] in [nasty(), nasty(), nasty()],
        link in nasty(),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (title, heading, caption) = (format!("t{title}"), format!("h{heading}"), format!("c{caption}"));
        let thumbnail = [PNG, &bytes].concat();
        let picture = Picture { thumbnail: Some(&thumbnail), caption: Some(&caption), score: Some(0.5), link: Some(&link) };
        let html = page(&title, &heading, picture);
        prop_assert!(html.is_ascii());
        let plain = |text: &str| if text.trim().contains('\n') { "x\ny" } else { "x" };
        let harmless = Picture {
            thumbnail: Some(PNG),
            caption: Some(plain(&caption)),
            score: Some(0.5),
            link: super::link(&link).map(|_| "x"),
        };
        let expected = page(plain(&title), plain(&heading), harmless);
        let shape = |html: &str| {
            let tags = read(html).0.into_iter();
            let tags = tags.map(|tag| (tag.name, tag.attributes.into_iter().map(|(name, _)| name).collect::<Vec<_>>()));
            tags.collect::<Vec<_>>()
        };
        prop_assert_eq!(shape(&html), shape(&expected));
        let (tags, _) = read(&html);
        let name = printable(escape::lines(&caption).unwrap().0);
        prop_assert_eq!(attribute(&tags, "img", "alt"), Some(name.as_str()));
    }

    /// As the URL standard resolves them, links stay on the web.
    #[test]
    fn links_stay_on_the_web(
        text in prop_oneof![
            nasty(),
            "[ \t\n]{0,2}(javascript|https?|data|file|x|java\tscript)?:?/{0,3}[a-z:/?#\\\\]{0,8}",
        ],
        base in prop::sample::select(vec!["https://example.org/a/b", "file:///home/page.html"]),
    ) {
        if let Some(link) = link(&text) {
            let base = url::Url::parse(base).unwrap();
            if let Ok(url) = base.join(link) {
                prop_assert!(["http", "https", base.scheme()].contains(&url.scheme()), "{link:?} leads to {url}");
            }
        }
    }
}
