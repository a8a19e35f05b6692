//! Dates in EXIF blocks.

use crate::Moment;

const ORIGINAL: u16 = 0x9003;
const DIGITIZED: u16 = 0x9004;

fn taken(bytes: &[u8]) -> Option<Moment> {
    crate::taken(bytes, &|| ())
}

/// A JPEG's beginning with an EXIF block that holds dates, each 19 bytes.
fn jpeg(dates: &[(u16, &str)]) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
    // The first directory only points to the second, which holds the dates.
    tiff.extend([0, 1, 0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 26, 0, 0, 0, 0]);
    tiff.extend((dates.len() as u16).to_be_bytes());
    let values = 26 + 2 + 12 * dates.len() + 4;
    for (n, (tag, _)) in dates.iter().enumerate() {
        tiff.extend(tag.to_be_bytes());
        tiff.extend([0, 2, 0, 0, 0, 20]);
        tiff.extend(((values + 20 * n) as u32).to_be_bytes());
    }
    tiff.extend([0; 4]);
    for (_, date) in dates {
        tiff.extend(date.as_bytes());
        tiff.push(0);
    }
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe1];
    jpeg.extend(((tiff.len() + 8) as u16).to_be_bytes());
    jpeg.extend(b"Exif\0\0");
    jpeg.extend(tiff);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

#[test]
fn the_original_date_counts_first() {
    let moment = |year, month, day, time| {
        Some(Moment {
            date: (year, month, day),
            time,
        })
    };
    let (early, late) = ("1998:07:12 21:00:05", "2004:10:31 00:00:00");
    let early_moment = moment(1998, 7, 12, (21, 0, 5));
    assert_eq!(
        taken(&jpeg(&[(ORIGINAL, early), (DIGITIZED, late)])),
        early_moment
    );
    assert_eq!(taken(&jpeg(&[(DIGITIZED, early)])), early_moment);
    assert_eq!(
        taken(&jpeg(&[
            (ORIGINAL, "    :  :     :  :  "),
            (DIGITIZED, early)
        ])),
        early_moment
    );
}

#[test]
fn no_date_is_no_error() {
    assert_eq!(taken(b""), None);
    assert_eq!(taken(b"\xff\xd8\xff\xd9"), None);
    assert_eq!(taken(&jpeg(&[])), None);
    assert_eq!(taken(&jpeg(&[(ORIGINAL, "yesterday, at noon.")])), None);
}

#[test]
fn damage_is_no_error() {
    let whole = jpeg(&[(ORIGINAL, "1998:07:12 21:00:05")]);
    for length in 0..whole.len() {
        taken(&whole[..length]);
    }
    for position in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = whole.clone();
            damaged[position] = value;
            taken(&damaged);
        }
    }
}
