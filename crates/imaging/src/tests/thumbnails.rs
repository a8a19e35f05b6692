//! Thumbnails: small, upright JPEGs of anything.

use super::*;
use crate::{Format, thumbnail};

fn small(name: &str, side: u32) -> Vec<u8> {
    thumbnail(&read(name), side, Region::Full, 85, &LIMITS, &|| ()).unwrap()
}

fn size(jpeg: &[u8]) -> (u32, u32) {
    let Info {
        format,
        width,
        height,
        orientation,
        ..
    } = info(jpeg).unwrap();
    assert_eq!((format, orientation), (Format::Jpeg, 1));
    (width, height)
}

#[test]
fn longer_sides_are_bounded() {
    for (side, expected) in [
        (10, (10, 7)),
        (19, (19, 13)),
        (400, (19, 13)),
        (1, (1, 1)),
        (0, (1, 1)),
        (u32::MAX, (19, 13)),
    ] {
        assert_eq!(size(&small("444.jpg", side)), expected, "{side}");
    }
    for orientation in 5..=8 {
        assert_eq!(
            size(&small(&format!("orientation-{orientation}.jpg"), 10)),
            (7, 10)
        );
    }
    assert_eq!(size(&small("orientation-3.jpg", 10)), (10, 7));
}

#[test]
fn pixels_are_those_of_the_image() {
    for name in [
        "rgb.png",
        "orientation-6.jpg",
        "cmyk.jpg",
        "lossless.webp",
        "transparent.gif",
    ] {
        let preprocess = Preprocess {
            alpha: Alpha::White,
            ..whole()
        };
        let expected = pixels(&read(name), Region::Full, &preprocess, &LIMITS, &|| ()).unwrap();
        let found = decode(&small(name, 100)).unwrap();
        assert_eq!(found.len(), expected.len());
        let difference: u32 = found
            .iter()
            .zip(&expected)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        // Noise in the pictures costs a JPEG some levels.
        assert!(
            difference / (found.len() as u32) < 20,
            "{name}: {difference}"
        );
    }
}

#[test]
fn limits_hold() {
    let limits = Limits {
        max_pixels: 246,
        ..LIMITS
    };
    let refused = thumbnail(&read("rgb.png"), 10, Region::Full, 85, &limits, &|| ());
    assert!(matches!(refused, Err(crate::Error::ImageTooLarge { .. })));
}
