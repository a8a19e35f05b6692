//! What files say beside the picture: orientation in every spelling of XMP, dates, words for catalogues.

use super::*;
use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write;

/// A packet around the content of an RDF element.
fn packet(rdf: &str) -> Vec<u8> {
    let spaces = "xmlns:tiff='http://ns.adobe.com/tiff/1.0/' xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
                  xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/'";
    format!(
        "<?xpacket begin='\u{feff}' id='W5M0MpCehiHzreSzNTczkc9d'?>\n<x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' {spaces}>{rdf}</rdf:RDF></x:xmpmeta>\
         <?xpacket end='w'?>"
    )
    .into_bytes()
}

fn segment(marker: u8, prefix: &[u8], content: &[u8]) -> Vec<u8> {
    let length = (2 + prefix.len() + content.len()) as u16;
    [&[0xff, marker], &length.to_be_bytes()[..], prefix, content].concat()
}

/// A JPEG with segments behind its first marker.
fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let plain = read("444.jpg");
    [&plain[..2], &segments.concat(), &plain[2..]].concat()
}

fn jpeg_with_xmp(rdf: &str) -> Vec<u8> {
    jpeg(&[segment(
        0xe1,
        b"http://ns.adobe.com/xap/1.0/\0",
        &packet(rdf),
    )])
}

/// A PNG with a chunk behind its header. Checksums of text are not looked at.
fn png(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let plain = read("rgb.png");
    let length = (content.len() as u32).to_be_bytes();
    [&plain[..33], &length, kind, content, &[0; 4], &plain[33..]].concat()
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An EXIF block with orientation 6 in an entry of this type.
fn oriented(kind: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01".to_vec();
    block.extend([kind, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    block
}

/// ImageMagick's form of a block in text.
fn digits(name: &str, content: &[u8]) -> Vec<u8> {
    let digits: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    let (first, second) = digits.split_at(digits.len() / 4 * 2);
    format!("\n{name}\n{:8}\n{first}\n{second}\n", content.len()).into_bytes()
}

#[test]
fn orientation_counts_in_every_spelling() {
    let spellings = [
        "<rdf:Description rdf:about='' tiff:Orientation=\"6\"/>",
        "<rdf:Description rdf:about='' tiff:Orientation='6'></rdf:Description>",
        "<rdf:Description tiff:Orientation = '6' />",
        "<rdf:Description><tiff:Orientation>6</tiff:Orientation></rdf:Description>",
        "<rdf:Description><tiff:Orientation\n> 6\n</tiff:Orientation></rdf:Description>",
        "<rdf:Description><tiff:Orientation><![CDATA[6]]></tiff:Orientation></rdf:Description>",
        "<rdf:Description><tiff:Orientation>&#54;</tiff:Orientation></rdf:Description>",
        "<rdf:Description xmlns:t='http://ns.adobe.com/tiff/1.0/' t:Orientation='6'/>",
        "<rdf:Description tiff:Orientation='6'><dc:broken></rdf:Description>",
    ];
    for spelling in spellings {
        assert_eq!(
            info(&jpeg_with_xmp(spelling)).unwrap().orientation,
            6,
            "{spelling}"
        );
    }
    let silent = [
        "<rdf:Description tiff:Orientation='9'/>",
        "<!-- tiff:Orientation='6' -->",
        "<rdf:Description><dc:title>tiff:Orientation='6'</dc:title></rdf:Description>",
        "<rdf:Description xmlns:tiff='http://example.org/' tiff:Orientation='6'/>",
    ];
    for spelling in silent {
        assert_eq!(
            info(&jpeg_with_xmp(spelling)).unwrap().orientation,
            1,
            "{spelling}"
        );
    }
}

#[test]
fn orientation_counts_in_every_place_of_a_png() {
    let xmp = packet("<rdf:Description tiff:Orientation='6'/>");
    let text = |head: &[u8], content: &[u8]| [head, content].concat();
    let exif = [b"Exif\0\0", &oriented(3)[..]].concat();
    let places = [
        png(b"eXIf", &oriented(3)),
        png(b"iTXt", &text(b"XML:com.adobe.xmp\0\0\0\0\0", &xmp)),
        png(
            b"iTXt",
            &text(b"XML:com.adobe.xmp\0\x01\0en\0words\0", &deflated(&xmp)),
        ),
        png(
            b"tEXt",
            &text(b"Raw profile type exif\0", &digits("exif", &exif)),
        ),
        png(
            b"zTXt",
            &text(
                b"Raw profile type exif\0\0",
                &deflated(&digits("exif", &exif)),
            ),
        ),
        png(
            b"zTXt",
            &text(
                b"Raw profile type APP1\0\0",
                &deflated(&digits("generic profile", &exif)),
            ),
        ),
        png(
            b"zTXt",
            &text(b"Raw profile type xmp\0\0", &deflated(&digits("xmp", &xmp))),
        ),
    ];
    for (n, place) in places.iter().enumerate() {
        assert_eq!(info(place).unwrap().orientation, 6, "{n}");
    }
}

#[test]
fn orientation_of_another_type_is_none() {
    for (kind, expected) in [(1, 1), (2, 1), (3, 6), (4, 6), (5, 1), (7, 1)] {
        assert_eq!(
            info(&png(b"eXIf", &oriented(kind))).unwrap().orientation,
            expected,
            "{kind}"
        );
    }
}

#[test]
fn dates_count_wherever_they_are() {
    let taken = |bytes: &[u8]| crate::taken(bytes, &|| ()).map(|moment| moment.to_string());
    let known = Some("2001-02-03T04:05:06".to_owned());
    let xmp = [
        "<rdf:Description exif:DateTimeOriginal='2001-02-03T04:05:06+09:00'/>",
        "<rdf:Description><photoshop:DateCreated>2001-02-03T04:05:06</photoshop:DateCreated></rdf:Description>",
    ];
    for rdf in xmp {
        assert_eq!(taken(&jpeg_with_xmp(rdf)), known, "{rdf}");
    }
    let datasets = b"\x1c\x02\x37\0\x0820010203\x1c\x02\x3c\0\x0b040506+0900";
    let resources = [
        b"8BIM\x04\x04\0\0\0\0\0",
        &[datasets.len() as u8][..],
        datasets,
    ]
    .concat();
    assert_eq!(
        taken(&jpeg(&[segment(0xed, b"Photoshop 3.0\0", &resources)])),
        known
    );
    assert_eq!(
        taken(&png(
            b"zTXt",
            &[
                b"Raw profile type iptc\0\0",
                &deflated(&digits("iptc", &resources))[..]
            ]
            .concat()
        )),
        known
    );
}

#[test]
fn one_bad_entry_costs_no_other() {
    let date = b"2001:02:03 04:05:06\0";
    let mut block = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    // A note of the maker that lies outside, one whose length is none, and the date.
    block.extend(
        b"\x03\0\x7c\x92\x07\0\xff\xff\0\0\xff\xff\xff\x7f\x86\x92\x0c\0\xff\xff\xff\xff\0\0\0\0",
    );
    block.extend(b"\x03\x90\x02\0\x14\0\0\0\x44\0\0\0\0\0\0\0");
    assert_eq!(block.len(), 0x44);
    block.extend(date);
    let taken = |bytes: &[u8]| crate::taken(bytes, &|| ()).map(|moment| moment.to_string());
    let known = Some("2001-02-03T04:05:06".to_owned());
    assert_eq!(taken(&jpeg(&[segment(0xe1, b"Exif\0\0", &block)])), known);
    // In two segments, as Pillow joins them.
    let (head, tail) = block.split_at(0x30);
    assert_eq!(
        taken(&jpeg(&[
            segment(0xe1, b"Exif\0\0", head),
            segment(0xe1, b"Exif\0\0", tail)
        ])),
        known
    );
}

fn words(bytes: &[u8]) -> Value {
    crate::words(bytes, &|| ()).unwrap()
}

#[test]
fn words_of_a_file_are_those_of_its_blocks() {
    assert_eq!(words(&read("rgb.png")), json!({}));
    let rdf = "<rdf:Description tiff:Orientation='6'>\
               <dc:title><rdf:Alt><rdf:li xml:lang='x-default'>A gull &amp; a rock</rdf:li>\
               <rdf:li xml:lang='de'>Eine M\u{f6}we</rdf:li></rdf:Alt></dc:title>\
               <dc:subject><rdf:Bag><rdf:li>gull</rdf:li><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>\
               <dc:creator><rdf:Seq><rdf:li>Anna</rdf:li></rdf:Seq></dc:creator>\
               <dc:source rdf:parseType='Resource'><dc:part>within</dc:part></dc:source>\
               </rdf:Description><rdf:Description exif:DateTimeOriginal='2001-02-03'/>";
    let iptc = b"\x1c\x02\x19\0\x04rock\x1c\x02\x19\0\x03sea\x1c\x02\x78\0\x06caf\xe9 1\x1c\x02\x74\0\x02me";
    let resources = [b"8BIM\x04\x04\x03abc\0\0\0", &[iptc.len() as u8][..], iptc].concat();
    let mut exif = b"MM\0*\0\0\0\x08\0\x02\x01\x0e\0\x02\0\0\0\x04old\0".to_vec();
    exif.extend(b"\x01\x1a\0\x05\0\0\0\x01\0\0\0\x26\0\0\0\0\0\0\0\x48\0\0\0\x01");
    let file = jpeg(&[
        segment(0xe1, b"Exif\0\0", &exif),
        segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0", &packet(rdf)),
        segment(0xed, b"Photoshop 3.0\0", &resources),
    ]);
    let expected = json!({
        "title": "A gull & a rock",
        "description": "caf\u{e9} 1",
        "rights": "me",
        "keywords": ["gull", "sea", "rock"],
        "creator": ["Anna"],
        "taken": "2001-02-03T00:00:00",
        "exif": {"ImageDescription": "old", "XResolution": 72.0},
        "iptc": {"Keywords": ["rock", "sea"], "Caption-Abstract": "caf\u{e9} 1", "CopyrightNotice": "me"},
        "xmp": {
            "tiff:Orientation": "6",
            "dc:title": {"x-default": "A gull & a rock", "de": "Eine M\u{f6}we"},
            "dc:subject": ["gull", "sea"],
            "dc:creator": ["Anna"],
            "exif:DateTimeOriginal": "2001-02-03",
        },
    });
    assert_eq!(words(&file), expected);
}

/// Entities that a packet defines itself are the old way to make a small file large.
#[test]
fn entities_are_not_expanded() {
    let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>\
                <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:dc='http://purl.org/dc/elements/1.1/'>\
                <rdf:Description><dc:title>&b;!</dc:title></rdf:Description></rdf:RDF>";
    let file = jpeg(&[segment(
        0xe1,
        b"http://ns.adobe.com/xap/1.0/\0",
        bomb.as_bytes(),
    )]);
    assert_eq!(words(&file)["title"], "!");
}

/// A megabyte of values is kept, whatever a packet inflates to.
#[test]
fn what_is_kept_has_a_bound() {
    let item = format!("<rdf:li>{}</rdf:li>", "x".repeat(1000));
    let rdf = format!(
        "<rdf:Description><dc:subject><rdf:Bag>{}</rdf:Bag></dc:subject></rdf:Description>",
        item.repeat(20_000)
    );
    let content = [
        b"XML:com.adobe.xmp\0\x01\0\0\0",
        &deflated(&packet(&rdf))[..],
    ]
    .concat();
    let found = words(&png(b"iTXt", &content));
    assert!(found.to_string().len() < 3 << 20);
}

/// Numbers of a wider colour space mean more colour than the same numbers of sRGB; greys are grey in each.
#[test]
fn colours_are_converted_where_that_is_asked_for() {
    let srgb = Preprocess {
        color_profile: ColorProfile::Srgb,
        ..whole()
    };
    let converted = |file: &[u8]| pixels(file, Region::Full, &srgb, &LIMITS, &|| ()).unwrap();
    // Code points of Display P3, of sRGB, and none.
    let (wide, narrow) = (png(b"cICP", &[12, 13, 0, 1]), png(b"cICP", &[1, 13, 0, 1]));
    let plain = decode(&read("rgb.png")).unwrap();
    assert_eq!(decode(&wide).unwrap(), plain);
    assert_eq!(converted(&narrow), plain);
    assert_eq!(converted(&read("rgb.png")), plain);
    let saturation = |pixels: &[u8]| -> u32 {
        let spread = |[r, g, b]: &[u8; 3]| u32::from(*r.max(g).max(b) - *r.min(g).min(b));
        pixels.as_chunks::<3>().0.iter().map(spread).sum()
    };
    assert!(saturation(&converted(&wide)) > saturation(&plain));
    // A profile that is none does not count.
    let damaged = png(
        b"iCCP",
        &[b"name\0\0", &deflated(b"no profile")[..]].concat(),
    );
    assert_eq!(converted(&damaged), plain);
}

proptest! {
    #[test]
    fn damage_is_no_error(at in 0usize..4000, value: u8, cut in 0usize..4000) {
        let rdf = "<rdf:Description tiff:Orientation='6'><dc:title><rdf:Alt><rdf:li xml:lang='de'>M\u{f6}we</rdf:li>\
                   </rdf:Alt></dc:title></rdf:Description>";
        let mut file = jpeg(&[
            segment(0xe1, b"Exif\0\0", &oriented(3)),
            segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0", &packet(rdf)),
            segment(0xed, b"Photoshop 3.0\0", b"8BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x19\0\x04rock\0"),
        ]);
        let at = at % file.len();
        file[at] = value;
        file.truncate(file.len().saturating_sub(cut % 3000));
        let _ = crate::words(&file, &|| ());
        let _ = crate::taken(&file, &|| ());
        let _ = info(&file);
    }
}
