//! Orientation and number of pictures, found by walking a container's blocks without decoding.
//!
//! Best effort by design: a damaged container has orientation 1 and as many frames as could be counted;
//! whether its pixels can be decoded is the decoder's to say.

use super::exif;
use super::riff::Chunks;
use super::source::Pulse;

/// PNG: `eXIf` wherever it stands, `acTL`, and XMP in an uncompressed `iTXt`.
pub(super) fn png(bytes: &[u8], pulse: &Pulse<'_>) -> (Option<u8>, u32) {
    let (mut exif, mut xmp, mut frames) = (None, None, 1);
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        pulse.beat();
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(data) = tail.get(..length) else {
            break;
        };
        match &kind {
            b"eXIf" => exif = exif.or_else(|| exif::orientation(data)),
            b"iTXt" if data.starts_with(b"XML:com.adobe.xmp\0\0") => {
                xmp = xmp.or_else(|| exif::xmp_orientation(data));
            }
            b"acTL" => {
                if let Some((count, _)) = data.split_first_chunk::<4>() {
                    frames = u32::from_be_bytes(*count);
                }
            }
            b"IEND" => break,
            _ => {}
        }
        rest = tail.get(length + 4..).unwrap_or_default();
    }
    (exif.or(xmp), frames)
}

/// WebP: RIFF chunks `EXIF`, `XMP ` and one `ANMF` per frame.
pub(super) fn webp(bytes: &[u8], pulse: &Pulse<'_>) -> (Option<u8>, u32) {
    let (mut exif, mut xmp, mut frames) = (None, None, 0);
    for (kind, data) in Chunks::of(bytes) {
        pulse.beat();
        match kind {
            b"EXIF" => exif = exif::orientation(data),
            b"XMP " => xmp = exif::xmp_orientation(data),
            b"ANMF" => frames += 1,
            _ => {}
        }
    }
    (exif.or(xmp), frames)
}
