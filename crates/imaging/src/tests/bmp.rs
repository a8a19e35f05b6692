//! Bitmaps as programs hand them to each other: without the header of a file.

use super::*;
use crate::Error;

#[test]
fn the_header_of_a_file_may_be_missing() {
    let mut count = 0;
    for (name, file) in images() {
        let long = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        if !name.ends_with(".bmp") || !matches!(long(14), 40 | 108 | 124) {
            continue;
        }
        count += 1;
        let bare = &file[14..];
        assert_eq!(info(bare).unwrap(), info(&file).unwrap(), "{name}");
        assert_eq!(decode(bare).unwrap(), decode(&file).unwrap(), "{name}");
        let cut = decode(&bare[..bare.len() / 2]).unwrap_err();
        assert!(matches!(cut, Error::CorruptImage { .. }), "{name}: {cut}");
    }
    assert!(count > 5);
}

/// Other files may begin with the same number.
#[test]
fn a_length_alone_is_no_header() {
    let file = read("rgb.bmp");
    for (at, byte) in [(0, 41), (12, 2), (14, 23), (16, 7)] {
        let mut other = file[14..].to_vec();
        other[at] = byte;
        let error = decode(&other).unwrap_err();
        assert!(matches!(error, Error::UnknownImageFormat), "{at}: {error}");
    }
}
