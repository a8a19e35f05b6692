//! PBM, PGM, PPM and PAM, put together here: each is its header and plain samples.

use super::*;
use crate::Error;

/// A picture three pixels wide and two high, in grey of 8 bits.
const GREY: [u8; 6] = [0, 51, 102, 153, 204, 255];

fn grey() -> Vec<u8> {
    GREY.iter().flat_map(|&level| [level; 3]).collect()
}

#[test]
fn every_kind_is_read() {
    let wide = |most: u32| {
        let samples = GREY.map(|level| (u32::from(level) * most / 255) as u16);
        let bytes: Vec<_> = samples
            .iter()
            .flat_map(|sample| sample.to_be_bytes())
            .collect();
        [format!("P5 3 2 {most}\n").as_bytes(), &bytes].concat()
    };
    let pam = |depth: usize, kind: &str, samples: &[u8]| {
        let head = format!(
            "P7\n# by hand\nWIDTH 3\nHEIGHT 2\nDEPTH {depth}\nMAXVAL 255\nTUPLTYPE {kind}\nENDHDR\n"
        );
        [head.as_bytes(), samples].concat()
    };
    let alpha: Vec<_> = GREY.iter().flat_map(|&level| [level, 255]).collect();
    let rgba: Vec<_> = GREY
        .iter()
        .flat_map(|&level| [level, level, level, 9])
        .collect();
    let files = [
        [b"P5\n3 2\n255\n", &GREY[..]].concat(),
        [b"P5 # a comment\n# and another\r3\t2 255 ", &GREY[..]].concat(),
        [b"P6\n3 2\n255\n", &grey()[..]].concat(),
        b"P2 3 2 255 0 51 102\n153 204 # the last one\n255".to_vec(),
        b"P2 3 2 5 0 1 2 3 4 5".to_vec(),
        b"P3 3 2 5 0 0 0 1 1 1 2 2 2 3 3 3 4 4 4 5 5 5\n".to_vec(),
        [b"P5 3 2 5\n", &[0, 1, 2, 3, 4, 5][..]].concat(),
        wide(1020),
        wide(4095),
        wide(65_535),
        pam(1, "GRAYSCALE", &GREY),
        pam(2, "GRAYSCALE_ALPHA", &alpha),
        pam(3, "RGB", &grey()),
        pam(4, "RGB_ALPHA", &rgba),
        // More pictures may follow, which are not looked at.
        [b"P5 3 2 255\n", &GREY[..], b"P5 3 2 255\n"].concat(),
    ];
    for file in files {
        let told = info(&file).unwrap();
        assert_eq!((told.width, told.height, told.format.name()), (3, 2, "pnm"));
        assert_eq!(decode(&file).unwrap(), grey(), "{}", file.escape_ascii());
    }
}

/// Rows from the lowest up, in both orders of bytes; 0 to 1 and 0 to 255 are black to white, and else what there is.
#[test]
fn floating_point_samples_are_scaled() {
    let file = |head: &str, scale: f32, little: bool, copies: usize| {
        let rows = [&GREY[3..], &GREY[..3]].concat();
        let samples = rows.iter().flat_map(|&level| {
            let value = f32::from(level) * scale;
            let bytes = match little {
                true => value.to_le_bytes(),
                false => value.to_be_bytes(),
            };
            bytes.repeat(copies)
        });
        let samples: Vec<u8> = samples.collect();
        [head.as_bytes(), &samples].concat()
    };
    for scale in [1.0 / 255.0, 1.0, 100.0] {
        for file in [
            file("Pf\n3 2\n-1.0\n", scale, true, 1),
            file("Pf\n3 2\n1.0\n", scale, false, 1),
            file("PF\n3 2\n-0.5\n", scale, true, 3),
        ] {
            assert_eq!(info(&file).unwrap().format.name(), "pnm");
            assert_eq!(decode(&file).unwrap(), grey(), "{}", file.escape_ascii());
            let cut = decode(&file[..file.len() - 1]).unwrap_err();
            assert!(matches!(cut, Error::CorruptImage { .. }), "{cut}");
        }
    }
    // What is no number is black, and what is infinite counts for nothing.
    let mut file = file("Pf\n3 2\n-1.0\n", 1.0, true, 1);
    let at = file.len() - 4;
    file[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    file[at - 4..at].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert_eq!(
        decode(&file).unwrap()[..9],
        [0, 0, 0, 255, 255, 255, 0, 0, 0]
    );
}

#[test]
fn bits_are_ink() {
    let expected: Vec<_> = [0u8, 255, 0, 255, 255, 0]
        .iter()
        .flat_map(|&level| [level; 3])
        .collect();
    for file in [
        &b"P4 3 2\n\xa0\x20"[..],
        b"P1 3 2 1 0 1\n0 0 1",
        b"P1\n3 2\n101001",
    ] {
        assert_eq!(decode(file).unwrap(), expected);
    }
}

#[test]
fn opacity_is_composed() {
    let file = b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nENDHDR\n\x40\x00";
    let white = Preprocess {
        alpha: Alpha::White,
        ..whole()
    };
    assert_eq!(decode(file).unwrap(), [0x40; 3]);
    let found = pixels(file, Region::Full, &white, &LIMITS, &|| ()).unwrap();
    assert_eq!(found, [255; 3]);
}

#[test]
fn what_is_damaged_is_an_error() {
    let pam = |most: u32, depth: u32| {
        format!(
            "P7\nWIDTH 1\nHEIGHT 1\nDEPTH {depth}\nMAXVAL {most}\nENDHDR\n{}",
            "x".repeat(20)
        )
    };
    for file in [
        &b"P5 3 2 255\n12345"[..],
        b"P5 3 2 0\n123456",
        b"P5 3 2 65536\n123456123456",
        b"P5 3 2",
        b"P5 3 0 255\n",
        b"P5 99999999999 2 255\n",
        b"P4 9 2\n123",
        b"P2 3 2 255 1 2 3 4 5",
        b"P2 3 2 255 1 2 3 x 5 6",
        b"P1 3 2 1 0 2 0 0 1",
        b"P1 3 2 10100",
        b"P7\nWIDTH 1\n",
        pam(0, 1).as_bytes(),
    ] {
        let error = decode(file).unwrap_err();
        assert!(matches!(error, Error::CorruptImage { .. }), "{error}");
    }
    let refused = decode(pam(255, 5).as_bytes()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "image format PAM of 5 channels is not supported"
    );
    let large = decode(b"P1 65536 65536 1").unwrap_err();
    assert!(matches!(large, Error::ImageTooLarge { .. }), "{large}");
}
