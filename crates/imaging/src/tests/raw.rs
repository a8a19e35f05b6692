//! Camera raw files, put together here around JPEGs: the containers are of four makers, the pictures are not.

use super::*;
use crate::{Error, Format, PageKind, thumbnail};
use serde_json::Value;

/// The preview, and a smaller one.
fn jpegs() -> [Vec<u8>; 2] {
    let small = thumbnail(&read("444.jpg"), 8, Region::Full, 90, &LIMITS, &|| ());
    [read("444.jpg"), small.unwrap()]
}

/// Tag, type, number of values, and the values, or the four bytes that stand for them.
type Entry = (u16, u16, u32, Vec<u8>);

fn number(tag: u16, value: usize) -> Entry {
    (tag, 4, 1, (value as u32).to_le_bytes().to_vec())
}

/// Text with the zero that ends it.
fn text(tag: u16, text: &str) -> Entry {
    let bytes = [text.as_bytes(), &[0]].concat();
    (tag, 2, bytes.len() as u32, bytes)
}

fn orientation(value: u8) -> Entry {
    (274, 3, 1, vec![value, 0, 0, 0])
}

/// A directory that lies at `at`, its values behind it.
fn directory(at: usize, entries: &[Entry], next: usize) -> Vec<u8> {
    let mut table = (entries.len() as u16).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let start = at + 2 + 12 * entries.len() + 4;
    for (tag, kind, count, bytes) in entries {
        table.extend(tag.to_le_bytes());
        table.extend(kind.to_le_bytes());
        table.extend(count.to_le_bytes());
        match bytes.len() {
            ..=4 => table.extend([&bytes[..], &[0; 4]].concat().iter().take(4)),
            _ => {
                table.extend(((start + values.len()) as u32).to_le_bytes());
                values.extend(bytes);
            }
        }
    }
    table.extend((next as u32).to_le_bytes());
    [table, values].concat()
}

/// A TIFF structure of one directory.
fn tiff(magic: &[u8; 4], entries: &[Entry]) -> Vec<u8> {
    [&magic[..], &[8, 0, 0, 0], &directory(8, entries, 0)].concat()
}

fn raf() -> Vec<u8> {
    let [jpeg, _] = jpegs();
    let mut file = b"FUJIFILMCCD-RAW 0201FF393103X-T5".to_vec();
    file.resize(84, 0);
    file.extend(160u32.to_be_bytes());
    file.extend((jpeg.len() as u32).to_be_bytes());
    file.resize(160, 0);
    file.extend(jpeg);
    file.extend([7; 100]);
    file
}

fn rw2() -> Vec<u8> {
    let [jpeg, _] = jpegs();
    let entries = [
        (0x2e, 7, jpeg.len() as u32, jpeg),
        text(0x10f, "Panasonic"),
        orientation(6),
    ];
    tiff(b"IIU\0", &entries)
}

fn orf(magic: &[u8; 4], name: &[u8]) -> Vec<u8> {
    let [jpeg, _] = jpegs();
    // The note: its name, order and version, a directory that points to the settings, and those.
    let first = name.len() + 4;
    let settings = first + 2 + 12 + 4;
    let start = settings + 2 + 24 + 4;
    let note = [
        name,
        b"II\x03\0",
        &directory(first, &[number(0x2020, settings)], 0),
        &directory(
            settings,
            &[number(0x101, start), number(0x102, jpeg.len())],
            0,
        ),
        &jpeg,
    ]
    .concat();
    let exif = 8 + 2 + 3 * 12 + 4 + 8;
    let first = [text(0x10f, "Olympus"), orientation(8), number(0x8769, exif)];
    let date = text(0x9003, "2024:05:06 07:08:09");
    let mut file = [&magic[..], &[8, 0, 0, 0], &directory(8, &first, 0)].concat();
    assert_eq!(file.len(), exif);
    let length = note.len() as u32;
    file.extend(directory(exif, &[date, (0x927c, 7, length, note)], 0));
    file
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32 + 8).to_be_bytes();
    [&length[..], kind, content].concat()
}

const CANON: &[u8; 16] = b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
const PREVIEW: &[u8; 16] = b"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16";
const XMP: &[u8; 16] = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";

/// With a full-size JPEG as a track, or without.
fn cr3(track: bool) -> Vec<u8> {
    let [jpeg, small] = jpegs();
    let parts = |start: usize| {
        let word = |value: usize| (value as u32).to_be_bytes().to_vec();
        let table = [
            boxed(
                b"stsz",
                &[word(0), word(0), word(1), word(jpeg.len())].concat(),
            ),
            boxed(b"co64", &[word(0), word(1), word(0), word(start)].concat()),
        ];
        let media = boxed(b"mdia", &boxed(b"minf", &boxed(b"stbl", &table.concat())));
        // Another track has what only Canon reads.
        let other = boxed(b"co64", &[word(0), word(1), word(0), word(4)].concat());
        let other = boxed(b"stbl", &[table[0].clone(), other].concat());
        let other = boxed(b"mdia", &boxed(b"minf", &other));
        let tracks = match track {
            true => [boxed(b"trak", &media), boxed(b"trak", &other)].concat(),
            false => boxed(b"trak", &other),
        };
        let picture = [text(0x10f, "Canon"), orientation(3)];
        let exif = [text(0x9003, "2024:05:06 07:08:09")];
        let thumbnail = [&[0; 16][..], &small].concat();
        let own = [
            boxed(b"CMT1", &tiff(b"II*\0", &picture)),
            boxed(b"CMT2", &tiff(b"II*\0", &exif)),
            boxed(b"THMB", &thumbnail),
        ];
        let own = boxed(b"uuid", &[&CANON[..], &own.concat()].concat());
        let movie = boxed(b"moov", &[own, tracks].concat());
        let packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF \
            xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:dc='http://purl.org/dc/elements/1.1/'>\
            <rdf:Description><dc:subject><rdf:Bag><rdf:li>gull</rdf:li></rdf:Bag></dc:subject></rdf:Description>\
            </rdf:RDF></x:xmpmeta>";
        let shown = match track {
            true => &small,
            false => &jpeg,
        };
        let preview = boxed(b"PRVW", &[&[0; 16][..], shown].concat());
        [
            boxed(b"ftyp", b"crx \0\0\0\x01crx isom"),
            movie,
            boxed(b"uuid", &[&XMP[..], packet].concat()),
            boxed(b"uuid", &[&PREVIEW[..], &[0; 8], &preview].concat()),
        ]
        .concat()
    };
    let start = parts(0).len() + 8;
    [parts(start), boxed(b"mdat", &jpeg)].concat()
}

/// Name, file and orientation.
fn files() -> Vec<(&'static str, Vec<u8>, u8)> {
    vec![
        ("Fujifilm RAF", raf(), 1),
        ("Panasonic RW2", rw2(), 6),
        ("Olympus ORF", orf(b"IIRO", b"OLYMPUS\0"), 8),
        ("Olympus ORF", orf(b"IIRS", b"OM SYSTEM\0\0\0"), 8),
        ("Canon CR3", cr3(true), 3),
        ("Canon CR3", cr3(false), 3),
    ]
}

#[test]
fn the_largest_preview_is_shown() {
    let stored = Preprocess {
        exif_orientation: false,
        ..whole()
    };
    let expected = decode(&read("444.jpg")).unwrap();
    for (name, file, orientation) in files() {
        let told = info(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(told.format, Format::Raw, "{name}");
        assert_eq!((told.width, told.height), (WIDTH, HEIGHT), "{name}");
        assert_eq!((told.orientation, told.frames), (orientation, 1), "{name}");
        assert_eq!(told.refused, None, "{name}");
        let found = pixels(&file, Region::Full, &stored, &LIMITS, &|| ()).unwrap();
        assert_eq!(found, expected, "{name}");
        let pages: Vec<_> = crate::pages(&file, &|| ()).unwrap().collect();
        assert_eq!(
            (pages.len(), pages[0].kind),
            (1, PageKind::Preview),
            "{name}"
        );
        assert!(thumbnail(&file, 8, Region::Full, 90, &LIMITS, &|| ()).is_ok());
    }
}

/// A JPEG that says itself how it is to be turned knows better.
#[test]
fn the_preview_turns_itself() {
    let [jpeg, _] = jpegs();
    let turned = read("orientation-5.jpg");
    let mut file = raf();
    file.truncate(160);
    file.extend(&turned);
    file[88..92].copy_from_slice(&(turned.len() as u32).to_be_bytes());
    assert_eq!(info(&file).unwrap().orientation, 5);
    assert_eq!(decode(&file).unwrap(), decode(&turned).unwrap());
    assert_ne!(decode(&file).unwrap(), decode(&jpeg).unwrap());
}

#[test]
fn what_containers_say_is_read() {
    let words = |file: &[u8]| crate::words(file, &|| ()).unwrap();
    let taken = Value::from("2024-05-06T07:08:09");
    for file in [orf(b"IIRO", b"OLYMPUS\0"), cr3(true)] {
        assert_eq!(words(&file)["taken"], taken);
    }
    assert_eq!(words(&cr3(true))["exif"]["Make"], "Canon");
    assert_eq!(words(&cr3(true))["keywords"][0], "gull");
    assert_eq!(words(&rw2())["exif"]["Make"], "Panasonic");
}

#[test]
fn files_without_a_preview_are_named() {
    let mut empty = raf();
    empty[88..92].fill(0);
    for (file, name) in [
        (empty, "Fujifilm RAF"),
        (tiff(b"IIU\0", &[orientation(1)]), "Panasonic RW2"),
        (tiff(b"IIRO", &[orientation(1)]), "Olympus ORF"),
        (boxed(b"ftyp", b"crx \0\0\0\x01crx isom"), "Canon CR3"),
    ] {
        let error = decode(&file).unwrap_err();
        assert!(
            matches!(error, Error::UnsupportedImageFormat { .. }),
            "{error}"
        );
        let expected =
            format!("image format camera raw ({name} without a preview) is not supported");
        assert_eq!(error.to_string(), expected);
    }
}

/// CR2 holds the sensor's data as lossless JPEG, which is nothing to be shown.
#[test]
fn sensors_data_is_no_picture() {
    let [jpeg, _] = jpegs();
    let lossless = read("predictor-1.jpg");
    let picture = |compression: u8, start: usize, length: usize| {
        vec![
            (256, 3, 1, vec![19, 0]),
            (257, 3, 1, vec![13, 0]),
            (259, 3, 1, vec![compression, 0]),
            number(273, start),
            number(279, length),
        ]
    };
    let mut shown = picture(6, 0, 0);
    shown.insert(3, (262, 3, 1, vec![6, 0]));
    let raw = [picture(6, 0, 0), vec![(0xc640, 3, 3, vec![0; 6])]].concat();
    let first = 16;
    let second = first + directory(first, &shown, 0).len();
    let end = second + directory(second, &raw, 0).len();
    shown[4] = number(273, end);
    shown[5] = number(279, jpeg.len());
    let raw = [
        picture(6, end + jpeg.len(), lossless.len()),
        vec![(0xc640, 3, 3, vec![0; 6])],
    ]
    .concat();
    let file = [
        &b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0"[..],
        &directory(first, &shown, second),
        &directory(second, &raw, 0),
        &jpeg,
        &lossless,
    ]
    .concat();
    let pages: Vec<_> = crate::pages(&file, &|| ()).unwrap().collect();
    let kinds: Vec<_> = pages
        .iter()
        .map(|page| (page.kind, page.refused.clone()))
        .collect();
    let refused = Some("TIFF with a colour filter array".to_owned());
    assert_eq!(
        kinds,
        [(PageKind::Preview, None), (PageKind::Full, refused)]
    );
    assert_eq!(decode(&file).unwrap(), decode(&jpeg).unwrap());
}

#[test]
fn damage_is_survived() {
    for (name, file, _) in files() {
        let whole_picture = decode(&file).unwrap();
        for length in (0..file.len()).step_by(3) {
            let cut = &file[..length];
            if let Ok(found) = decode(cut) {
                // What is missing is another picture, or what the sensor saw.
                let same = found == whole_picture || found.len() < whole_picture.len();
                assert!(same, "{length} bytes of {name}");
            }
            let mut changed = file.clone();
            changed[length] ^= 0x5a;
            let _ = decode(&changed);
            let _ = crate::words(&changed, &|| ());
        }
    }
}
