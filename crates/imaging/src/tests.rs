//! Tests of the whole way from a file to pixels, by theme.
//!
//! `tests/data/images` holds the files and what Pillow makes of them; its `generate.py` says how.

mod bmp;
mod containers;
mod damage;
mod foreign;
mod headers;
mod heif;
mod inks;
mod interrupts;
mod netpbm;
mod pages;
mod pillow;
mod psd;
mod raw;
mod region;
mod resize;
mod taken;
mod thumbnails;
mod words;

use crate::Result;
use crate::preprocess::{Alpha, ColorProfile, Filter, Preprocess, Resize};
use crate::{Info, Limits, Region, pixels};
use std::fs;
use std::path::{Path, PathBuf};

const LIMITS: Limits = Limits {
    max_pixels: 1 << 20,
    max_memory: 1 << 28,
};

/// The size of every image in the directory but one, as stored.
const WIDTH: u32 = 19;
const HEIGHT: u32 = 13;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(directory().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Names and contents of all images, sorted.
fn images() -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<_> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            !name.ends_with(".rgb") && !name.ends_with(".json") && !name.ends_with(".py")
        })
        .collect();
    names.sort();
    assert!(names.len() > 50, "{names:?}");
    names
        .into_iter()
        .map(|name| {
            let contents = read(&name);
            (name, contents)
        })
        .collect()
}

/// Oriented, converted to RGB, and nothing else.
fn whole() -> Preprocess {
    Preprocess {
        resize: Resize::Keep,
        crop: None,
        filter: Filter::Bicubic,
        rescale_factor: 1.0 / 255.0,
        mean: [0.5; 3],
        std: [0.5; 3],
        exif_orientation: true,
        alpha: Alpha::Drop,
        color_profile: ColorProfile::Ignore,
    }
}

fn info(bytes: &[u8]) -> Result<Info> {
    crate::info(bytes, None, &|| ())
}

fn decode(bytes: &[u8]) -> Result<Vec<u8>> {
    pixels(bytes, Region::Full, &whole(), &LIMITS, &|| ())
}
