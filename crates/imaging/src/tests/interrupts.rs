//! Interrupts: `progress` may unwind out of everything, and is called often, however few bytes a picture is in.

use super::*;
use crate::{Error, Part, thumbnail};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Cancellation: what `progress` unwinds with arrives as it is, wherever it strikes.
#[test]
fn progress_unwinds_through_decoders() {
    struct Payload(u32);
    for (name, contents) in images() {
        let beats = Cell::new(0);
        let complete = pixels(&contents, Region::Full, &whole(), &LIMITS, &|| {
            beats.set(beats.get() + 1)
        });
        assert!(complete.is_ok(), "{name}");
        assert!(beats.get() > 0, "{name}");
        for strike in 0..beats.get() {
            let left = Cell::new(strike);
            let progress = || match left.get() {
                0 => resume_unwind(Box::new(Payload(strike))),
                more => left.set(more - 1),
            };
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                pixels(&contents, Region::Full, &whole(), &LIMITS, &progress)
            }));
            let payload = unwound.map(|_| ()).expect_err("it strikes");
            let payload = payload
                .downcast::<Payload>()
                .unwrap_or_else(|_| panic!("{name}, beat {strike}"));
            assert_eq!(payload.0, strike);
        }
    }
}

/// Leaves a page when `progress` is called the time after `strike`: what it unwinds with arrives.
fn leave(file: &[u8], page: Option<i32>, limits: &Limits, strike: u32) {
    let left = Cell::new(strike);
    let progress = || match left.get() {
        0 => resume_unwind(Box::new(strike)),
        more => left.set(more - 1),
    };
    let part = Part {
        page,
        region: Region::Full,
    };
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        pixels(file, part, &whole(), limits, &progress)
    }));
    let payload = unwound.map(|_| ()).expect_err("it strikes");
    assert_eq!(*payload.downcast::<u32>().unwrap(), strike);
}

/// Side of a picture that is all grey, so that a few bytes of the file make many pixels.
const SIDE: u16 = 1200;

/// A flat picture of every kind that can be made here.
fn flat() -> Vec<(&'static str, Vec<u8>)> {
    let side = usize::from(SIDE);
    let grey = vec![128; side * side];
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, SIDE.into(), SIDE.into());
    encoder.set_depth(png::BitDepth::Sixteen);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&[&grey[..], &grey].concat())
        .unwrap();
    writer.finish().unwrap();
    let gif = |interlaced| {
        let mut file = Vec::new();
        let mut frame = gif::Frame::from_indexed_pixels(SIDE, SIDE, vec![0; side * side], None);
        frame.interlaced = interlaced;
        let mut encoder = gif::Encoder::new(&mut file, SIDE, SIDE, &[128; 3]).unwrap();
        encoder.write_frame(&frame).unwrap();
        drop(encoder);
        file
    };
    let tiff = |entries: &[(u16, u32)], data: &[u8]| {
        let mut all = vec![
            (256, side as u32),
            (257, side as u32),
            (262, 1),
            (277, 1),
            (278, side as u32),
            (279, data.len() as u32),
        ];
        all.extend([(273, 8 + 2 + 12 * (all.len() + 1 + entries.len()) as u32 + 4)]);
        all.extend_from_slice(entries);
        all.sort_unstable();
        let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
        file.extend((all.len() as u16).to_le_bytes());
        for (tag, value) in all {
            file.extend([tag.to_le_bytes(), 4u16.to_le_bytes()].as_flattened());
            file.extend([1u32.to_le_bytes(), u32::to_le_bytes(value)].as_flattened());
        }
        file.extend([0; 4]);
        file.extend(data);
        file
    };
    let deflated = {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&grey).unwrap();
        encoder.finish().unwrap()
    };
    let jpeg = crate::jpeg::encode(
        &grey.repeat(3),
        (side, side),
        90.0,
        &crate::source::Pulse::new(&|| ()),
    );
    let jpeg = jpeg.unwrap();
    vec![
        ("PNG of 16 bits", png),
        ("GIF", gif(false)),
        ("GIF, interlaced", gif(true)),
        (
            "TIFF, deflate in one strip",
            tiff(&[(258, 8), (259, 8)], &deflated),
        ),
        // A bit says that a row is like the one above, which is white.
        (
            "TIFF, CCITT group 4",
            tiff(&[(258, 1), (259, 4)], &vec![0xff; side / 8 + 1]),
        ),
        // A run of 128 bytes, time and again.
        (
            "TIFF, PackBits",
            tiff(
                &[(258, 8), (259, 32_773)],
                &[0x81, 128].repeat(side * side / 128),
            ),
        ),
        ("JPEG", jpeg),
    ]
}

/// However little of a file a picture takes, and however it is turned, `progress` is called for every row of it.
#[test]
fn flat_pictures_can_be_left() {
    let side = usize::from(SIDE);
    let limits = Limits {
        max_pixels: 1 << 22,
        ..LIMITS
    };
    for (name, file) in flat() {
        assert!(file.len() < 50_000, "{name}: {} bytes", file.len());
        let beats = |count: &Cell<usize>| {
            let progress = || count.set(count.get() + 1);
            let pixels = pixels(&file, Region::Full, &whole(), &limits, &progress);
            pixels.unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let decoding = Cell::new(0);
        let pixels = beats(&decoding);
        assert_eq!(pixels.len(), 3 * side * side, "{name}");
        assert!(pixels.iter().all(|&sample| sample == pixels[0]), "{name}");
        // Once for a row that is decoded, once for a row that is resized.
        assert!(decoding.get() >= 2 * side, "{name}: {}", decoding.get());
        let shrinking = Cell::new(0);
        let progress = || shrinking.set(shrinking.get() + 1);
        thumbnail(&file, SIDE.into(), Region::Full, 85, &limits, &progress).unwrap();
        assert!(shrinking.get() > decoding.get() + side / 20, "{name}");
    }
}

/// The decoder of WebP reads a large picture on a thread of its own, which is left wherever `progress` strikes, and the
/// next picture is none the worse for it.
#[test]
fn large_webp_can_be_left() {
    let side = usize::from(SIDE);
    let limits = Limits {
        max_pixels: 1 << 22,
        ..LIMITS
    };
    let mut file = Vec::new();
    ::image::codecs::webp::WebPEncoder::new_lossless(&mut file)
        .encode(
            &[128, 64, 32].repeat(side * side),
            SIDE.into(),
            SIDE.into(),
            ::image::ExtendedColorType::Rgb8,
        )
        .unwrap();
    assert!(file.len() < 50_000, "{} bytes", file.len());
    let beats = Cell::new(0);
    let check = || {
        let progress = || beats.set(beats.get() + 1);
        let pixels = pixels(&file, Region::Full, &whole(), &limits, &progress).unwrap();
        assert!(pixels == [128, 64, 32].repeat(side * side));
    };
    check();
    // Once for a row that is resized, and before that.
    assert!(beats.get() > side, "{}", beats.get());
    (0..8).for_each(|strike| leave(&file, None, &limits, strike));
    check();
}

/// Transposing goes through all of the picture once more.
#[test]
fn turned_pictures_can_be_left() {
    let file = read("orientation-6.jpg");
    let plain = Cell::new(0);
    pixels(&file, Region::Full, &whole(), &LIMITS, &|| {
        plain.set(plain.get() + 1)
    })
    .unwrap();
    let stored = Preprocess {
        exif_orientation: false,
        ..whole()
    };
    let unturned = Cell::new(0);
    pixels(&file, Region::Full, &stored, &LIMITS, &|| {
        unturned.set(unturned.get() + 1)
    })
    .unwrap();
    assert!(plain.get() > unturned.get());
}

/// What decoders do that cannot be asked runs aside, and what comes of it is bounded.
#[test]
fn large_pictures_of_other_libraries_can_be_left() {
    let read = |name: &str| std::fs::read(directory().with_file_name("large").join(name)).unwrap();
    let limits = Limits {
        max_pixels: 1 << 23,
        max_memory: 1 << 29,
    };
    for name in ["flat.jp2", "flat.jxl", "flat.avif"] {
        let file = read(name);
        let beats = Cell::new(0);
        let progress = || beats.set(beats.get() + 1);
        let whole_picture = pixels(&file, Region::Full, &whole(), &limits, &progress).unwrap();
        assert_eq!(whole_picture.len(), 3 * 1200 * 800, "{name}");
        assert!(whole_picture.iter().all(|&sample| sample == 128), "{name}");
        assert!(beats.get() > 1600, "{name}: {}", beats.get());
        for strike in [0, 1, 3, 6] {
            leave(&file, None, &limits, strike);
        }
        let little = Limits {
            max_memory: 1 << 22,
            ..limits
        };
        let error = pixels(&file, Region::Full, &whole(), &little, &|| ()).unwrap_err();
        assert!(
            matches!(error, Error::TooMuchMemory { limit, .. } if limit == 1 << 22),
            "{name}: {error}"
        );
    }
}

/// Flat animations of three frames of 1200 x 1200 pixels.
fn animations() -> Vec<(&'static str, Vec<u8>)> {
    let side = usize::from(SIDE);
    let mut gif = Vec::new();
    let mut encoder = gif::Encoder::new(&mut gif, SIDE, SIDE, &[128; 6]).unwrap();
    for dispose in [
        gif::DisposalMethod::Keep,
        gif::DisposalMethod::Previous,
        gif::DisposalMethod::Background,
    ] {
        let mut frame = gif::Frame::from_indexed_pixels(SIDE, SIDE, vec![0; side * side], None);
        frame.dispose = dispose;
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, SIDE.into(), SIDE.into());
    encoder.set_animated(3, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for _ in 0..3 {
        writer.write_image_data(&vec![128; side * side]).unwrap();
    }
    writer.finish().unwrap();
    let mut still = Vec::new();
    ::image::codecs::webp::WebPEncoder::new_lossless(&mut still)
        .encode(
            &vec![128; 3 * side * side],
            SIDE.into(),
            SIDE.into(),
            ::image::ExtendedColorType::Rgb8,
        )
        .unwrap();
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let length = (content.len() as u32).to_le_bytes();
        [&kind[..], &length, content].concat()
    };
    let sides = [SIDE - 1, SIDE - 1].map(|side| [side as u8, (side >> 8) as u8, 0]);
    let frame = chunk(
        b"ANMF",
        &[&[0; 6], sides.as_flattened(), &[0; 4], &still[12..]].concat(),
    );
    let chunks = [
        chunk(b"VP8X", &[&[2, 0, 0, 0], sides.as_flattened()].concat()),
        chunk(b"ANIM", &[0; 6]),
        frame.repeat(3),
    ];
    let webp = chunk(b"RIFF", &[b"WEBP", &chunks.concat()[..]].concat());
    vec![("GIF", gif), ("PNG", png), ("WebP", webp)]
}

/// A late frame needs those before it: all of them can be left.
#[test]
fn late_frames_can_be_left() {
    let rows = u32::from(SIDE);
    let limits = Limits {
        max_pixels: 1 << 22,
        ..LIMITS
    };
    for (name, file) in animations() {
        assert!(file.len() < 100_000, "{name}: {} bytes", file.len());
        let part = Part {
            page: Some(3),
            region: Region::Full,
        };
        let beats = Cell::new(0);
        let progress = || beats.set(beats.get() + 1);
        let found = pixels(&file, part, &whole(), &limits, &progress).unwrap();
        assert!(found.iter().all(|&sample| sample == 128), "{name}");
        // Frames of WebP are drawn aside, and each row is called for once it is resized. Others are drawn right here.
        let drawn = if name == "WebP" { 0 } else { 3 * rows };
        assert!(beats.get() >= drawn + rows, "{name}: {}", beats.get());
        let last = if name == "WebP" { 3 } else { 3 * rows - 1 };
        for strike in [0, 1, 2, last] {
            leave(&file, part.page, &limits, strike);
        }
    }
}

/// A frame in portions of a byte each, of which there may be hundreds of millions.
#[test]
fn portions_can_be_left() {
    let plain = read("palette.gif");
    let at = 13 + (3 << ((plain[10] & 7) + 1));
    let mut file = plain[..at].to_vec();
    file.extend(b"\x21\xfe");
    file.extend([1, 0].repeat(1 << 20));
    file.extend([0]);
    file.extend(&plain[at..]);
    let beats = Cell::new(0);
    let told = crate::info(&file, None, &|| beats.set(beats.get() + 1)).unwrap();
    assert_eq!((told.width, told.frames), (WIDTH, 1));
    assert!(beats.get() >= 16, "{}", beats.get());
}
