//! AVIF and HEIC.

use super::*;
use proptest::prelude::*;

fn file(name: &str) -> Vec<u8> {
    let path = directory().join("../heif").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Chroma is enlarged in other arithmetic.
#[test]
fn avif_is_pillows_to_two_levels() {
    for name in [
        "420",
        "422",
        "444",
        "400",
        "orientation-6",
        "sequence",
        "alpha",
    ] {
        let found = decode(&file(&format!("{name}.avif")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = file(&format!("{name}.avif.rgb"));
        assert_eq!(found.len(), expected.len(), "{name}");
        let worst = found
            .iter()
            .zip(&expected)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(worst <= Some(2), "{name}: {worst:?}");
    }
}

#[test]
fn avif_headers_are_read() {
    let told = info(&file("orientation-6.avif")).unwrap();
    assert_eq!((told.width, told.height, told.orientation), (61, 47, 6));
    assert_eq!(info(&file("sequence.avif")).unwrap().frames, 2);
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
        let mut damaged = heic.clone();
        let middle = damaged.len() / 2;
        damaged.truncate(middle);
        assert!(decode(&damaged).is_err());
    }
    crate::use_libheif("");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damaged_avif_is_survived(flips in prop::collection::vec((0usize..1 << 16, 0u8..8), 1..6), cut in 0usize..400) {
        for name in ["420.avif", "alpha.avif"] {
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
