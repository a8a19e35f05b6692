//! Damaged files: an error, or the picture, never a crash.

use super::*;
use crate::Error;
use crate::thumbnail;

/// Reads `bytes` in every way; what comes out of a readable file has the size its header says.
fn survive(bytes: &[u8], what: &str) -> Option<Vec<u8>> {
    let header = info(bytes);
    let decoded = decode(bytes);
    let small = thumbnail(bytes, 8, Region::Full, 85, &LIMITS, &|| ());
    for error in [
        header.as_ref().err(),
        decoded.as_ref().err(),
        small.as_ref().err(),
    ] {
        let expected = matches!(
            error,
            None | Some(
                Error::UnknownImageFormat
                    | Error::UnsupportedImageFormat { .. }
                    | Error::CorruptImage { .. }
                    | Error::ImageTooLarge { .. }
                    | Error::TooMuchMemory { .. }
            )
        );
        assert!(expected, "{what}: {error:?}");
    }
    let decoded = decoded.ok()?;
    let Info { width, height, .. } = header.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(
        decoded.len(),
        3 * width as usize * height as usize,
        "{what}"
    );
    assert!(small.is_ok(), "{what}");
    Some(decoded)
}

#[test]
fn truncated_files_are_refused() {
    for (name, contents) in images() {
        let whole = decode(&contents).unwrap();
        for length in 0..contents.len() {
            let Some(decoded) = survive(&contents[..length], &format!("{length} bytes of {name}"))
            else {
                continue;
            };
            // All of the picture is there; what is missing is another picture or an end mark.
            assert!(decoded == whole, "{length} bytes of {name}");
            assert!(length > contents.len() / 3, "{length} bytes of {name}");
        }
    }
}

#[test]
fn flipped_bits_are_survived() {
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for (name, contents) in images() {
        for round in 0..60 {
            let mut damaged = contents.clone();
            for _ in 0..=random(4) {
                damaged[random(contents.len())] ^= 1 << random(8);
            }
            survive(&damaged, &format!("{name}, round {round}"));
        }
    }
}

#[test]
fn garbage_behind_a_header_is_survived() {
    for (name, contents) in images() {
        for kept in [4, 16, 32, 64, 128] {
            let kept = kept.min(contents.len());
            for fill in [0, 0xff, 0x5a] {
                let mut damaged = contents.clone();
                damaged[kept..].fill(fill);
                survive(&damaged, &format!("{name} filled with {fill} from {kept}"));
            }
        }
    }
}

#[test]
fn damage_is_told_by_format() {
    let message =
        |name: &str, length: usize| decode(&read(name)[..length]).unwrap_err().to_string();
    let jpeg = read("444.jpg").len();
    assert_eq!(
        message("444.jpg", jpeg - 20),
        "invalid JPEG image: the data ends early"
    );
    assert_eq!(
        message("444.jpg", 40),
        "invalid JPEG image: the header ends early"
    );
    assert_eq!(message("rgb.png", 20), "invalid PNG image: no header chunk");
    assert_eq!(
        message("rgb.png", 300),
        "invalid PNG image: the data ends early"
    );
    assert_eq!(
        message("lossy.webp", 100),
        "invalid WebP image: the data ends early"
    );
    assert_eq!(
        message("rgb.bmp", 20),
        "invalid BMP image: the header ends early"
    );
    assert_eq!(
        message("rgb.bmp", 200),
        "invalid BMP image: the data ends early"
    );
    for (name, title) in [("palette.gif", "GIF"), ("lzw.tif", "TIFF")] {
        let message = message(name, 150);
        assert!(
            message.starts_with(&format!("invalid {title} image: ")),
            "{message}"
        );
    }
}

#[test]
fn jpegs_without_a_decoder_are_named() {
    let jpeg = read("444.jpg");
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    for (at, byte, format) in [
        (1, 0xcb, "arithmetic-coded lossless JPEG"),
        (1, 0xc5, "hierarchical JPEG"),
        (1, 0xf7, "JPEG-LS"),
        (4, 10, "10-bit JPEG"),
        (9, 2, "JPEG of 2 components"),
    ] {
        let mut other = jpeg.clone();
        other[frame + at] = byte;
        assert_eq!(
            decode(&other).unwrap_err().to_string(),
            format!("image format {format} is not supported")
        );
        let Info { width, refused, .. } = info(&other).unwrap();
        assert_eq!((width, refused.as_deref()), (WIDTH, Some(format)));
    }
    let mut empty = jpeg;
    empty[frame + 5..frame + 7].fill(0);
    assert_eq!(
        decode(&empty).unwrap_err().to_string(),
        "invalid JPEG image: the picture has no pixels"
    );
}

/// A chunk whose content inflates to far more than the picture, which is 741 bytes.
#[test]
fn bombs_do_not_go_off() {
    use flate2::{Compression, write::ZlibEncoder};
    use std::io::Write;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..256 {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let png = read("rgb.png");
    let expected = decode(&png).unwrap();
    for (kind, head) in [
        (b"zTXt", &b"k\0\0"[..]),
        (b"iCCP", b"k\0\0"),
        (b"iTXt", b"k\0\x01\0\0\0"),
    ] {
        let content = [kind, head, &bomb].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        let length = (content.len() - 4) as u32;
        let file = [
            &png[..33],
            &length.to_be_bytes(),
            &content,
            &crc.sum().to_be_bytes(),
            &png[33..],
        ]
        .concat();
        match decode(&file) {
            Ok(pixels) => assert!(pixels == expected),
            Err(error) => assert!(matches!(error, Error::CorruptImage { .. }), "{error}"),
        }
    }
}

/// The decoder would hold the picture as a whole before it compares its size with that of the canvas.
#[test]
fn pictures_of_webp_are_no_larger_than_their_canvas() {
    let mut lossy = read("lossy.webp");
    let at = lossy.windows(3).position(|code| code == [0x9d, 1, 0x2a]);
    let at = at.unwrap();
    lossy[at + 3..at + 7].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let length = (content.len() as u32).to_le_bytes();
        [&kind[..], &length, content].concat()
    };
    // The picture without what its own container said.
    let picture = chunk(b"VP8 ", &lossy[at - 3..]);
    let frame = [
        &[0, 0, 0, 0, 0, 0, 18, 0, 0, 12, 0, 0, 0, 0, 0, 0],
        &picture[..],
    ]
    .concat();
    let animation = [chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &frame)].concat();
    for (flags, chunks) in [(0, picture), (2, animation)] {
        let canvas = chunk(b"VP8X", &[flags, 0, 0, 0, 18, 0, 0, 12, 0, 0]);
        let file = chunk(b"RIFF", &[b"WEBP", &canvas[..], &chunks].concat());
        assert_eq!(
            decode(&file).unwrap_err().to_string(),
            "invalid WebP image: contradictory headers"
        );
    }
}

/// A picture over the limit is read at the size that is within, where its format allows.
#[test]
fn pictures_over_the_limit_are_reduced() {
    let limits = Limits {
        max_pixels: 100,
        ..LIMITS
    };
    let small = Preprocess {
        resize: Resize::Squash([4, 6]),
        ..whole()
    };
    for name in ["444.jpg", "reversible.jp2"] {
        let file = read(name);
        let full = pixels(&file, Region::Full, &small, &LIMITS, &|| ()).unwrap();
        let reduced = pixels(&file, Region::Full, &small, &limits, &|| ()).unwrap();
        let sum: u64 = full
            .iter()
            .zip(&reduced)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        assert!(sum < 12 * full.len() as u64, "{name}: {sum}");
        assert_ne!(full, reduced, "{name}");
    }
    let error = pixels(&read("rgb.png"), Region::Full, &small, &limits, &|| ()).unwrap_err();
    assert!(matches!(error, Error::ImageTooLarge { .. }), "{error}");
}

/// Programs that stop too early leave out the end mark: a scan that has all of its picture needs none.
#[test]
fn jpegs_without_an_end_mark_are_whole() {
    for name in ["444.jpg", "420.jpg", "cmyk.jpg", "gray.jpg", "deep-420.jpg"] {
        let jpeg = read(name);
        let whole = decode(&jpeg).unwrap();
        let (endless, end) = jpeg.split_at(jpeg.len() - 2);
        assert_eq!(end, [0xff, 0xd9], "{name}");
        assert_eq!(decode(endless).unwrap(), whole, "{name}");
        let cut = decode(&endless[..endless.len() - 4]).unwrap_err();
        assert!(cut.to_string().contains("ends early"), "{name}: {cut}");
    }
}

/// Where a bitmap does not tell where its pixels are, they follow its palette.
#[test]
fn bitmaps_need_not_say_where_their_pixels_begin() {
    for (name, file) in images() {
        if name.ends_with(".bmp") && !name.starts_with("os2") {
            let mut silent = file.clone();
            silent[10..14].fill(0);
            // Some have the palette of another length than it has entries.
            let follows = u32::from_le_bytes(file[10..14].try_into().unwrap());
            let told = u32::from_le_bytes(file[46..50].try_into().unwrap());
            let palette = match u16::from_le_bytes([file[28], file[29]]) {
                bits @ ..=8 if told == 0 => 4 << bits,
                ..=8 => 4 * told,
                _ => 0,
            };
            if follows == 54 + palette {
                assert_eq!(decode(&silent).unwrap(), decode(&file).unwrap(), "{name}");
            }
        }
    }
}

/// Coefficients of 12 bits are held as a whole, which is counted before they are read; and no second frame header changes
/// what the first one said.
#[test]
fn deep_jpegs_are_counted_and_consistent() {
    let jpeg = read("deep-444.jpg");
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc1])
        .unwrap();
    let mut large = jpeg.clone();
    large[frame + 5..frame + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
    let limits = Limits {
        max_pixels: 1 << 30,
        max_memory: 1 << 24,
    };
    let error = pixels(&large, Region::Full, &whole(), &limits, &|| ()).unwrap_err();
    assert!(matches!(error, Error::TooMuchMemory { .. }), "{error}");
    let mut second = jpeg[frame..frame + 19].to_vec();
    second[6] += 8;
    let twice = [&jpeg[..frame], &second, &jpeg[frame..]].concat();
    let error = decode(&twice).unwrap_err();
    assert!(matches!(error, Error::CorruptImage { .. }), "{error}");
}
