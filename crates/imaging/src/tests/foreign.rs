//! What nobody here reads, and what of readable formats is refused: by name.

use super::*;
use crate::Error;

fn refused(bytes: &[u8]) -> Option<String> {
    match decode(bytes) {
        Err(Error::UnsupportedImageFormat { format }) => Some(format),
        _ => None,
    }
}

#[test]
fn kinds_without_a_decoder_are_named() {
    let dicom = [&[0; 128][..], b"DICM\x02\0"].concat();
    let signed = [&[7; 60][..], b"TRUEVISION-XFILE.\0"].concat();
    let pict = [&[0; 522][..], b"\0\x11\x02\xff\x0c\0"].concat();
    let files: [(&[u8], &str); 20] = [
        (b"%PDF-1.7\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (
            b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
            "SVG",
        ),
        (b"\xef\xbb\xbf<svg/>", "SVG"),
        (b"#define a_width 8\n#define a_height 8\n", "XBM"),
        (b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0", "Windows icon"),
        (b"\0\0\x02\0\x01\0\x10\x10\0\0\x01\0", "Windows cursor"),
        (b"\x0a\x05\x01\x08\0\0", "PCX"),
        (b"\0\0\x02\0\0\0\0\0\0\0\0\0\x13\0\x0d\0\x18\0", "Targa"),
        (
            b"\0\x01\x09\0\0\0\x01\x18\0\0\0\0\x13\0\x0d\0\x08\x20",
            "Targa",
        ),
        (&signed, "Targa"),
        (&dicom, "DICOM"),
        (b"\0\0\0\x18ftypisom\0\0\x02\0", "video"),
        (b"II\xbc\x01\x08\0\0\0", "JPEG XR"),
        (b"SIMPLE  =                    T", "FITS"),
        (b"NITF02.10", "NITF"),
        (b"P7 332\n#END_OF_COMMENTS\n", "XV thumbnail"),
        (b"FORM\0\0\x01\0ILBMBMHD", "IFF"),
        (&pict, "PICT"),
        (
            b"\0\0\0\x6b\0\0\0\x07\0\0\0\x02\0\0\0\x18\0\0\0\x4b",
            "X window dump",
        ),
    ];
    for (bytes, name) in files {
        assert_eq!(refused(bytes).as_deref(), Some(name));
        assert!(info(bytes).is_err(), "{name}");
        assert!(crate::Format::of(bytes).is_err(), "{name}");
    }
    for nothing in [
        &b"P1 is the first page"[..],
        b"<html>",
        b"#define a 1",
        &[0; 600],
    ] {
        let error = decode(nothing).unwrap_err();
        assert!(matches!(error, Error::UnknownImageFormat), "{error}");
    }
}

/// A chunk whose name begins with a capital changes what the others mean.
#[test]
fn pngs_with_chunks_that_must_be_known_are_refused() {
    let png = read("rgb.png");
    let chunk =
        |kind: &[u8; 4]| [&4u32.to_be_bytes()[..], kind, &[1, 2, 3, 4, 0, 0, 0, 0]].concat();
    let with = |at: usize, kind: &[u8; 4]| [&png[..at], &chunk(kind), &png[at..]].concat();
    // Apple's comes first, others behind the header chunk.
    for (file, name) in [(with(8, b"CgBI"), "CgBI"), (with(33, b"ABCD"), "ABCD")] {
        let name = format!("PNG with the chunk {name}");
        assert_eq!(refused(&file).as_ref(), Some(&name));
        let told = info(&file).unwrap();
        assert_eq!(
            (told.width, told.height, told.refused),
            (WIDTH, HEIGHT, Some(name))
        );
    }
}

/// JPEG lets the number of rows follow the first scan.
#[test]
fn jpegs_that_tell_their_height_late_are_named() {
    let mut jpeg = read("444.jpg");
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 7].fill(0);
    assert!(matches!(info(&jpeg), Err(Error::CorruptImage { .. })));
    let end = jpeg.len() - 2;
    jpeg.splice(end..end, [0xff, 0xdc, 0, 4, 0, HEIGHT as u8]);
    let name = "JPEG whose height follows its first scan";
    assert_eq!(refused(&jpeg).as_deref(), Some(name));
    assert_eq!(info(&jpeg).unwrap().height, HEIGHT);
}
