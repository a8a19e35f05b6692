//! Image headers, pages and decoders: whatever the bytes, an answer or an error, in memory that the limits bound.
#![no_main]

use imaging::preprocess::{Alpha, ColorProfile, Filter, Preprocess, Resize};
use imaging::{Limits, Part, Region};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    max_pixels: 1 << 18,
    max_memory: 1 << 26,
};
const PREPROCESS: Preprocess = Preprocess {
    resize: Resize::Shortest(32),
    crop: Some([32, 32]),
    filter: Filter::Bicubic,
    rescale_factor: 1.0 / 255.0,
    mean: [0.5; 3],
    std: [0.5; 3],
    exif_orientation: true,
    alpha: Alpha::Drop,
    color_profile: ColorProfile::Ignore,
};

fuzz_target!(init: clip_pg_fuzz::keep_fences(), |input: &[u8]| {
    let info = imaging::info(input, None, &|| ());
    imaging::taken(input, &|| ());
    if let Ok(pages) = imaging::pages(input, &|| ()) {
        pages.take(100).for_each(drop);
    }
    if let Ok(pixels) = imaging::pixels(input, Region::Full, &PREPROCESS, &LIMITS, &|| ()) {
        assert!(info.is_ok(), "decoded, but not described");
        assert_eq!(pixels.len(), 32 * 32 * 3);
    }
    let second = Part {
        page: Some(2),
        region: Region::Square,
    };
    if let Ok(pixels) = imaging::pixels(input, second, &PREPROCESS, &LIMITS, &|| ()) {
        assert_eq!(pixels.len(), 32 * 32 * 3);
    }
    // What is said beside the picture, and colours of a part of it by their profile.
    let _ = imaging::words(input, &|| ());
    let middle = Region::Percent([40.0, 60.0, 20.0, 20.0]);
    let _ = imaging::thumbnail(input, 32, middle, 85, &LIMITS, &|| ());
});
