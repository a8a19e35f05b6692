//! What JPEG 2000, JPEG XL and GIF keep beside the picture: EXIF, XMP, IPTC and profiles in their boxes and extensions.

use super::*;
use crate::thumbnail;
use moxcms::ColorProfile as Profile;
use serde_json::Value;

const PACKET: &[u8] = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\
    <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:tiff='http://ns.adobe.com/tiff/1.0/' \
    xmlns:dc='http://purl.org/dc/elements/1.1/'><rdf:Description tiff:Orientation='6'><dc:title><rdf:Alt>\
    <rdf:li xml:lang='x-default'>A gull</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>";

/// Orientation 6, and a description.
const EXIF: &[u8] =
    b"MM\0*\0\0\0\x08\0\x02\x01\x0e\0\x02\0\0\0\x04old\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32 + 8).to_be_bytes();
    [&length[..], kind, content].concat()
}

/// A profile of sRGB's primaries with the names of red and green in each other's place.
fn swapped() -> Vec<u8> {
    let mut profile = Profile::new_srgb().encode().unwrap();
    let place = |name: &[u8]| profile.windows(4).position(|four| four == name).unwrap();
    let (red, green) = (place(b"rXYZ"), place(b"gXYZ"));
    profile[red] = b'g';
    profile[green] = b'r';
    profile
}

/// A JP2 with boxes behind its header, and the header's colour box with this content.
fn jp2(boxes: &[Vec<u8>], color: &[u8]) -> Vec<u8> {
    let plain = read("reversible.jp2");
    let at = |kind: &[u8; 4]| plain.windows(4).position(|four| four == kind).unwrap() - 4;
    let (header, stream) = (at(b"jp2h"), at(b"jp2c"));
    let size = &plain[header + 8..header + 8 + 22];
    let header_box = boxed(b"jp2h", &[size, &boxed(b"colr", color)].concat());
    [
        &plain[..header],
        &header_box,
        &boxes.concat(),
        &plain[stream..],
    ]
    .concat()
}

fn uuid(name: &[u8; 16], content: &[u8]) -> Vec<u8> {
    boxed(b"uuid", &[name, content].concat())
}

/// A JPEG XL container with boxes before its codestream.
fn jxl(codestream: &[u8], boxes: &[Vec<u8>]) -> Vec<u8> {
    let start = [
        boxed(b"JXL ", b"\x0d\x0a\x87\x0a"),
        boxed(b"ftyp", b"jxl \0\0\0\0jxl "),
        boxes.concat(),
        boxed(b"jxlc", codestream),
    ];
    start.concat()
}

/// A GIF with an application extension behind its palette.
fn gif(name: &[u8; 11], data: &[u8]) -> Vec<u8> {
    let plain = read("palette.gif");
    let at = 13 + (3 << ((plain[10] & 7) + 1));
    [
        &plain[..at],
        b"\x21\xff\x0b",
        name,
        data,
        b"\0",
        &plain[at..],
    ]
    .concat()
}

fn portions(data: &[u8]) -> Vec<u8> {
    let portion = |part: &[u8]| [&[part.len() as u8], part].concat();
    data.chunks(255).flat_map(portion).collect()
}

/// The packet and Adobe's trailer, less the byte that ends it.
fn with_trailer() -> Vec<u8> {
    let trailer: Vec<u8> = [1].into_iter().chain((0..=255).rev()).collect();
    [PACKET, &trailer].concat()
}

/// A stream of Brotli that is stored as it is.
fn brotli(content: &[u8]) -> Vec<u8> {
    let head = (content.len() as u32 - 1) << 4 | 1 << 20;
    [&head.to_le_bytes()[..3], content, &[3]].concat()
}

fn words(bytes: &[u8]) -> Value {
    crate::words(bytes, &|| ()).unwrap()
}

const XMP: &[u8; 16] = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
const IPTC: &[u8; 16] = b"\x33\xc7\xa4\xd2\xb8\x1d\x47\x23\xa0\xba\xf1\xa3\xe0\x97\xad\x38";
const SRGB: &[u8] = b"\x01\0\0\0\0\0\x10";

#[test]
fn blocks_count_in_every_container() {
    let behind =
        |offset: &[u8], exif: &[u8]| [&[0, 0, 0, offset.len() as u8], offset, exif].concat();
    let lossless = read("lossless.jxl");
    let files = [
        (
            jp2(&[uuid(b"JpgTiffExif->JP2", EXIF), uuid(XMP, PACKET)], SRGB),
            true,
        ),
        (
            jxl(
                &lossless,
                &[boxed(b"Exif", &behind(b"", EXIF)), boxed(b"xml ", PACKET)],
            ),
            true,
        ),
        (
            jxl(
                &lossless,
                &[
                    boxed(b"Exif", &behind(b"Exif\0\0", EXIF)),
                    boxed(b"xml ", PACKET),
                ],
            ),
            true,
        ),
        (
            jxl(
                &lossless,
                &[
                    boxed(
                        b"brob",
                        &[b"Exif", &brotli(&behind(b"", EXIF))[..]].concat(),
                    ),
                    boxed(b"brob", &[b"xml ", &brotli(PACKET)[..]].concat()),
                ],
            ),
            true,
        ),
        (gif(b"XMP DataXMP", &with_trailer()), false),
        (gif(b"XMP DataXMP", &portions(PACKET)), false),
    ];
    for (n, (file, exif)) in files.iter().enumerate() {
        let found = words(file);
        assert_eq!(found["title"], "A gull", "{n}: {found}");
        assert_eq!(found["description"] == "old", *exif, "{n}: {found}");
        // None of these formats is turned by what stands beside the picture.
        let told = info(file).unwrap();
        assert_eq!(
            (told.orientation, told.width, told.height),
            (1, WIDTH, HEIGHT),
            "{n}"
        );
    }
    let plain = [
        read("reversible.jp2"),
        read("lossless.jxl"),
        read("palette.gif"),
    ];
    for (file, same) in [(0, 0), (1, 1), (4, 2)] {
        assert_eq!(
            decode(&files[file].0).unwrap(),
            decode(&plain[same]).unwrap()
        );
    }
}

#[test]
fn iptc_counts_in_jpeg_2000() {
    let datasets = b"\x1c\x02\x19\0\x04rock";
    assert_eq!(
        words(&jp2(&[uuid(IPTC, datasets)], SRGB))["keywords"][0],
        "rock"
    );
}

#[test]
fn profiles_count_in_every_container() {
    let srgb = Preprocess {
        color_profile: ColorProfile::Srgb,
        ..whole()
    };
    let converted = |file: &[u8]| pixels(file, Region::Full, &srgb, &LIMITS, &|| ()).unwrap();
    let profile = swapped();
    for (name, file) in [
        (
            "JP2, restricted",
            jp2(&[], &[b"\x02\0\0", &profile[..]].concat()),
        ),
        ("JPX, any", jp2(&[], &[b"\x03\0\0", &profile[..]].concat())),
        ("GIF", gif(b"ICCRGBG1012", &portions(&profile))),
        ("JPEG XL", read("../containers/profile.jxl")),
    ] {
        let (stored, shown) = (decode(&file).unwrap(), converted(&file));
        let pairs = stored
            .as_chunks::<3>()
            .0
            .iter()
            .zip(shown.as_chunks::<3>().0);
        for ([r, g, b], [x, y, z]) in pairs {
            let off = [r.abs_diff(*y), g.abs_diff(*x), b.abs_diff(*z)];
            assert!(
                off.iter().all(|&off| off <= 2),
                "{name}: {r} {g} {b} became {x} {y} {z}"
            );
        }
        // Thumbnails are in sRGB whatever the model wants.
        let small =
            decode(&thumbnail(&file, 100, Region::Full, 100, &LIMITS, &|| ()).unwrap()).unwrap();
        let mean = |pixels: &[u8], channel: usize| -> u32 {
            let samples = pixels.iter().skip(channel).step_by(3);
            samples.map(|&sample| u32::from(sample)).sum::<u32>() / (WIDTH * HEIGHT)
        };
        for channel in 0..3 {
            assert!(
                mean(&small, channel).abs_diff(mean(&shown, channel)) < 4,
                "{name}"
            );
        }
    }
    // Files of sRGB stay as they are, whether they say so or not.
    for file in [
        jp2(&[], SRGB),
        read("lossless.jxl"),
        read("gray.jxl"),
        read("palette.gif"),
        gif(b"ICCRGBG1012", &portions(b"no profile")),
    ] {
        assert_eq!(converted(&file), decode(&file).unwrap());
    }
    // This one says that its numbers are linear.
    let linear = read("rgb16.jxl");
    let pairs = converted(&linear).into_iter().zip(decode(&linear).unwrap());
    assert!(pairs.into_iter().all(|(shown, stored)| shown >= stored));
}

proptest::proptest! {
    #[test]
    fn damage_is_no_error(at in 0usize..3000, value: u8, cut in 0usize..3000) {
        let jxl = jxl(&read("lossless.jxl"), &[boxed(b"brob", &[b"xml ", &brotli(PACKET)[..]].concat())]);
        for mut file in [
            jp2(&[uuid(b"JpgTiffExif->JP2", EXIF), uuid(XMP, PACKET)], SRGB),
            jxl,
            gif(b"XMP DataXMP", &with_trailer()),
        ] {
            let at = at % file.len();
            file[at] = value;
            file.truncate(file.len() - cut % file.len());
            let _ = crate::words(&file, &|| ());
            let _ = info(&file);
            let _ = decode(&file);
        }
    }
}
