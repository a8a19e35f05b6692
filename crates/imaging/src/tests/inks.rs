//! Inks with a profile, which is put together here: nothing at hand makes one.

use super::psd::document;
use super::*;

/// A profile of four inks (ICC.1:2010, `lut8Type`): each takes away its share of lightness, and black most; cyan makes blue,
/// yellow yellow.
fn profile() -> Vec<u8> {
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for n in 0..9u32 {
        table.extend((u32::from(n % 4 == 0) << 16).to_be_bytes());
    }
    (0..4).for_each(|_| table.extend(0..=255u8));
    for n in 0..16u8 {
        let [cyan, magenta, yellow, black] = [3, 2, 1, 0].map(|bit| n >> bit & 1);
        let light = 255 - 40 * (cyan + magenta + yellow) - 130 * black;
        table.extend([light, 128 + 30 * magenta, 128 + 40 * yellow - 50 * cyan]);
    }
    (0..3).for_each(|_| table.extend(0..=255u8));
    let mut file = vec![0; 128];
    let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        file[at..at + bytes.len()].copy_from_slice(bytes)
    };
    put(&mut file, 8, &[2, 0x40]);
    put(&mut file, 12, b"prtrCMYKLab ");
    put(&mut file, 36, b"acsp");
    // The white of D50.
    put(
        &mut file,
        68,
        &[0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d],
    );
    file.extend(1u32.to_be_bytes());
    file.extend(b"A2B0");
    file.extend([144u32.to_be_bytes(), (table.len() as u32).to_be_bytes()].as_flattened());
    file.extend(table);
    let length = (file.len() as u32).to_be_bytes();
    put(&mut file, 0, &length);
    file
}

/// Inks of 5 × 3 pixels, and sums that are none.
fn inks() -> Vec<[u8; 4]> {
    let pixel = |n: u8| [17 * n, 255 - 17 * n, 9 * n, 5 * n];
    (0..15).map(pixel).collect()
}

fn tiff(inks: &[[u8; 4]], profile: &[u8]) -> Vec<u8> {
    let data = 8 + 2 + 12 * 10 + 4;
    let length = inks.as_flattened().len();
    let at = data + length;
    let entries: [(u16, u16, u32, usize); 10] = [
        (256, 3, 1, 5),
        (257, 3, 1, 3),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 5),
        (273, 4, 1, data),
        (277, 3, 1, 4),
        (278, 3, 1, 3),
        (279, 4, 1, length),
        (34_675, 7, profile.len() as u32, at),
    ];
    let mut file = b"II*\0\x08\0\0\0\x0a\0".to_vec();
    for (tag, kind, count, value) in entries {
        file.extend([tag.to_le_bytes(), kind.to_le_bytes()].as_flattened());
        file.extend([count.to_le_bytes(), (value as u32).to_le_bytes()].as_flattened());
    }
    file.extend([0; 4]);
    [&file, inks.as_flattened(), profile].concat()
}

/// Channels one behind the other, and inverted.
fn psd(inks: &[[u8; 4]], profile: &[u8]) -> Vec<u8> {
    let planes = (0..4).flat_map(|n| inks.iter().map(move |pixel| 255 - pixel[n]));
    let planes: Vec<u8> = [0, 0].into_iter().chain(planes).collect();
    let length = (profile.len() as u32).to_be_bytes();
    let resource = [b"8BIM\x04\x0f\0\0", &length[..], profile].concat();
    document(4, 4, 8, &[], &resource, &planes)
}

#[test]
fn inks_are_converted_by_their_profile() {
    let srgb = Preprocess {
        color_profile: ColorProfile::Srgb,
        ..whole()
    };
    let converted = |file: &[u8]| pixels(file, Region::Full, &srgb, &LIMITS, &|| ()).unwrap();
    let (inks, profile) = (inks(), profile());
    let (tiff, psd) = (tiff(&inks, &profile), psd(&inks, &profile));
    // Without one, in the simplest way.
    assert_eq!(decode(&tiff).unwrap(), decode(&psd).unwrap());
    let shown = converted(&tiff);
    assert_ne!(shown, decode(&tiff).unwrap());
    assert_eq!(shown, converted(&psd));
    let file = read("cmyk.jpg");
    let content = [b"ICC_PROFILE\0\x01\x01", &profile[..]].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    let with = [&file[..2], &[0xff, 0xe2], &length, &content, &file[2..]].concat();
    assert_eq!(converted(&file), decode(&file).unwrap());
    assert_ne!(converted(&with), decode(&file).unwrap());
}
