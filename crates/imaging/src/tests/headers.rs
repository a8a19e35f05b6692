//! What is known before a pixel is decoded: format, size, orientation, number of pictures, limits.

use super::*;
use crate::Error;
use crate::Format;

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
            "jp2" | "j2k" => Format::Jpeg2000,
            "jxl" => Format::JpegXl,
            _ => Format::Bmp,
        };
        let expected = Info {
            format,
            width: WIDTH + if stem == "moved" { 6 } else { 0 },
            height: HEIGHT + if stem == "moved" { 5 } else { 0 },
            orientation: stem
                .strip_prefix("orientation-")
                .map_or(1, |orientation| orientation.parse().unwrap()),
            frames: if matches!(stem, "animated" | "pages" | "thumbnail-first") {
                2
            } else {
                1
            },
            refused: None,
        };
        assert_eq!(info(&contents).unwrap(), expected, "{name}");
    }
}

#[test]
fn formats_go_by_their_magic_bytes() {
    let of = |bytes: &[u8]| Format::of(bytes).map_err(|error| error.to_string());
    for (bytes, format) in [
        (&b"\0\0\0\x1cftypavif\0\0\0\0"[..], "AVIF"),
        (b"\0\0\0\x1cftypavis\0\0\0\0", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
    ] {
        let expected = format!("invalid {format} image: there is no picture");
        assert_eq!(of(bytes).unwrap().title(), format);
        assert_eq!(decode(bytes).unwrap_err().to_string(), expected);
    }
    for bytes in [
        &b""[..],
        b"\0",
        b"\xff\xd8",
        b"GIF88a",
        b"\0\0\0\x18ftypxxxx\0\0\0\0",
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
    let packet = |value: &str| {
        format!("http://ns.adobe.com/xap/1.0/\0<rdf:Description{value}</rdf:Description>")
    };
    let jpeg = read("444.jpg");
    for (value, orientation) in [
        (" tiff:Orientation=\"6\">", 6),
        ("><tiff:Orientation>8</tiff:Orientation>", 8),
        (" tiff:Orientation=\"9\">", 1),
        (">", 1),
    ] {
        let file = with_segment(&jpeg, 0xe1, packet(value).as_bytes());
        assert_eq!(info(&file).unwrap().orientation, orientation, "{value}");
    }
    let both = with_segment(
        &read("orientation-3.jpg"),
        0xe1,
        packet(" tiff:Orientation=\"6\">").as_bytes(),
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

/// A TIFF of 3 × 2 pixels with these entries (tag, type, value) besides its size, strip and bytes, 18 for the strip.
fn tiff(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut all = vec![
        (256, 3, 3),
        (257, 3, 2),
        (273, 4, 8),
        (278, 3, 2),
        (279, 4, 18),
    ];
    let given = |tag| entries.iter().any(|&(other, ..)| other == tag);
    all.retain(|&(tag, ..)| !(given(tag) || tag > 257 && given(322)));
    all.extend_from_slice(entries);
    all.sort_unstable();
    let mut file = b"II\x2a\0\x1a\0\0\0".to_vec();
    file.extend((0..18u8).map(|n| 10 * n));
    file.extend((all.len() as u16).to_le_bytes());
    for (tag, kind, value) in all {
        file.extend([tag.to_le_bytes(), u16::to_le_bytes(kind)].as_flattened());
        file.extend([1u32.to_le_bytes(), u32::to_le_bytes(value)].as_flattened());
    }
    file.extend([0; 4]);
    file
}

/// RGB of 8 bits: photometric interpretation, bits, samples.
const RGB: [(u16, u16, u32); 3] = [(258, 3, 8), (262, 3, 2), (277, 3, 3)];

/// Sound files are not called damaged, and their size is known.
#[test]
fn variants_of_tiff_without_a_decoder_are_named() {
    let plain = tiff(&RGB);
    assert!(decode(&plain).unwrap() == plain[8..26]);
    for (entries, variant) in [
        (&[(259, 3, 99)][..], "compression 99"),
        (&[(259, 3, 34_661)], "JBIG compression"),
        (&[(259, 3, 34_677)], "LogLuv compression of 24 bits"),
        (&[(259, 3, 4)], "CCITT compression of more than one bit"),
        (&[(258, 3, 99)], "samples of 99 bits"),
        (&[(262, 3, 99)], "photometric interpretation 99"),
        (&[(262, 3, 32_803)], "a colour filter array"),
        (&[(262, 3, 3)], "a palette that is not in the file"),
        (
            &[(262, 3, 3), (258, 3, 16), (339, 3, 3)],
            "floating-point indices into a palette",
        ),
        (
            &[(259, 3, 50_002), (258, 3, 32), (339, 3, 3)],
            "compressed pictures of floating-point samples",
        ),
        (&[(339, 3, 6)], "complex samples"),
        (
            &[(259, 3, 5), (317, 3, 3)],
            "a floating-point predictor over whole numbers",
        ),
        (&[(259, 3, 5), (317, 3, 4)], "predictor 4"),
    ] {
        let kept = RGB
            .iter()
            .filter(|(tag, ..)| entries.iter().all(|(other, ..)| other != tag));
        let file = tiff(&[entries, &kept.copied().collect::<Vec<_>>()].concat());
        let Info {
            width,
            height,
            refused,
            ..
        } = info(&file).unwrap();
        assert_eq!((width, height), (3, 2), "{variant}");
        assert!(refused.is_some(), "{variant}");
        let message = format!("image format TIFF with {variant} is not supported");
        assert_eq!(decode(&file).unwrap_err().to_string(), message);
    }
}

/// Writers that lack the compression they announce leave directories without strips. Without some it is a sparse file.
#[test]
fn tiffs_without_any_strip_have_no_picture() {
    let void = tiff(&[&RGB[..], &[(273, 4, 0), (279, 4, 0)]].concat());
    assert_eq!(
        decode(&void).unwrap_err().to_string(),
        "invalid TIFF image: none of its strips or tiles is in the file"
    );
}

/// Planes of tiles that reach beyond the picture.
#[test]
fn planes_are_put_together() {
    let side = |tag, value| (tag, 3, value);
    let mut file = tiff(
        &[
            &RGB[..],
            &[
                side(284, 2),
                side(322, 2),
                side(323, 2),
                (324, 4, 0),
                (325, 4, 0),
            ],
        ]
        .concat(),
    );
    // Two tiles for each of three planes; their offsets and lengths lie at the end.
    let tiles: Vec<u32> = (0..6).map(|n| 8 + n * 3).collect();
    for (tag, values) in [(324u16, tiles), (325, vec![4; 6])] {
        let at = file
            .windows(2)
            .rposition(|pair| pair == tag.to_le_bytes())
            .unwrap();
        let end = file.len() as u32;
        file[at + 4..at + 12]
            .copy_from_slice([6u32.to_le_bytes(), end.to_le_bytes()].as_flattened());
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    let sample = |tile: usize, x: usize, y: usize| file[8 + 3 * tile + 2 * y + x];
    let mut expected = Vec::new();
    for (y, x) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        expected.extend((0..3).map(|plane| sample(2 * plane + x / 2, x % 2, y)));
    }
    assert_eq!(decode(&file).unwrap(), expected);
}

/// A chain of directories: the offset of each from the last, with no entries, behind the first one.
fn chain(offsets: &[u32]) -> Vec<u8> {
    let mut file = tiff(&RGB);
    let first = u32::from_le_bytes(file[4..8].try_into().unwrap());
    let start = file.len() as u32;
    let at = |n: u32| if n == 0 { first } else { start + 6 * (n - 1) };
    for (n, &next) in offsets.iter().enumerate() {
        let target = if next == u32::MAX { 0 } else { at(next) };
        if n > 0 {
            file.extend([0; 6]);
        }
        let end = file.len();
        file[end - 4..].copy_from_slice(&target.to_le_bytes());
    }
    file
}

/// A YCbCr picture of 8 × 8 pixels in planes, of `depth` bits, whose bytes are these.
fn ycbcr_planes(planes: [&[u8]; 3], depth: u32) -> Vec<u8> {
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, 3, 1, 8),
        (257, 3, 1, 8),
        (258, 3, 1, depth),
        (259, 3, 1, 1),
        (262, 3, 1, 6),
        (273, 4, 3, 150),
        (277, 3, 1, 3),
        (278, 3, 1, 8),
        (279, 4, 3, 162),
        (284, 3, 1, 2),
        (530, 3, 2, 0x0002_0002),
    ];
    let mut file = b"II*\0\x08\0\0\0\x0b\0".to_vec();
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    file.resize(150, 0);
    let lengths = planes.map(|plane| plane.len() as u32);
    let starts = [174, 174 + lengths[0], 174 + lengths[0] + lengths[1]];
    for number in starts.into_iter().chain(lengths) {
        file.extend(number.to_le_bytes());
    }
    file.extend(planes.concat());
    file
}

/// Planes of colour with a quarter of the samples; others have all, whatever the file says.
#[test]
fn planes_of_fewer_samples_are_spread() {
    let luma: Vec<u8> = (0..64).map(|n| 60 + 2 * n).collect();
    let few = |shift: u8| (0..16).map(|n| 100 + 3 * n + shift).collect::<Vec<u8>>();
    let (blue, red) = (few(0), few(9));
    let all = |few: &[u8]| {
        let spread = (0..64).map(|n| few[n / 16 * 4 + n % 8 / 2]);
        spread.collect::<Vec<u8>>()
    };
    let fewer = decode(&ycbcr_planes([&luma, &blue, &red], 8)).unwrap();
    let whole = decode(&ycbcr_planes([&luma, &all(&blue), &all(&red)], 8)).unwrap();
    assert_eq!(fewer, whole);
    // Of a region, whose first row lies between two rows of colour.
    let region: Region = "3,3,4,4".parse().unwrap();
    let preprocess = super::whole();
    let file = ycbcr_planes([&luma, &blue, &red], 8);
    let cut = pixels(&file, region, &preprocess, &LIMITS, &|| ()).unwrap();
    let rows = whole.chunks(24).skip(3).take(4);
    let expected: Vec<u8> = rows.flat_map(|row| &row[9..21]).copied().collect();
    assert_eq!(cut, expected);
    let wide = ycbcr_planes([&[0; 128], &[0; 32], &[0; 32]], 16);
    let refused = "TIFF with YCbCr of 16 bits whose planes have fewer samples of colour";
    assert_eq!(info(&wide).unwrap().refused.as_deref(), Some(refused));
    let early = decode(&file[..file.len() - 3]).unwrap_err();
    assert!(matches!(early, Error::CorruptImage { .. }), "{early}");
}

#[test]
fn pages_are_counted_once() {
    let frames = |offsets: &[u32]| info(&chain(offsets)).unwrap().frames;
    assert_eq!(frames(&[u32::MAX]), 1);
    assert_eq!(frames(&[1, 2, 3, u32::MAX]), 4);
    for length in 1..40 {
        let line: Vec<u32> = (1..=length).collect();
        for back in 0..length {
            let mut circle = line.clone();
            circle[length as usize - 1] = back;
            assert_eq!(frames(&circle), length, "from {length} to {back}");
        }
    }
    // However many there are, someone is asked.
    let line: Vec<u32> = (1..=100_000).collect();
    let file = chain(&[&line[..line.len() - 1], &[u32::MAX]].concat());
    let beats = std::cell::Cell::new(0);
    let found = crate::info(&file, None, &|| beats.set(beats.get() + 1)).unwrap();
    assert_eq!(found.frames, 100_000);
    assert!(beats.get() > 20);
}

#[test]
fn limits_count_pixels() {
    let png = read("rgb.png");
    let with = |max_pixels: u32| {
        let limits = Limits {
            max_pixels: max_pixels.into(),
            ..LIMITS
        };
        // What is resized to is limited by what models take, not by this.
        let preprocess = Preprocess {
            resize: Resize::Squash([64, 64]),
            ..whole()
        };
        pixels(&png, Region::Full, &preprocess, &limits, &|| ())
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

/// A codestream up to its first tile, and that.
fn codestream() -> (Vec<u8>, Vec<u8>) {
    let file = read("bare.j2k");
    let tile = file.windows(2).position(|pair| pair == [0xff, 0x90]);
    let (main, tile) = file.split_at(tile.unwrap());
    (main.to_vec(), tile.to_vec())
}

#[test]
fn variants_of_jpeg_2000_without_a_decoder_are_named() {
    let refused = |file: &[u8]| {
        let told = info(file).unwrap();
        assert_eq!((told.width, told.height), (WIDTH, HEIGHT));
        let error = decode(file).unwrap_err();
        assert!(
            matches!(error, Error::UnsupportedImageFormat { .. }),
            "{error}"
        );
        told.refused.unwrap()
    };
    let (main, tile) = codestream();
    // Capabilities come after the size.
    let size = 4 + usize::from(u16::from_be_bytes([main[4], main[5]]));
    let capable = [0xff, 0x50, 0, 8, 0, 2, 0, 0, 0, 0];
    let file = [&main[..size], &capable, &main[size..], &tile].concat();
    assert_eq!(refused(&file), "JPEG 2000 (high-throughput coding (HTJ2K))");
    // A million parts of a tile, of which each is empty.
    let part = [
        &[0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 14, 0, 0][..],
        &[0xff, 0x93],
    ]
    .concat();
    let file = [main, part.repeat((1 << 20) + 2), tile].concat();
    let beats = std::cell::Cell::new(0);
    let progress = || beats.set(beats.get() + 1);
    assert!(crate::info(&file, None, &progress).is_ok());
    assert!(beats.get() > 200, "{}", beats.get());
    assert_eq!(
        refused(&file),
        "JPEG 2000 (more parts of tiles than there may be)"
    );
}
