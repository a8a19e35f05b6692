//! Files of several pages. `tests/data/pages` holds them and what Pillow makes of each page; its `generate.py` says how.

use super::*;
use crate::{Error, Kept, Page, PageKind, Part, pages, thumbnail};

fn page_file(name: &str) -> Vec<u8> {
    read(&format!("../pages/{name}"))
}

fn listed(file: &[u8]) -> Vec<Page> {
    pages(file, &|| ()).unwrap().collect()
}

fn page(file: &[u8], page: i32) -> Result<Vec<u8>> {
    let part = Part {
        page: Some(page),
        region: Region::Full,
    };
    pixels(file, part, &whole(), &LIMITS, &|| ())
}

const ANIMATIONS: [&str; 17] = [
    "apart.png",
    "background.png",
    "book.tif",
    "colors.png",
    "disposal-0.gif",
    "disposal-1.gif",
    "disposal-2.gif",
    "disposal-3.gif",
    "frames.jxl",
    "half.png",
    "interlaced.gif",
    "keep.png",
    "opaque.webp",
    "previous.png",
    "shapes.webp",
    "source.png",
    "transparent-2.gif",
];

#[test]
fn pages_are_those_of_pillow() {
    for name in ANIMATIONS.into_iter().chain(["transparent-3.gif"]) {
        let file = page_file(name);
        let expected = page_file(&format!("{name}.rgb"));
        let pages = listed(&file);
        let mut rest = expected.as_slice();
        for (number, listed) in (1..).zip(&pages) {
            let found = page(&file, number).unwrap();
            let (expected, after) = rest.split_at(3 * (listed.size.0 * listed.size.1) as usize);
            rest = after;
            assert_eq!(found, expected, "{name}, page {number}");
            assert_eq!((listed.kind, &listed.refused), (PageKind::Full, &None));
        }
        assert!(rest.is_empty(), "{name} has pages that are not listed");
        assert_eq!(info(&file).unwrap().frames as usize, pages.len(), "{name}");
        assert_eq!(decode(&file).unwrap(), page(&file, 1).unwrap(), "{name}");
    }
}

/// `frames.jxl` with its first frame many times, under this header: the frame's kind, how it lies on the one before, how
/// long it is shown, and where it is kept for the next.
fn chained(header: [u8; 5], count: usize) -> Vec<u8> {
    const FIRST: std::ops::Range<usize> = 9..167;
    let file = page_file("frames.jxl");
    let frame = [&header, &file[FIRST][4..]].concat();
    [
        &file[..FIRST.start],
        &frame.repeat(count),
        &file[FIRST.end..],
    ]
    .concat()
}

/// The decoder of JPEG XL calls itself for each frame that another one refers to.
#[test]
fn frames_that_refer_to_those_before_are_bounded() {
    // Shown, in place of the one before and added to it.
    for header in [[8, 4, 9, 0, 0], [8, 0x44, 0x25, 0, 0]] {
        let file = chained(header, 80);
        assert_eq!(info(&file).unwrap().frames, 64);
        assert_eq!(page(&file, 64).unwrap().len(), 3 * 19 * 13);
        assert!(matches!(
            page(&file, 65),
            Err(Error::NoSuchPage { pages: 64, .. })
        ));
    }
    // Layers of the first that is shown.
    for header in [[8, 4, 0, 0, 0], [8, 0x44, 0, 0, 0]] {
        let layers = page(&chained(header, 60), 1).unwrap();
        assert_eq!(layers.len(), 3 * 19 * 13);
        let error = page(&chained(header, 80), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "image format JPEG XL composed of more than 64 frames is not supported"
        );
    }
}

/// Frames of an AVIF sequence, which need those before them.
#[test]
fn frames_of_a_sequence_are_those_of_pillow() {
    let file = page_file("sequence.avif");
    let expected = page_file("sequence.avif.rgb");
    assert_eq!(listed(&file).len(), 4);
    for (number, expected) in (1..).zip(expected.chunks(3 * 64 * 48)) {
        let found = page(&file, number).unwrap();
        assert_eq!(found.len(), expected.len());
        let off = found
            .iter()
            .zip(expected)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(off <= Some(3), "page {number} is off by {off:?}");
    }
}

#[test]
fn a_page_that_is_not_there_is_told_with_how_many_there_are() {
    let single = [
        "rgb.png",
        "420.jpg",
        "offset.jp2",
        "lossless.webp",
        "555.bmp",
    ];
    for (file, count) in single.map(|name| (read(name), 1)).into_iter().chain([
        (page_file("book.tif"), 3),
        (page_file("keep.png"), 4),
        (page_file("disposal-2.gif"), 4),
        (page_file("opaque.webp"), 3),
        (page_file("kinds.tif"), 6),
    ]) {
        for number in [i32::MIN, -1, 0, count + 1, i32::MAX] {
            let error = page(&file, number).unwrap_err();
            let Error::NoSuchPage { page, pages } = error else {
                panic!("{error}");
            };
            assert_eq!((page, pages as i32), (number, count));
            assert!(crate::info(&file, Some(number), &|| ()).is_err());
        }
        assert!(page(&file, 1).is_ok());
        assert!(crate::info(&file, Some(count), &|| ()).is_ok());
    }
}

#[test]
fn pages_of_a_tiff_have_kinds_and_titles() {
    let file = page_file("kinds.tif");
    let found: Vec<_> = listed(&file)
        .into_iter()
        .map(|page| (page.size, page.kind, page.title))
        .collect();
    let title = |text: &str| Some(text.to_owned());
    let expected = [
        ((9, 6), PageKind::Reduced, None),
        ((64, 48), PageKind::Full, title("Tafel I")),
        ((64, 48), PageKind::Full, title("Tafel II")),
        ((64, 48), PageKind::Mask, None),
        ((32, 24), PageKind::Reduced, None),
        ((32, 24), PageKind::Reduced, None),
    ];
    assert_eq!(found, expected);
    // Without a page the first picture is meant, not the thumbnail before it.
    assert_eq!(decode(&file).unwrap(), page(&file, 2).unwrap());
    assert_ne!(decode(&file).unwrap(), page(&file, 3).unwrap());
}

#[test]
fn a_page_is_read_from_its_own_smaller_version() {
    let file = page_file("kinds.tif");
    let small = Preprocess {
        resize: Resize::Squash([12, 16]),
        ..whole()
    };
    let model = |page| {
        let part = Part {
            page: Some(page),
            region: Region::Full,
        };
        pixels(&file, part, &small, &LIMITS, &|| ()).unwrap()
    };
    // The versions are pictures of their own here, so that it shows which one was read.
    assert_eq!(model(2), model(5));
    assert_eq!(model(3), model(6));
    assert_ne!(model(2), model(3));
}

#[test]
fn regions_and_thumbnails_are_those_of_a_page() {
    let file = page_file("disposal-3.gif");
    let region: Region = "3,2,8,6".parse().unwrap();
    let part = Part {
        page: Some(3),
        region,
    };
    let cut = pixels(&file, part, &whole(), &LIMITS, &|| ()).unwrap();
    let all = page(&file, 3).unwrap();
    let rows = all.chunks(3 * WIDTH as usize).skip(2).take(6);
    let expected: Vec<u8> = rows.flat_map(|row| &row[3 * 3..3 * 11]).copied().collect();
    assert_eq!(cut, expected);
    let kept = Kept::new(&file, Some(3), Alpha::Drop, &LIMITS, 1 << 20, &|| ()).unwrap();
    let kept = kept.unwrap().pixels(region, &whole(), &LIMITS, &|| ());
    assert_eq!(kept.unwrap(), expected);
    let small = |page| {
        let part = Part {
            page,
            region: Region::Full,
        };
        thumbnail(&file, 8, part, 90, &LIMITS, &|| ()).unwrap()
    };
    assert_eq!(small(None), small(Some(1)));
    assert_ne!(small(None), small(Some(3)));
}

/// Of a picture in tiles only those are decoded that a region lies in, and of a pyramid those of the version that is enough.
#[test]
fn a_region_is_read_from_its_tiles() {
    let file = page_file("tiles.tif");
    let all = decode(&file).unwrap();
    let tiff = crate::exif::Tiff::open(&file).unwrap();
    let full = tiff.directory(tiff.first).unwrap();
    let below = full.below().pop().unwrap();
    // Breaks the tiles with these numbers, of which a row of the picture has four.
    let broken = |directory: &crate::tiff::Directory<'_>, tiles: &[usize]| {
        let (offsets, lengths) = (directory.all(324, 99), directory.all(325, 99));
        let mut file = file.clone();
        for &n in tiles {
            let start = offsets[n] as usize;
            file[start..start + lengths[n] as usize].fill(0xff);
        }
        file
    };
    let cut = |file: &[u8], region: &str| {
        let region: Region = region.parse().unwrap();
        pixels(file, region, &whole(), &LIMITS, &|| ())
    };
    let others: Vec<usize> = (0..12).filter(|n| ![5, 6].contains(n)).collect();
    let found = cut(&broken(&full, &others), "20,18,20,10").unwrap();
    let rows = all.chunks(3 * 64).skip(18).take(10);
    let expected: Vec<u8> = rows.flat_map(|row| &row[3 * 20..3 * 40]).copied().collect();
    assert_eq!(found, expected);
    assert!(cut(&broken(&full, &[6]), "20,18,20,10").is_err());
    assert!(cut(&broken(&full, &others), "20,18,20,20").is_err());

    let small = |file: &[u8], region: &str| {
        let preprocess = Preprocess {
            resize: Resize::Squash([4, 4]),
            ..whole()
        };
        let region: Region = region.parse().unwrap();
        pixels(file, region, &preprocess, &LIMITS, &|| ())
    };
    // The smaller version has two tiles in a row, and is enough for four pixels of sixteen, not of eight.
    assert!(small(&broken(&full, &(0..12).collect::<Vec<_>>()), "full").is_ok());
    assert!(small(&broken(&below, &[1, 2, 3]), "0,0,30,30").is_ok());
    assert!(small(&broken(&below, &[0]), "0,0,30,30").is_err());
    assert!(small(&broken(&below, &[0, 1, 2, 3]), "0,0,8,8").is_ok());
}

/// However a file of several pages is cut or changed, there is a page or an error.
#[test]
fn damaged_pages_are_errors() {
    for name in ANIMATIONS {
        let file = page_file(name);
        for length in (0..file.len()).step_by(7) {
            let cut = &file[..length];
            let _ = pages(cut, &|| ()).map(|pages| pages.take(100).count());
            let _ = page(cut, 2);
            let mut changed = file.clone();
            changed[length] ^= 0x5a;
            let _ = pages(&changed, &|| ()).map(|pages| pages.take(100).count());
            let _ = page(&changed, 3);
        }
    }
}
