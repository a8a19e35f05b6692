//! Orientation, resize and crop against a plain implementation that does one thing after another on whole
//! images, as Pillow and torchvision do.

use super::*;
use crate::Region;
use crate::geometry::{Geometry, longest};
use crate::kernel::Columns;
use crate::plan::Plan;
use crate::resample::run;
use crate::rows::Rows;
use crate::source::Pulse;
use crate::weights::Weights;
use proptest::prelude::*;

/// An RGB image; pixels row by row.
#[derive(Clone, Debug)]
struct Image {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Image {
    fn new(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Self {
        let pixels = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| pixel(x, y))
            .collect();
        Self {
            width,
            height,
            pixels,
        }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        self.pixels[y * self.width + x]
    }

    fn transposed(&self) -> Self {
        Self::new(self.height, self.width, |x, y| self.at(y, x))
    }

    fn flipped(&self) -> Self {
        Self::new(self.width, self.height, |x, y| {
            self.at(self.width - 1 - x, y)
        })
    }

    /// By the table of Pillow's `ImageOps.exif_transpose`.
    fn oriented(&self, orientation: u8) -> Self {
        let upside_down = |image: &Self| image.transposed().flipped().transposed();
        match orientation {
            2 => self.flipped(),
            3 => upside_down(&self.flipped()),
            4 => upside_down(self),
            5 => self.transposed(),
            6 => self.transposed().flipped(),
            7 => upside_down(&self.transposed().flipped()),
            8 => upside_down(&self.transposed()),
            _ => self.clone(),
        }
    }

    /// One pass: every row resized to `width`.
    fn stretched(&self, width: usize, filter: Filter) -> Self {
        let taps: Vec<_> = (0..width)
            .map(|x| taps(self.width, width, x, filter))
            .collect();
        Self::new(width, self.height, |x, y| {
            let (start, weights) = &taps[x];
            let sample = |channel: usize| {
                let products = weights
                    .iter()
                    .enumerate()
                    .map(|(at, weight)| weight * i64::from(self.at(start + at, y)[channel]));
                ((products.sum::<i64>() + (1 << 21)) >> 22).clamp(0, 255) as u8
            };
            [sample(0), sample(1), sample(2)]
        })
    }

    fn resized(&self, (width, height): (usize, usize), filter: Filter) -> Self {
        let horizontal = self.stretched(width, filter);
        horizontal
            .transposed()
            .stretched(height, filter)
            .transposed()
    }

    /// torchvision's `center_crop`.
    fn centered(&self, (width, height): (usize, usize), fill: [u8; 3]) -> Self {
        let (wide, high) = (self.width.max(width), self.height.max(height));
        let (left, top) = ((wide - self.width) / 2, (high - self.height) / 2);
        let padded = Self::new(wide, high, |x, y| {
            let inside =
                (left..left + self.width).contains(&x) && (top..top + self.height).contains(&y);
            if inside {
                self.at(x - left, y - top)
            } else {
                fill
            }
        });
        let round = |excess: usize| (excess as f64 / 2.0).round_ties_even() as usize;
        let (left, top) = (round(wide - width), round(high - height));
        Self::new(width, height, |x, y| padded.at(x + left, y + top))
    }

    /// Pillow's `crop` of a region inside the picture.
    fn cropped(&self, [x, y, width, height]: [usize; 4]) -> Self {
        Self::new(width, height, |column, row| self.at(x + column, y + row))
    }

    fn preprocessed(&self, orientation: u8, preprocess: &Preprocess) -> Self {
        self.oriented(orientation).prepared(preprocess)
    }

    fn prepared(self, preprocess: &Preprocess) -> Self {
        let upright = self;
        let (width, height) = (upright.width, upright.height);
        let at_least_one = |(width, height): (usize, usize)| (width.max(1), height.max(1));
        let mut image = match preprocess.resize {
            Resize::Shortest(side) => {
                let side = side as usize;
                let size = if width <= height {
                    (side, (side * height) / width)
                } else {
                    ((side * width) / height, side)
                };
                upright.resized(size, preprocess.filter)
            }
            Resize::Longest { size, fill } => {
                let side = size as usize;
                let size = at_least_one(longest((width, height), side));
                upright
                    .resized(size, preprocess.filter)
                    .centered((side, side), fill)
            }
            Resize::Squash([height, width]) => {
                upright.resized((width as usize, height as usize), preprocess.filter)
            }
            Resize::Keep => upright,
        };
        if let Some([height, width]) = preprocess.crop {
            image = image.centered((width as usize, height as usize), [0; 3]);
        }
        image
    }
}

/// First input and weights of output `at`, in 22-bit fixed point (Pillow's `precompute_coeffs`).
fn taps(input: usize, output: usize, at: usize, filter: Filter) -> (usize, Vec<i64>) {
    let scale = input as f64 / output as f64;
    if filter == Filter::Nearest {
        // ImagingScaleAffine adds up.
        let center = (0..at).fold(scale * 0.5, |center, _| center + scale);
        return ((center as usize).min(input - 1), vec![1 << 22]);
    }
    let stretch = scale.max(1.0);
    let support = stretch
        * match filter {
            Filter::Box | Filter::Nearest => 0.5,
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        };
    let center = (at as f64 + 0.5) * scale;
    let start = (center - support + 0.5).max(0.0) as usize;
    let end = ((center + support + 0.5) as usize).min(input);
    let exact: Vec<f64> = (start..end)
        .map(|x| kernel((x as f64 - center + 0.5) * (1.0 / stretch), filter))
        .collect();
    let sum: f64 = exact.iter().sum();
    let fixed = |weight: &f64| (weight / sum * f64::from(1 << 22)).round() as i64;
    (start, exact.iter().map(fixed).collect())
}

fn kernel(x: f64, filter: Filter) -> f64 {
    let x_abs = x.abs();
    let sinc = |x: f64| {
        if x == 0.0 {
            1.0
        } else {
            (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI)
        }
    };
    match filter {
        Filter::Box | Filter::Nearest => f64::from(u8::from(-0.5 < x && x <= 0.5)),
        Filter::Bilinear => (1.0 - x_abs).max(0.0),
        Filter::Bicubic if x_abs < 1.0 => (1.5 * x_abs - 2.5) * x_abs * x_abs + 1.0,
        Filter::Bicubic if x_abs < 2.0 => (((x_abs - 5.0) * x_abs + 8.0) * x_abs - 4.0) * -0.5,
        Filter::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
        Filter::Bicubic | Filter::Lanczos => 0.0,
    }
}

struct Reader<'a> {
    image: &'a Image,
    next: usize,
}

impl Rows for Reader<'_> {
    fn size(&self) -> (usize, usize) {
        (self.image.width, self.image.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let pixels = self
            .image
            .pixels
            .chunks(self.image.width)
            .nth(self.next)
            .unwrap();
        row.copy_from_slice(pixels.as_flattened());
        self.next += 1;
        Ok(())
    }
}

fn streamed(image: &Image, orientation: u8, preprocess: &Preprocess) -> Vec<u8> {
    streamed_in(image, orientation, Region::Full, preprocess)
}

fn streamed_in(image: &Image, orientation: u8, region: Region, preprocess: &Preprocess) -> Vec<u8> {
    let pulse = Pulse::new(&|| ());
    let mut rows = Reader { image, next: 0 };
    let geometry = |size| Geometry::of(size, preprocess, &LIMITS);
    let plan = Plan::new(rows.size(), orientation, region, geometry).unwrap();
    let pixels = run(&mut rows, &plan, preprocess.filter, &pulse).unwrap();
    assert_eq!(rows.next, image.height, "not all rows were read");
    pixels
}

fn filters() -> impl Strategy<Value = Filter> {
    prop::sample::select(vec![
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Lanczos,
        Filter::Box,
        Filter::Nearest,
    ])
}

fn noise(width: usize, height: usize, seed: u64) -> Image {
    Image::new(width, height, |x, y| {
        let mixed = (seed ^ ((y * width + x) as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Extremes, where rounding and clamping show, as often as anything between.
        [40, 48, 56].map(|shift| match (mixed >> shift) as u8 {
            0..=60 => 0,
            195.. => 255,
            sample => sample,
        })
    })
}

fn preprocesses() -> impl Strategy<Value = Preprocess> {
    let side = 1u32..40;
    let resize = prop_oneof![
        side.clone().prop_map(Resize::Shortest),
        (side.clone(), any::<[u8; 3]>()).prop_map(|(size, fill)| Resize::Longest { size, fill }),
        [side.clone(), side.clone()].prop_map(Resize::Squash),
        Just(Resize::Keep),
    ];
    (resize, prop::option::of([side.clone(), side]), filters()).prop_map(
        |(resize, crop, filter)| Preprocess {
            resize,
            crop,
            filter,
            ..whole()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn streams_equal_whole_images(
        (width, height, seed) in (1usize..70, 1usize..70, any::<u64>()),
        orientation in 1u8..=8,
        preprocess in preprocesses(),
    ) {
        let image = noise(width, height, seed);
        let expected = image.preprocessed(orientation, &preprocess);
        prop_assert!(
            streamed(&image, orientation, &preprocess) == expected.pixels.as_flattened(),
            "{width} x {height}, orientation {orientation}, {preprocess:?}"
        );
    }

    #[test]
    fn regions_are_cut_out_before_anything_else(
        (width, height, seed) in (1usize..50, 1usize..50, any::<u64>()),
        orientation in 1u8..=8,
        (x, y, w, h) in (0.0..1.0f64, 0.0..1.0f64, 1u64..60, 1u64..60),
        preprocess in preprocesses(),
    ) {
        let upright = noise(width, height, seed).oriented(orientation);
        let (x, y) = ((x * upright.width as f64) as usize, (y * upright.height as f64) as usize);
        let region = Region::Pixels([x as u64, y as u64, w, h]);
        let (w, h) = ((w as usize).min(upright.width - x), (h as usize).min(upright.height - y));
        let expected = upright.cropped([x, y, w, h]).prepared(&preprocess);
        let found = streamed_in(&noise(width, height, seed), orientation, region, &preprocess);
        prop_assert!(
            found == expected.pixels.as_flattened(),
            "{region} of {width} x {height}, orientation {orientation}, {preprocess:?}"
        );
    }

    /// Long axes have many phases, in which the inputs of neighbouring outputs start in odd places.
    #[test]
    fn streams_equal_whole_images_of_any_length(
        (length, output) in (1usize..1200, 1u32..1200),
        across in any::<bool>(),
        filter in filters(),
    ) {
        let (image, resize) = if across {
            (noise(length, 2, 5), Resize::Squash([2, output]))
        } else {
            (noise(2, length, 5), Resize::Squash([output, 2]))
        };
        let preprocess = Preprocess { resize, filter, ..whole() };
        let expected = image.preprocessed(1, &preprocess);
        prop_assert!(streamed(&image, 1, &preprocess) == expected.pixels.as_flattened());
    }

    /// With the vector instructions the processor has and without.
    #[test]
    fn vectors_equal_scalars(
        (input, output, seed) in (1usize..300, 1usize..300, any::<u64>()),
        filter in filters(),
    ) {
        let pulse = Pulse::new(&|| ());
        let weights = Weights::new(filter, (input, 0.0..input as f64), output, 0..output, &pulse);
        let columns = Columns::new(weights.unwrap(), &pulse);
        let mut row = noise(input, 1, seed).pixels.into_flattened();
        row.resize(row.len() + crate::kernel::PADDING, 0xaa);
        let (mut fast, mut plain) = (vec![0; 3 * output], vec![0; 3 * output]);
        columns.run(&row, &mut fast, &pulse);
        columns.run_scalar(&row, &mut plain, &pulse);
        prop_assert_eq!(fast, plain);
    }
}

/// The case that showed that leading zeros must not be cut off.
#[test]
fn inputs_of_outputs_ascend() {
    let pulse = Pulse::new(&|| ());
    for (input, output) in [(336, 368), (368, 336), (300, 100), (7, 7)] {
        for filter in [Filter::Bicubic, Filter::Lanczos, Filter::Nearest] {
            let span = 0.0..input as f64;
            let weights = Weights::new(filter, (input, span), output, 0..output, &pulse).unwrap();
            assert!(weights.taps.is_sorted_by_key(|taps| taps.start));
            assert!(
                weights
                    .mirrored(input, &pulse)
                    .taps
                    .is_sorted_by_key(|taps| taps.start)
            );
        }
    }
}

#[test]
fn sizes_are_torchvisions() {
    let shortest = Preprocess {
        resize: Resize::Shortest(224),
        crop: Some([224, 224]),
        ..whole()
    };
    // Oriented size, resized size, first kept column and row, by torchvision's formulas.
    for (size, resized, left, top) in [
        ((640, 480), (298, 224), 37, 0),
        ((204, 336), (224, 368), 0, 72),
        // (301 - 224) / 2 is 38.5, rounded to even; (303 - 224) / 2 is 39.5, which becomes 40.
        ((301, 224), (301, 224), 38, 0),
        ((303, 224), (303, 224), 40, 0),
        ((224, 225), (224, 225), 0, 0),
        ((224, 227), (224, 227), 0, 2),
        ((4032, 3024), (298, 224), 37, 0),
        ((1, 1), (224, 224), 0, 0),
    ] {
        let geometry = Geometry::of(size, &shortest, &LIMITS).unwrap();
        assert_eq!(geometry.resized, resized, "{size:?}");
        assert_eq!(geometry.columns, left..left + 224, "{size:?}");
        assert_eq!(geometry.rows, top..top + 224, "{size:?}");
    }
}

/// An image of extreme shape costs what is kept of it, not what it would be resized to.
#[test]
fn only_kept_pixels_are_computed() {
    let preprocess = Preprocess {
        resize: Resize::Shortest(224),
        crop: Some([224, 224]),
        ..whole()
    };
    let geometry = Geometry::of((60_000, 1), &preprocess, &LIMITS).unwrap();
    assert_eq!(geometry.resized, (13_440_000, 224));
    assert_eq!((geometry.columns.len(), geometry.rows.len()), (224, 224));
    let uncropped = Preprocess {
        crop: None,
        ..preprocess
    };
    let error = Geometry::of((60_000, 1), &uncropped, &LIMITS).unwrap_err();
    assert!(
        matches!(
            error,
            crate::Error::ImageTooLarge {
                width: 13_440_000,
                ..
            }
        ),
        "{error}"
    );
}
