//! Equality with Pillow 11.3, byte for byte.

use super::*;
use crate::normalize;
use serde::Deserialize;

/// Where this crate differs on purpose.
const UNLIKE: [&str; 2] = ["gray12.png", "gray16.png"];

/// Samples that are rounded twice, or as only floating-point numbers are, and by how many levels they may differ.
const NEAR: [(&str, u8); 8] = [
    ("cielab.tif", 1),
    ("cielab-float.tif", 1),
    ("icclab.tif", 1),
    ("grey-half.tif", 1),
    ("log-l.tif", 1),
    ("log-luv.tif", 1),
    ("ycbcr-420.tif", 1),
    ("ycbcr-444.tif", 3),
];

#[test]
fn decoded_images_are_pillows() {
    for (name, contents) in images() {
        if UNLIKE.contains(&name.as_str()) {
            continue;
        }
        let expected = read(&format!("{name}.rgb"));
        let found = decode(&contents).unwrap_or_else(|error| panic!("{name}: {error}"));
        let near = NEAR.iter().find(|(near, _)| *near == name);
        let near = near.map_or(0, |&(_, levels)| levels);
        let mut pairs = found.iter().zip(&expected);
        assert!(
            found.len() == expected.len()
                && pairs.all(|(found, expected)| found.abs_diff(*expected) <= near),
            "{name}: {}",
            difference(&found, &expected)
        );
    }
}

#[test]
fn resized_images_are_pillows() {
    #[derive(Deserialize)]
    struct Case {
        image: String,
        preprocess: Preprocess,
        pixels: String,
    }
    let cases: Vec<Case> = serde_json::from_slice(&read("resize.json")).unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let expected: Vec<_> = (0..case.pixels.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&case.pixels[at..at + 2], 16).unwrap())
            .collect();
        let found = pixels(
            &read(&case.image),
            Region::Full,
            &case.preprocess,
            &LIMITS,
            &|| (),
        )
        .unwrap();
        assert!(
            found == expected,
            "{} {:?}: {}",
            case.image,
            case.preprocess,
            difference(&found, &expected)
        );
    }
}

/// The known difference: Pillow clips grey samples of 16 bits to white.
#[test]
fn gray_of_16_bits_keeps_its_high_byte() {
    let gray = decode(&read("gray16.png")).unwrap();
    let rgb = decode(&read("rgb16.png")).unwrap();
    assert!(
        gray.as_chunks::<3>()
            .0
            .iter()
            .all(|[r, g, b]| r == g && g == b)
    );
    assert!(gray.iter().step_by(3).eq(rgb.iter().step_by(3)));
}

/// Pillow clips these to white as well.
#[test]
fn gray_of_16_bits_is_scaled_from_those_that_it_fills() {
    let (twelve, eight) = (
        decode(&read("gray12.png")).unwrap(),
        decode(&read("gray.png")).unwrap(),
    );
    assert_eq!(twelve.len(), eight.len());
    assert!(twelve.iter().zip(&eight).all(|(a, b)| a.abs_diff(*b) <= 1));
}

#[test]
fn orientation_can_be_left_alone() {
    let stored = Preprocess {
        exif_orientation: false,
        ..whole()
    };
    let upright = decode(&read("444.jpg")).unwrap();
    for orientation in 2..=8 {
        let bytes = read(&format!("orientation-{orientation}.jpg"));
        let ignored = pixels(&bytes, Region::Full, &stored, &LIMITS, &|| ()).unwrap();
        let applied = decode(&bytes).unwrap();
        assert_eq!(ignored.len(), upright.len());
        assert_ne!(ignored, applied, "{orientation}");
    }
}

#[test]
fn samples_are_normalized_by_channel() {
    let preprocess = Preprocess {
        mean: [0.1, 0.2, 0.3],
        std: [0.5, 0.25, 2.0],
        ..whole()
    };
    let samples: Vec<u8> = (0..=255).flat_map(|x| [x, 255 - x, 7]).collect();
    let mut out = vec![0.0; samples.len()];
    normalize(&samples, &preprocess, &mut out);
    for (at, value) in out.iter().enumerate() {
        let (channel, pixel) = (at / 256, at % 256);
        let sample = f32::from(samples[3 * pixel + channel]);
        let expected = (sample / 255.0 - preprocess.mean[channel]) / preprocess.std[channel];
        assert_eq!(value.to_bits(), expected.to_bits(), "{at}");
    }
    normalize(&[], &preprocess, &mut []);
}

fn difference(found: &[u8], expected: &[u8]) -> String {
    if found.len() != expected.len() {
        return format!("{} samples instead of {}", found.len(), expected.len());
    }
    let differences = || {
        found
            .iter()
            .zip(expected)
            .enumerate()
            .filter(|(_, (found, expected))| found != expected)
    };
    let largest = differences()
        .map(|(_, (found, expected))| found.abs_diff(*expected))
        .max();
    format!(
        "{} of {} samples differ, by {largest:?} at most, first at {:?}",
        differences().count(),
        found.len(),
        differences().next().map(|(at, _)| at)
    )
}
