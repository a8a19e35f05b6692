//! What is known before a pixel is decoded: format, size, orientation, number of pictures, limits.

use super::*;
use crate::Error;
use crate::image::{Format, Info, info};

#[test]
fn headers_are_read() {
    for (name, contents) in images() {
        let (stem, extension) = name.split_once('.').unwrap();
        let format = match extension {
            "jpg" => Format::Jpeg,
            "png" => Format::Png,
            "gif" => Format::Gif,
            "webp" => Format::WebP,
            "tif" => Format::Tiff,
            _ => Format::Bmp,
        };
        let expected = Info {
            format,
            width: WIDTH + if stem == "moved" { 6 } else { 0 },
            height: HEIGHT + if stem == "moved" { 5 } else { 0 },
            orientation: stem
                .strip_prefix("orientation-")
                .map_or(1, |orientation| orientation.parse().unwrap()),
            frames: if matches!(stem, "animated" | "pages") {
                2
            } else {
                1
            },
        };
        if name == "palette.tif" {
            assert!(matches!(
                info(&contents),
                Err(Error::UnsupportedImageFormat { .. })
            ));
            continue;
        }
        assert_eq!(info(&contents).unwrap(), expected, "{name}");
    }
}

#[test]
fn formats_go_by_their_magic_bytes() {
    let of = |bytes: &[u8]| Format::of(bytes).map_err(|error| error.to_string());
    for (bytes, format) in [
        (&b"\0\0\0\x1cftypavif\0\0\0\0"[..], "AVIF"),
        (b"\0\0\0\x1cftypavis\0\0\0\0", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
        (b"\xff\x0a\0\0", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
    ] {
        let expected = format!("image format {format} is not supported");
        assert_eq!(of(bytes), Err(expected.clone()));
        assert_eq!(decode(bytes).unwrap_err().to_string(), expected);
    }
    for bytes in [
        &b""[..],
        b"\0",
        b"\xff\xd8",
        b"GIF88a",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"%PDF-1.7",
        b"\0\0\0\x18ftypisom\0\0\0\0",
    ] {
        assert_eq!(of(bytes), Err("image format not recognized".to_owned()));
        assert!(matches!(info(bytes), Err(Error::UnknownImageFormat)));
    }
    assert_eq!(Format::of(b"BM").unwrap().to_string(), "bmp");
}

/// A JPEG's segments, `added` behind the first two bytes.
fn with_segment(jpeg: &[u8], marker: u8, added: &[u8]) -> Vec<u8> {
    let length = u16::try_from(added.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, added, &jpeg[2..]].concat()
}

#[test]
fn xmp_orients_where_exif_does_not() {
    let packet =
        |value: &str| format!("http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation{value}/>");
    let jpeg = read("444.jpg");
    for (value, orientation) in [
        ("=\"6\"", 6),
        (">8</tiff:Orientation", 8),
        ("=\"9\"", 1),
        ("", 1),
    ] {
        let file = with_segment(&jpeg, 0xe1, packet(value).as_bytes());
        assert_eq!(info(&file).unwrap().orientation, orientation, "{value}");
    }
    let both = with_segment(
        &read("orientation-3.jpg"),
        0xe1,
        packet("=\"6\"").as_bytes(),
    );
    assert_eq!(info(&both).unwrap().orientation, 3);
}

#[test]
fn orientations_are_read_in_every_encoding() {
    let jpeg = read("444.jpg");
    let orientation = |exif: &[u8]| {
        let segment = [b"Exif\0\0", exif].concat();
        info(&with_segment(&jpeg, 0xe1, &segment))
            .unwrap()
            .orientation
    };
    let little = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let big = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    assert_eq!((orientation(little), orientation(big)), (6, 6));
    // Values out of range, of a type that is no number, several of them, or a block that is cut off.
    for (at, byte) in [(18, 0), (18, 9), (12, 2), (14, 2), (8, 9), (4, 0xff)] {
        let mut damaged = little.to_vec();
        damaged[at] = byte;
        assert_eq!(orientation(&damaged), 1, "{at}");
    }
    for length in 0..20 {
        assert_eq!(orientation(&little[..length]), 1, "{length}");
    }
}

/// Headers that claim 100 000 × 100 000 pixels, or as many as the format can say.
fn giants() -> Vec<(&'static str, Vec<u8>)> {
    let patched = |name: &str, at: usize, bytes: &[u8]| {
        let mut contents = read(name);
        contents[at..at + bytes.len()].copy_from_slice(bytes);
        contents
    };
    let side = 100_000u32;
    let frame = read("444.jpg")
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    let png = [side.to_be_bytes(), side.to_be_bytes()].concat();
    let bmp = [side.to_le_bytes(), side.to_le_bytes()].concat();
    vec![
        ("rgb.png", patched("rgb.png", 16, &png)),
        ("interlaced.png", patched("interlaced.png", 16, &png)),
        ("444.jpg", patched("444.jpg", frame + 5, &[0xff; 4])),
        ("palette.gif", patched("palette.gif", 6, &[0xff; 4])),
        ("rgb.bmp", patched("rgb.bmp", 18, &bmp)),
        // VP8X holds the size of the canvas less one in 24 bits each.
        (
            "animated.webp",
            patched("animated.webp", 24, &[0xff, 0x3f, 0, 0xff, 0x3f, 0]),
        ),
        ("lzw.tif", giant_tiff()),
    ]
}

/// A TIFF whose directory says 100 000 × 100 000 pixels of one bit.
fn giant_tiff() -> Vec<u8> {
    let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
    let entries: [(u16, u16, u32); 8] = [
        (256, 4, 100_000),
        (257, 4, 100_000),
        (258, 3, 1),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, 100_000),
        (279, 4, 1),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}

#[test]
fn sizes_are_limited_by_the_header_alone() {
    for (name, contents) in giants() {
        let Info { width, height, .. } =
            info(&contents).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            u64::from(width) * u64::from(height) > 200_000_000,
            "{name}: {width} x {height}"
        );
        let limit = LIMITS.max_pixels;
        let refused = decode(&contents).unwrap_err();
        assert!(
            matches!(
                refused,
                Error::ImageTooLarge { width: w, height: h, limit: l }
                    if (w, h, l) == (width.into(), height.into(), limit)
            ),
            "{name}: {refused}"
        );
    }
}

#[test]
fn limits_count_pixels() {
    let jpeg = read("444.jpg");
    let with = |max_pixels: u32| {
        let limits = Limits {
            max_pixels: max_pixels.into(),
        };
        // What is resized to is limited by what models take, not by this.
        let preprocess = Preprocess {
            resize: Resize::Squash([64, 64]),
            ..whole()
        };
        pixels(&jpeg, &preprocess, &limits, &|| ())
    };
    assert!(with(WIDTH * HEIGHT).is_ok());
    assert!(matches!(
        with(WIDTH * HEIGHT - 1),
        Err(Error::ImageTooLarge {
            width: 19,
            height: 13,
            limit: 246
        })
    ));
}
