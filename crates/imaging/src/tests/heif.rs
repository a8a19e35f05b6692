//! AVIF and HEIC.

use super::*;
use proptest::prelude::*;

fn file(name: &str) -> Vec<u8> {
    let path = directory().join("../heif").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Levels by which samples of 10 and 12 bits may be off: libavif drops bits before it computes colours, and is itself up to
/// 3.3 levels off what the file's samples come to.
const DEEP: u8 = 4;

/// Of 8, 10 and 12 bits, every sampling of chroma, turned and mirrored, in tiles. Chroma is enlarged in other arithmetic.
#[test]
fn avif_is_pillows_to_some_levels() {
    let mut names: Vec<_> = fs::read_dir(directory().join("../heif"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".avif"))
        .collect();
    names.sort();
    assert!(names.len() >= 30, "{names:?}");
    let far: Vec<_> = names
        .into_iter()
        .map(|name| {
            let found = decode(&file(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            let levels = off(&name, &found, &file(&format!("{name}.rgb")));
            (name, levels)
        })
        .filter(|(name, levels)| {
            let most = match name.as_str() {
                // What opacity is divided out of makes small differences large.
                "premultiplied.avif" => 5,
                name if name.ends_with("-10.avif") || name.ends_with("-12.avif") => DEEP,
                _ => 2,
            };
            *levels > most
        })
        .collect();
    assert!(far.is_empty(), "{far:?}");
}

/// Opacity of 10 bits.
#[test]
fn avif_is_composed_as_pillow_does() {
    let white = Preprocess {
        alpha: Alpha::White,
        ..whole()
    };
    let name = "alpha-10.avif";
    let found = pixels(&file(name), Region::Full, &white, &LIMITS, &|| ()).unwrap();
    assert!(off(name, &found, &file(&format!("{name}.white"))) <= DEEP);
}

/// By how many levels samples differ at most.
fn off(name: &str, found: &[u8], expected: &[u8]) -> u8 {
    assert_eq!(found.len(), expected.len(), "{name}");
    let pairs = found.iter().zip(expected);
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default()
}

#[test]
fn avif_headers_are_read() {
    let told = info(&file("orientation-6.avif")).unwrap();
    assert_eq!((told.width, told.height, told.orientation), (61, 47, 6));
    assert_eq!(info(&file("sequence.avif")).unwrap().frames, 2);
    let told = info(&file("grid-10.avif")).unwrap();
    assert_eq!((told.width, told.height, told.orientation), (128, 128, 8));
}

/// Where libheif is installed, it reads HEIC; where it is not, or not named, the header is read all the same.
#[test]
fn heic_is_read_by_the_library_that_is_named() {
    let heic = file("colour.heic");
    let told = info(&heic).unwrap();
    assert_eq!((told.width, told.height), (64, 48));
    // What the file is does not depend on which libraries there are; whether it can be read here does.
    assert_eq!(told.refused, None);
    let refused = || crate::pages(&heic, &|| ()).unwrap().next().unwrap().refused;
    assert_eq!(refused().as_deref(), Some("HEIC"));
    assert_eq!(
        decode(&heic).unwrap_err().to_string(),
        "image format HEIC is not supported"
    );
    assert!(crate::advice("HEIC").unwrap().contains("libheif1"));
    crate::use_libheif("/nowhere/libheif.so.1");
    assert!(crate::advice("HEIC").unwrap().contains("/nowhere"));
    crate::use_libheif("libheif.so.1");
    if refused().is_none() {
        assert_eq!(decode(&heic).unwrap().len(), 3 * 64 * 48);
        assert_eq!(crate::advice("HEIC"), None);
        for name in ["cut.heic", "cut-turned.heic", "premultiplied.heic"] {
            let found = decode(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                off(name, &found, &file(&format!("{name}.rgb"))) <= 3,
                "{name}"
            );
        }
        let mut damaged = heic.clone();
        let middle = damaged.len() / 2;
        damaged.truncate(middle);
        assert!(decode(&damaged).is_err());
    }
    crate::use_libheif("");
}

/// Codecs have whole blocks; what a picture lacks of them is cut off, by the library, which also turns such a picture.
#[test]
fn heic_is_as_large_as_is_shown() {
    let told = info(&file("cut.heic")).unwrap();
    assert_eq!((told.width, told.height, told.orientation), (61, 47, 1));
    let told = info(&file("cut-turned.heic")).unwrap();
    assert_eq!((told.width, told.height, told.orientation), (47, 61, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damaged_avif_is_survived(flips in prop::collection::vec((0usize..1 << 16, 0u8..8), 1..6), cut in 0usize..400) {
        for name in ["420.avif", "alpha.avif", "420-12.avif"] {
            let mut damaged = file(name);
            for (at, bit) in &flips {
                let at = at % damaged.len();
                damaged[at] ^= 1 << bit;
            }
            damaged.truncate(damaged.len() - cut % damaged.len());
            let _ = decode(&damaged);
            let _ = crate::words(&damaged, &|| ());
        }
    }
}
