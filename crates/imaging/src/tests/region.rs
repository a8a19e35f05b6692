//! Regions: names, pixels, and errors.

use super::*;
use crate::Error;
use crate::{Kept, region::Area, thumbnail};
use proptest::prelude::*;

fn area(region: &str, size: (usize, usize)) -> Result<[usize; 4]> {
    let Area { columns, rows } = region.parse::<Region>()?.of(size)?;
    Ok([columns.start, rows.start, columns.len(), rows.len()])
}

/// The pictures of the specification's section on regions are of 300 × 200 pixels.
#[test]
fn pixels_are_those_of_the_specification() {
    for (region, expected) in [
        ("full", [0, 0, 300, 200]),
        ("square", [50, 0, 200, 200]),
        ("125,15,120,140", [125, 15, 120, 140]),
        ("pct:41.6,7.5,40,70", [125, 15, 120, 140]),
        // Beyond the edges.
        ("125,15,200,200", [125, 15, 175, 185]),
        ("pct:41.6,7.5,66.6,100", [125, 15, 175, 185]),
        ("0,0,18446744073709551615,1", [0, 0, 300, 1]),
        ("299,199,18446744073709551615,9", [299, 199, 1, 1]),
        // A share of more than nothing is a pixel.
        ("pct:99.99,99.99,0.01,.01", [299, 199, 1, 1]),
        ("pct:0,0,1000000000000000000000,100", [0, 0, 300, 200]),
        ("007,0,1,1", [7, 0, 1, 1]),
    ] {
        assert_eq!(area(region, (300, 200)).unwrap(), expected, "{region}");
    }
    assert_eq!(area("square", (5, 8)).unwrap(), [0, 1, 5, 5]);
    assert_eq!(area("square", (1, 1)).unwrap(), [0, 0, 1, 1]);
}

#[test]
fn what_is_no_region_is_refused() {
    for region in [
        "",
        "Full",
        "full ",
        " full",
        "square,",
        "max",
        "1,2,3",
        "1,2,3,4,5",
        "1,2,3,4,",
        ",1,2,3",
        "1, 2, 3, 4",
        "-1,0,5,5",
        "+1,0,5,5",
        "1.5,0,5,5",
        "1e2,0,5,5",
        "pct:",
        "pct:1,2,3",
        "pct:-1,0,5,5",
        "pct:1e1,0,5,5",
        "pct:nan,0,5,5",
        "pct:inf,0,5,5",
        "pct:1..5,0,5,5",
        "pct:.,0,5,5",
        "PCT:1,2,3,4",
        "pct:full",
        "0,0,10,0",
        "0,0,0,10",
        "pct:0,0,0,10",
        "pct:0,0,10,0.0",
        "18446744073709551616,0,1,1",
        "１,2,3,4",
        "1;2;3;4",
    ] {
        let refused = area(region, (300, 200));
        assert!(
            matches!(&refused, Err(Error::InvalidRegion { region: named, .. }) if named == region),
            "{region}: {refused:?}"
        );
    }
    for region in [
        "300,0,1,1",
        "0,200,1,1",
        "18446744073709551615,0,1,1",
        "pct:100,0,1,1",
        "pct:0,100,1,1",
        "pct:123456,0,1,1",
    ] {
        let refused = area(region, (300, 200));
        assert!(
            matches!(&refused, Err(Error::RegionOutside { region: named, width: 300, height: 200 }) if named == region),
            "{region}: {refused:?}"
        );
    }
}

proptest! {
    /// Whatever the name, the answer is pixels of the picture or an error.
    #[test]
    fn areas_lie_inside(
        region in prop_oneof![
            "[0-9.,pct:fulsqare ]{0,24}",
            "(pct:)?[0-9]{1,3}(\\.[0-9]{1,4})?,[0-9]{1,3}(\\.[0-9]{1,4})?,[0-9]{1,3}(\\.[0-9]{1,4})?,[0-9]{1,3}",
            ".*",
        ],
        size in (1usize..1000, 1usize..1000),
    ) {
        if let Ok([x, y, w, h]) = area(&region, size) {
            prop_assert!(w > 0 && h > 0 && x + w <= size.0 && y + h <= size.1, "{region}");
        }
    }

    /// Neighbouring shares leave no pixel out.
    #[test]
    fn percentages_come_as_near_as_pixels_can(
        size in 1usize..5000,
        (x, w) in (0u32..100, 1u32..100),
    ) {
        let [start, _, length, _] = area(&format!("pct:{x},0,{w},100"), (size, 1)).unwrap();
        let exact = |share: u32| f64::from(share) * size as f64 / 100.0;
        prop_assert!((start as f64 - exact(x)).abs() <= 1.0);
        let cut = exact(w).min(size as f64 - start as f64).max(1.0);
        prop_assert!((length as f64 - cut).abs() <= 1.0);
    }

    #[test]
    fn names_are_read_back(numbers in [0..=u64::MAX, 0..=u64::MAX, 1..=u64::MAX, 1..=u64::MAX], shares in [0.0..1e3, 0.0..1e3, 1e-6..1e3, 1e-6..1e3]) {
        for region in [Region::Pixels(numbers), Region::Percent(shares), Region::Full, Region::Square] {
            prop_assert_eq!(region.to_string().parse::<Region>().unwrap(), region);
        }
    }
}

/// In every format and orientation, the region is that of the upright picture.
#[test]
fn regions_of_files_are_parts_of_the_whole() {
    for name in [
        "orientation-2.jpg",
        "orientation-3.jpg",
        "orientation-4.jpg",
        "orientation-5.jpg",
        "orientation-6.jpg",
        "orientation-7.jpg",
        "orientation-8.jpg",
        "orientation-6.png",
        "orientation-6.tif",
        "orientation-8.webp",
        "progressive.jpg",
        "palette.gif",
        "rgb.bmp",
        "interlaced.png",
    ] {
        let bytes = read(name);
        let turned = info(&bytes).unwrap().orientation >= 5;
        let width = if turned { HEIGHT } else { WIDTH } as usize;
        let all = decode(&bytes).unwrap();
        let [x, y, w, h] = [3, 4, 7, 5];
        let region = Region::Pixels([x, y, w, h].map(|number| number as u64));
        let found = pixels(&bytes, region, &whole(), &LIMITS, &|| ()).unwrap();
        let kept = Kept::new(&bytes, None, Alpha::Drop, &LIMITS, 1 << 20, &|| ())
            .unwrap()
            .unwrap();
        let again = kept.pixels(region, &whole(), &LIMITS, &|| ()).unwrap();
        assert!(found == again, "{name}");
        let rows = all.chunks(3 * width).skip(y).take(h);
        let expected: Vec<u8> = rows
            .flat_map(|row| &row[3 * x..3 * (x + w)])
            .copied()
            .collect();
        assert!(found == expected, "{name}");
        let small = thumbnail(&bytes, 100, region, 85, &LIMITS, &|| ()).unwrap();
        let Info { width, height, .. } = info(&small).unwrap();
        assert_eq!((width, height), (7, 5), "{name}");
    }
}

/// A file that ends early is damaged, whatever part of it is asked for, where the format is not decoded in parts.
#[test]
fn damage_below_the_region_is_found() {
    let whole_file = read("rgb.png");
    let cut = &whole_file[..whole_file.len() - 40];
    let first_row = Region::Pixels([0, 0, 19, 1]);
    assert!(pixels(&whole_file, first_row, &whole(), &LIMITS, &|| ()).is_ok());
    let refused = pixels(cut, first_row, &whole(), &LIMITS, &|| ());
    assert!(
        matches!(refused, Err(Error::CorruptImage { .. })),
        "{refused:?}"
    );
}

#[test]
fn large_pictures_are_not_kept() {
    let bytes = read("rgb.png");
    let keep = |most| Kept::new(&bytes, None, Alpha::Drop, &LIMITS, most, &|| ()).unwrap();
    assert!(keep(19 * 13).is_some() && keep(19 * 13 - 1).is_none());
    let limits = Limits {
        max_pixels: 246,
        ..LIMITS
    };
    let refused = Kept::new(&bytes, None, Alpha::Drop, &limits, 1 << 20, &|| ());
    assert!(matches!(refused, Err(Error::ImageTooLarge { .. })));
    // One that is read at a reduced size is not kept so.
    let reduced = Kept::new(
        &read("444.jpg"),
        None,
        Alpha::Drop,
        &limits,
        1 << 20,
        &|| (),
    );
    assert!(reduced.unwrap().is_none());
}
