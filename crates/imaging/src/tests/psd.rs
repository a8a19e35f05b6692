//! Photoshop documents, put together here: nothing else at hand writes them.

use super::*;
use proptest::prelude::*;

const SIDES: (u32, u32) = (5, 3);

/// A document of 5 × 3 pixels, whose channels lie one behind the other in `planes`.
pub(super) fn document(
    mode: u16,
    channels: u16,
    depth: u16,
    palette: &[u8],
    resources: &[u8],
    planes: &[u8],
) -> Vec<u8> {
    let mut file = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
    file.extend(channels.to_be_bytes());
    file.extend(SIDES.1.to_be_bytes());
    file.extend(SIDES.0.to_be_bytes());
    file.extend(depth.to_be_bytes());
    file.extend(mode.to_be_bytes());
    for section in [palette, resources, &[]] {
        file.extend((section.len() as u32).to_be_bytes());
        file.extend(section);
    }
    file.extend(planes);
    file
}

/// Planes as they are, and as runs of which one is of literals and one repeats.
fn forms(rows: &[[u8; 5]]) -> [Vec<u8>; 2] {
    let plain = [&[0, 0][..], rows.as_flattened()].concat();
    let mut packed = vec![0, 1];
    for _ in rows {
        packed.extend([0, 6]);
    }
    for [a, b, c, d, _] in rows {
        packed.extend([2, *a, *b, *c, 0xff, *d]);
    }
    [plain, packed]
}

fn rows(channels: u8) -> Vec<[u8; 5]> {
    let row = |n: u8| [10 * n, 10 * n + 1, 7, 200 - n, 200 - n];
    (0..channels * 3).map(row).collect()
}

/// The samples of channel `n` in the order of pixels.
fn plane(rows: &[[u8; 5]], n: usize) -> impl Iterator<Item = u8> {
    rows.as_flattened().iter().skip(15 * n).take(15).copied()
}

#[test]
fn merged_pictures_are_read() {
    let rgb = rows(3);
    let expected: Vec<u8> = (0..15)
        .flat_map(|at| (0..3).map(move |n| (n, at)))
        .map(|(n, at)| plane(&rgb, n).nth(at).unwrap())
        .collect();
    for planes in forms(&rgb) {
        assert_eq!(
            decode(&document(3, 3, 8, &[], &[], &planes)).unwrap(),
            expected
        );
    }
    let grey = rows(1);
    let expected: Vec<u8> = plane(&grey, 0).flat_map(|sample| [sample; 3]).collect();
    for planes in forms(&grey) {
        assert_eq!(
            decode(&document(1, 1, 8, &[], &[], &planes)).unwrap(),
            expected
        );
    }
    let palette: Vec<u8> = (0..=255)
        .chain(0..=255)
        .map(|n: u8| 255 - n)
        .chain(0..=255)
        .collect();
    let indexed: Vec<u8> = plane(&grey, 0)
        .flat_map(|n| [255 - n, 255 - n, n])
        .collect();
    for planes in forms(&grey) {
        assert_eq!(
            decode(&document(2, 1, 8, &palette, &[], &planes)).unwrap(),
            indexed
        );
    }
    let words: Vec<u8> = [0, 0]
        .into_iter()
        .chain(plane(&grey, 0).flat_map(|high| [high, 99]))
        .collect();
    assert_eq!(
        decode(&document(1, 1, 16, &[], &[], &words)).unwrap(),
        expected
    );
    let bits = document(0, 1, 1, &[], &[], &[0, 0, 0b1010_1000, 0, 0xff]);
    let expected: Vec<u8> = [0, 255, 0, 255, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0]
        .into_iter()
        .flat_map(|bit| [bit; 3])
        .collect();
    assert_eq!(decode(&bits).unwrap(), expected);
}

/// Red, green and blue of sRGB, white, and black, as Photoshop has them in L*a*b*: L* from 0 to 255, the middle at 128.
#[test]
fn lab_becomes_srgb() {
    let codes: [[u8; 5]; 3] = [
        [138, 224, 75, 255, 0],
        [209, 49, 196, 128, 128],
        [198, 209, 16, 128, 128],
    ];
    let expected: [[i16; 3]; 5] = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 255],
        [0, 0, 0],
    ];
    let rows: Vec<[u8; 5]> = codes.iter().flat_map(|row| [*row; 3]).collect();
    let wide = |planes: &[u8]| {
        let words = planes[2..].iter().flat_map(|&high| [high, 99]);
        [0, 0].into_iter().chain(words).collect::<Vec<u8>>()
    };
    let [plain, packed] = forms(&rows.clone());
    for file in [
        document(9, 3, 8, &[], &[], &plain),
        document(9, 3, 16, &[], &[], &wide(&plain)),
    ] {
        let found = decode(&file).unwrap();
        for (n, pixel) in found.as_chunks::<3>().0.iter().enumerate() {
            let near = pixel.iter().zip(expected[n % 5]);
            let near = near.map(|(&found, expected)| (i16::from(found) - expected).abs());
            assert!(near.max() <= Some(12), "{n}: {pixel:?}");
        }
    }
    // Runs repeat the last but one.
    assert!(decode(&document(9, 3, 8, &[], &[], &packed)).is_ok());
}

/// A row of runs that fill nothing ends where the table of lengths says so, and `progress` is called meanwhile.
#[test]
fn empty_runs_can_be_left() {
    let mut runs = vec![0, 1];
    let length: u16 = 60_000;
    (0..3).for_each(|_| runs.extend(length.to_be_bytes()));
    let mut row = vec![0x80; usize::from(length) - 6];
    row.extend([4, 1, 2, 3, 4, 5]);
    (0..3).for_each(|_| runs.extend(&row));
    let beats = std::cell::Cell::new(0);
    let file = document(1, 1, 8, &[], &[], &runs);
    let progress = || beats.set(beats.get() + 1);
    pixels(&file, Region::Full, &whole(), &LIMITS, &progress).unwrap();
    assert!(beats.get() > 3 * 60_000 / 4096, "{}", beats.get());
    // Of a row that is shorter than its runs, those of the next are not read.
    runs[3] = 2;
    let file = document(1, 1, 8, &[], &[], &runs);
    let error = decode(&file).unwrap_err().to_string();
    assert_eq!(error, "invalid PSD image: the data ends early");
}

#[test]
fn what_has_no_decoder_is_named() {
    let refused = |file: Vec<u8>| info(&file).unwrap().refused.unwrap_or_default();
    let [planes, _] = forms(&rows(3));
    let unmerged = b"8BIM\x04\x21\0\0\0\0\0\x05\0\0\0\x01\0\0";
    assert_eq!(
        refused(document(3, 3, 8, &[], unmerged, &planes)),
        "PSD without a merged picture"
    );
    assert_eq!(
        refused(document(3, 3, 32, &[], &[], &planes)),
        "PSD of mode 3 with 3 channels of 32 bits"
    );
}

proptest! {
    #[test]
    fn damage_is_survived(at: usize, value: u8, cut in 0usize..120) {
        for planes in forms(&rows(3)) {
            let mut file = document(3, 3, 8, &[], &[], &planes);
            let at = at % file.len();
            file[at] = value;
            file.truncate(file.len().saturating_sub(cut));
            let _ = decode(&file);
            let _ = crate::words(&file, &|| ());
        }
    }
}
