//! Parts of JPEGs: what is decoded of one by itself are the samples that it has in the whole picture, whatever the sampling,
//! the codes, the scans, the size and the damage.

#![allow(unsafe_code)]

use super::{Jpeg, faults};
use crate::decoder::{Decoder, Opening, Request};
use crate::geometry::Geometry;
use crate::plan::{Plan, Side};
use crate::preprocess::{Alpha, ColorProfile, Filter, Preprocess, Resize};
use crate::region::Area;
use crate::rows::{Rows, View};
use crate::source::Pulse;
use crate::{Error, Limits, Region, Result, info, pixels, resample};
use mozjpeg_sys::*;
use proptest::prelude::*;
use std::cell::Cell;
use std::mem::zeroed;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::{fs, ptr, slice};

const LIMITS: Limits = Limits {
    max_pixels: 1 << 22,
    max_memory: 1 << 28,
};

/// How the scans of a file are made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scans {
    /// One, from the top to the bottom.
    One,
    /// One for each component.
    Apart,
    /// Those of a progressive file.
    Progressive,
    /// Of those only the first, so that a decoder makes up what is missing.
    First,
}

/// A file to be made.
#[derive(Clone, Debug)]
struct File {
    size: (usize, usize),
    /// Sampling factors, across and down, of each component: one, three or four.
    sampling: Vec<(u8, u8)>,
    scans: Scans,
    /// Blocks that are coded together between restart markers; 0 for none.
    restart: u32,
    orientation: u8,
}

impl File {
    fn plain(size: (usize, usize), sampling: &[(u8, u8)]) -> Self {
        Self {
            size,
            sampling: sampling.to_vec(),
            scans: Scans::One,
            restart: 0,
            orientation: 1,
        }
    }

    /// Samples that are nowhere flat, and here and there noise.
    fn samples(&self) -> Vec<u8> {
        let channels = self.sampling.len();
        let mut noise = 1u32;
        let rows = (0..self.size.1).flat_map(|y| (0..self.size.0).map(move |x| (x, y)));
        rows.flat_map(|(x, y)| (0..channels).map(move |channel| (x, y, channel)))
            .map(|(x, y, channel)| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let loud = (x / 16 + y / 16) % 3 == channel;
                let smooth = (x * (3 + channel) + y * (5 - channel)) as u8;
                smooth.wrapping_add((noise >> 24) as u8 >> if loud { 1 } else { 6 })
            })
            .collect()
    }

    fn encode(&self) -> Vec<u8> {
        let channels = self.sampling.len();
        let samples = self.samples();
        let scans: Vec<_> = match self.scans {
            Scans::Apart => (0..channels as c_int)
                .map(|n| ([n, 0, 0, 0], 1, 63))
                .collect(),
            Scans::First => vec![([0, 1, 2, 3], channels as c_int, 0)],
            _ => Vec::new(),
        };
        let scans: Vec<_> = scans
            .into_iter()
            .map(|(component_index, comps_in_scan, last)| jpeg_scan_info {
                comps_in_scan,
                component_index,
                Ss: 0,
                Se: last,
                Ah: 0,
                Al: 0,
            })
            .collect();
        let mut out = ptr::null_mut();
        let mut length = 0;
        // SAFETY: libjpeg's calls in the order that it wants; all that it gets pointers to outlives the structure, which is
        // destroyed before what it wrote is copied and freed. Errors unwind.
        let mut bytes = unsafe {
            let mut errors = faults::manager(false);
            let mut info: jpeg_compress_struct = zeroed();
            info.common.err = &raw mut errors;
            jpeg_create_compress(&mut info);
            jpeg_mem_dest(&mut info, &mut out, &mut length);
            info.image_width = self.size.0 as u32;
            info.image_height = self.size.1 as u32;
            info.input_components = channels as c_int;
            info.in_color_space = match channels {
                1 => J_COLOR_SPACE::JCS_GRAYSCALE,
                3 => J_COLOR_SPACE::JCS_RGB,
                _ => J_COLOR_SPACE::JCS_CMYK,
            };
            let fast = JINT_COMPRESS_PROFILE_VALUE::JCP_FASTEST as c_int;
            jpeg_c_set_int_param(&mut info, J_INT_PARAM::JINT_COMPRESS_PROFILE, fast);
            jpeg_set_defaults(&mut info);
            jpeg_set_quality(&mut info, 85, 1);
            let components = slice::from_raw_parts_mut(info.comp_info, channels);
            for (component, factors) in components.iter_mut().zip(&self.sampling) {
                component.h_samp_factor = factors.0.into();
                component.v_samp_factor = factors.1.into();
            }
            info.restart_interval = self.restart;
            if self.scans == Scans::Progressive {
                jpeg_simple_progression(&mut info);
            }
            if !scans.is_empty() {
                info.scan_info = scans.as_ptr();
                info.num_scans = scans.len() as c_int;
            }
            jpeg_start_compress(&mut info, 1);
            for row in samples.chunks_exact(channels * self.size.0) {
                jpeg_write_scanlines(&mut info, &row.as_ptr(), 1);
            }
            jpeg_finish_compress(&mut info);
            jpeg_destroy_compress(&mut info);
            let bytes = slice::from_raw_parts(out, length as usize).to_vec();
            libc::free(out.cast());
            bytes
        };
        let mut exif =
            b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([self.orientation, 0, 0, 0, 0, 0, 0]);
        bytes.splice(2..2, exif);
        bytes
    }
}

/// Has `f` read an area, or all, with at most `max_pixels`.
fn open<T>(
    bytes: &[u8],
    area: Option<&Area>,
    max_pixels: u64,
    f: impl FnOnce(&mut dyn Rows, &Pulse<'_>) -> Result<T>,
) -> Result<T> {
    let pulse = Pulse::new(&|| ());
    let header = Jpeg.header(bytes, None, &pulse)?;
    let limits = Limits {
        max_pixels,
        ..LIMITS
    };
    let whole = Request::whole(header.size, None, Alpha::Drop, limits);
    let request = Request {
        area: area.unwrap_or(&whole.area).clone(),
        ..whole
    };
    let mut rows = Jpeg.open(Opening {
        bytes,
        header: &header,
        request: &request,
        pulse: &pulse,
    })?;
    f(rows.as_mut(), &pulse)
}

/// What a decoder hands out of an area, and where that lies.
fn rows(bytes: &[u8], area: Option<&Area>, max_pixels: u64) -> Result<(Vec<u8>, usize, View)> {
    open(bytes, area, max_pixels, |rows, _| {
        let (width, height) = rows.size();
        let mut pixels = vec![0; 3 * width * height];
        for row in pixels.chunks_exact_mut(3 * width) {
            rows.next_row(row)?;
        }
        Ok((pixels, width, rows.view()))
    })
}

/// What of a picture, 3 × `width` bytes a row, is in `columns` and `rows`.
fn cut(pixels: &[u8], width: usize, area: &Area) -> Vec<u8> {
    let rows = pixels.chunks_exact(3 * width);
    let rows = rows.skip(area.rows.start).take(area.rows.len());
    rows.flat_map(|row| &row[3 * area.columns.start..3 * area.columns.end])
        .copied()
        .collect()
}

/// Compares an area with what it is in the whole picture, both read with at most `max_pixels`. Where the whole cannot be
/// read, the area may be, unless all scans have to be.
fn compare(bytes: &[u8], area: &Area, max_pixels: u64, several: bool) {
    let part = rows(bytes, Some(area), max_pixels);
    let (all, width, view) = match rows(bytes, None, max_pixels) {
        Ok(all) => all,
        Err(_) => {
            assert!(!several || part.is_err());
            return;
        }
    };
    let (part, part_width, part_view) = part.unwrap();
    let size = (width, all.len() / (3 * width));
    let (columns, lines) = Side::of(area, &view, size);
    let seen = Area {
        columns: columns.pixels,
        rows: lines.pixels,
    };
    assert_eq!(part_view.step, view.step);
    let origin = (
        seen.columns.start as f64 * view.step.0,
        seen.rows.start as f64 * view.step.1,
    );
    assert_eq!(part_view.origin, origin);
    assert_eq!(part_width, seen.columns.len());
    assert!(part == cut(&all, width, &seen), "{area:?} of {size:?}");
}

/// Oriented, in full size.
fn plain() -> Preprocess {
    Preprocess {
        resize: Resize::Keep,
        crop: None,
        filter: Filter::Bicubic,
        rescale_factor: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        exif_orientation: true,
        alpha: Alpha::Drop,
        color_profile: ColorProfile::Ignore,
    }
}

/// Sampling factors that libjpeg reads and writes: whole fractions of the largest ones, ten blocks together at most.
fn sampling() -> impl Strategy<Value = Vec<(u8, u8)>> {
    let factors = || (1u8..=4, 1u8..=4);
    let usual = [
        vec![(1, 1), (1, 1), (1, 1)],
        vec![(2, 1), (1, 1), (1, 1)],
        vec![(2, 2), (1, 1), (1, 1)],
        vec![(1, 2), (1, 1), (1, 1)],
        vec![(4, 1), (1, 1), (1, 1)],
        vec![(1, 1)],
        vec![(1, 1), (1, 1), (1, 1), (1, 1)],
        vec![(2, 2), (1, 1), (1, 1), (2, 2)],
    ];
    let any = prop_oneof![
        factors().prop_map(|factors| vec![factors]),
        prop::collection::vec(factors(), 3),
        prop::collection::vec(factors(), 4),
    ];
    let any = any.prop_filter("factors that are not read", |factors| {
        let across = factors.iter().map(|&(across, _)| across).max();
        let down = factors.iter().map(|&(_, down)| down).max();
        let blocks: u8 = factors.iter().map(|(across, down)| across * down).sum();
        let whole =
            |largest: Option<u8>, factor| largest.is_some_and(|largest| largest % factor == 0);
        let fits = |&(x, y): &(u8, u8)| whole(across, x) && whole(down, y);
        (factors.len() == 1 || blocks <= 10) && factors.iter().all(fits)
    });
    prop_oneof![prop::sample::select(usual.to_vec()), any]
}

fn files() -> impl Strategy<Value = File> {
    let scans = prop_oneof![
        4 => Just(Scans::One),
        1 => Just(Scans::Apart),
        2 => Just(Scans::Progressive),
        1 => Just(Scans::First),
    ];
    let restart = prop_oneof![2 => Just(0), 1 => 1u32..40];
    (
        (1usize..260, 1usize..200),
        sampling(),
        scans,
        restart,
        1u8..=8,
    )
        .prop_map(|(size, sampling, scans, restart, orientation)| File {
            size,
            scans: match sampling.len() {
                1 if scans == Scans::Apart => Scans::One,
                _ => scans,
            },
            sampling,
            restart,
            orientation,
        })
}

/// An area, of two points in either direction as shares of the picture; edges are likely.
fn area((width, height): (usize, usize), shares: [f64; 4]) -> Area {
    let range = |side: usize, a: f64, b: f64| {
        let place = |share: f64| ((share * 1.2 - 0.1).clamp(0.0, 1.0) * side as f64) as usize;
        let (start, end) = (place(a.min(b)), place(a.max(b)));
        start.min(side - 1)..end.max(start + 1).min(side).max(start.min(side - 1) + 1)
    };
    Area {
        columns: range(width, shares[0], shares[1]),
        rows: range(height, shares[2], shares[3]),
    }
}

proptest! {
    #[test]
    fn parts_are_those_of_the_whole(
        file in files(),
        shares in [0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0],
        eighths in 1u64..=8,
        full in any::<bool>(),
    ) {
        let bytes = file.encode();
        let (width, height) = file.size;
        let reduced = |side: usize| (side as u64 * eighths).div_ceil(8);
        let most = if full { 1 << 22 } else { reduced(width) * reduced(height) };
        compare(&bytes, &area(file.size, shares), most, file.scans != Scans::One);
    }

    /// The right way up, through all that becomes of a picture.
    #[test]
    fn regions_are_those_of_the_whole(
        file in files(),
        shares in [0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0],
    ) {
        let bytes = file.encode();
        let all = pixels(&bytes, Region::Full, &plain(), &LIMITS, &|| ()).unwrap();
        prop_assert_eq!(info(&bytes, None, &|| ()).unwrap().orientation, file.orientation);
        let (width, height) = file.size;
        let upright = if file.orientation >= 5 { (height, width) } else { (width, height) };
        let area = area(upright, shares);
        let (columns, rows) = (&area.columns, &area.rows);
        let numbers = [columns.start, rows.start, columns.len(), rows.len()];
        let region = Region::Pixels(numbers.map(|number| number as u64));
        let part = pixels(&bytes, region, &plain(), &LIMITS, &|| ()).unwrap();
        prop_assert!(part == cut(&all, upright.0, &area));
    }

    /// What libjpeg makes of damage that it steps over is the same; what it does not, is an error if it was read.
    #[test]
    fn damage_above_and_beside_counts_as_in_the_whole(
        file in files(),
        shares in [0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0],
        damage in prop::collection::vec((0.0..1.0, any::<u8>()), 1..4),
        cut in prop::option::of(0.3..1.0),
    ) {
        let mut bytes = file.encode();
        let scan = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        let length = bytes.len();
        for (share, byte) in damage {
            let at = scan + (share * length.saturating_sub(scan) as f64) as usize;
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        if let Some(share) = cut {
            bytes.truncate(scan.max((share * length as f64) as usize));
        }
        compare(&bytes, &area(file.size, shares), 1 << 22, file.scans != Scans::One);
    }
}

/// Every place of a small region, so that no boundary of blocks is left out.
#[test]
fn parts_may_begin_and_end_anywhere() {
    for sampling in [
        &[(2, 2), (1, 1), (1, 1)][..],
        &[(1, 2), (1, 1), (1, 1)],
        &[(4, 1), (1, 1), (1, 1)],
    ] {
        let file = File::plain((231, 117), sampling);
        let bytes = file.encode();
        for start in 0..file.size.1 {
            let columns = start..(2 * start + 1).min(file.size.0);
            let rows = start..(start + 1 + start % 40).min(file.size.1);
            compare(&bytes, &Area { columns, rows }, 1 << 22, false);
        }
    }
}

/// Whatever the size that it is read at, a part is resized as if it had been cut out of the whole.
#[test]
fn parts_are_resized_like_those_of_the_whole() {
    let (width, height) = (231usize, 117usize);
    let bytes = File::plain((width, height), &[(2, 2), (1, 1), (1, 1)]).encode();
    for eighths in 1..=8 {
        let reduced = |side: usize| (side * eighths).div_ceil(8) as u64;
        let most = reduced(width) * reduced(height);
        for start in (0..90).step_by(7) {
            let numbers = [2 * start, start, 3 + start / 2, 20].map(|number| number as u64);
            let geometry = |_| Ok(Geometry::whole((19, 13)));
            let plan = Plan::new((width, height), 1, Region::Pixels(numbers), geometry).unwrap();
            let read = |area| {
                open(&bytes, area, most, |rows, pulse| {
                    resample::run(rows, &plan, Filter::Bicubic, pulse)
                })
            };
            let (part, whole) = (read(Some(&plan.area)), read(None));
            assert!(
                part.unwrap() == whole.unwrap(),
                "{numbers:?} at {eighths} eighths"
            );
        }
    }
}

/// `cjpeg` has written these, since the encoder here has no such codes.
#[test]
fn parts_in_arithmetic_codes_are_those_of_the_whole() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/large/");
    for (name, several) in [
        ("arithmetic.jpg", false),
        ("arithmetic-progressive.jpg", true),
    ] {
        let bytes = fs::read([directory, name].concat()).unwrap();
        for (columns, rows) in [
            (90..130, 70..100),
            (0..9, 0..150),
            (0..200, 149..150),
            (199..200, 33..34),
        ] {
            for most in [1 << 22, 200 * 150 / 4, 200 * 150 / 3] {
                let (columns, rows) = (columns.clone(), rows.clone());
                compare(&bytes, &Area { columns, rows }, most, several);
            }
        }
    }
}

/// What lies below a region is not read, unless all scans have to be.
#[test]
fn data_is_read_as_far_as_a_region_goes() {
    let size = (160, 160);
    for scans in [Scans::One, Scans::Progressive] {
        let whole = File {
            scans,
            ..File::plain(size, &[(2, 2), (1, 1), (1, 1)])
        };
        let whole = whole.encode();
        let half = [&whole[..whole.len() / 2], &[0xff, 0xd9]].concat();
        let read = |bytes: &[u8], row| {
            let region = Region::Pixels([40, row, 40, 10]);
            pixels(bytes, region, &plain(), &LIMITS, &|| ())
        };
        for bytes in [&whole[..whole.len() / 2], &half[..]] {
            let above = read(bytes, 20);
            match scans {
                Scans::One => assert_eq!(above.unwrap(), read(&whole, 20).unwrap()),
                // An end mark says that there is no more to come.
                _ => assert_eq!(above.is_err(), bytes.len() < half.len()),
            }
        }
        let below = read(&whole[..whole.len() / 2], 150).unwrap_err();
        assert!(below.to_string().contains("ends early"), "{below}");
    }
}

/// Memory is claimed for the coefficients that libjpeg holds, and only where it does.
#[test]
fn coefficients_are_counted() {
    let limits = Limits {
        max_memory: 160 * 160 * 2,
        ..LIMITS
    };
    let read = |scans, sampling: &[_]| {
        let file = File {
            scans,
            ..File::plain((160, 160), sampling)
        };
        let region = Region::Pixels([40, 40, 8, 8]);
        pixels(&file.encode(), region, &plain(), &limits, &|| ())
    };
    let halves = [(2, 2), (1, 1), (1, 1)];
    assert!(read(Scans::One, &halves).is_ok());
    for (sampling, needed) in [(halves, 160 * 160 * 3), ([(1, 1); 3], 160 * 160 * 6)] {
        let error = read(Scans::Progressive, &sampling).unwrap_err();
        assert!(
            matches!(error, Error::TooMuchMemory { needed: told, .. } if told == needed),
            "{error}"
        );
    }
    assert!(read(Scans::Progressive, &[(1, 1)]).is_ok());
}

/// Rows that are passed over are so in steps, between which the call can be left.
#[test]
fn what_is_passed_over_can_be_left() {
    let side = 2000u64;
    let bytes = File::plain((2000, 2000), &[(1, 1)]).encode();
    let region = Region::Pixels([0, side - 1, side, 1]);
    let read = |progress: &dyn Fn()| pixels(&bytes, region, &plain(), &LIMITS, progress);
    let all = Cell::new(0);
    read(&|| all.set(all.get() + 1)).unwrap();
    let first = Cell::new(0);
    let top = Region::Pixels([0, 0, side, 1]);
    pixels(&bytes, top, &plain(), &LIMITS, &|| {
        first.set(first.get() + 1)
    })
    .unwrap();
    assert!(
        all.get() >= first.get() + 3,
        "{} {}",
        all.get(),
        first.get()
    );
    for strike in 0..all.get() {
        let left = Cell::new(strike);
        let progress = || match left.get() {
            0 => resume_unwind(Box::new(strike)),
            more => left.set(more - 1),
        };
        let unwound = catch_unwind(AssertUnwindSafe(|| read(&progress)));
        let payload = unwound.map(drop).expect_err("it strikes");
        assert_eq!(*payload.downcast::<i32>().unwrap(), strike);
    }
}
