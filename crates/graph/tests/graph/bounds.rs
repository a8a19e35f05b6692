//! What a rounded vector tells of a distance, against what the SQL operators make of it.

use graph::query::Query;
use graph::random::Random;
use graph::rounded::{PEAKS, Rounded};
use graph::space::Metric;
use half::f16;
use halves::singles::Kept;
use kernels::{Element, cosine_distance_from, instruction_sets};
use proptest::prelude::*;

/// What is no infinity of halves, rounded or not.
const LARGEST: f32 = 65_504.0;
const METRICS: [Metric; 3] = [Metric::Cosine, Metric::InnerProduct, Metric::L2];

/// The distance as every instruction set of this machine makes it: an index may have been built on another one.
fn distances(metric: Metric, a: &[f16], b: &[f16]) -> Vec<f64> {
    let of = |set| {
        let kernels = f16::kernels(set);
        match metric {
            Metric::Cosine => kernels.cosine_distance(a, b),
            Metric::InnerProduct => -f64::from(kernels.dot(a, b)),
            Metric::L2 => f64::from(kernels.l2_squared(a, b)),
        }
    };
    instruction_sets().map(of).collect()
}

/// Checks both bounds of the distance of two vectors by all metrics.
#[track_caller]
fn assert_bounds(query: &[f16], vector: &[f16]) {
    let rounded = Rounded::of(vector);
    for metric in METRICS {
        if !metric.takes(query) || !metric.takes(vector) {
            continue;
        }
        let looking = Query::new(metric, query, None);
        for set in instruction_sets() {
            let norm = f16::kernels(set).dot(vector, vector);
            let measure = looking.measure(rounded.get(), norm);
            for distance in distances(metric, query, vector) {
                assert!(
                    measure.least() <= distance && distance <= measure.most(),
                    "{metric:?}: {distance} is not within {measure:?}"
                );
            }
        }
    }
}

/// Distances of vectors of single precision as pgvector's operators make them, in one sum, and as they are.
fn single_distances(metric: Metric, a: &[f32], b: &[f32]) -> [f64; 2] {
    fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
        let terms = a.iter().zip(b).map(|(&x, &y)| term(x, y));
        f64::from(terms.fold(0f32, |sum, term| sum + term))
    }
    fn exact(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
        a.iter()
            .zip(b)
            .map(|(&x, &y)| term(x.into(), y.into()))
            .sum()
    }
    match metric {
        Metric::Cosine => {
            let by = |dot: f64, a: f64, b: f64| 1.0 - (dot / (a * b).sqrt()).clamp(-1.0, 1.0);
            let product = |x, y| x * y;
            [
                by(
                    sum(a, b, |x, y| x * y),
                    sum(a, a, |x, y| x * y),
                    sum(b, b, |x, y| x * y),
                ),
                by(
                    exact(a, b, product),
                    exact(a, a, product),
                    exact(b, b, product),
                ),
            ]
        }
        Metric::InnerProduct => [-sum(a, b, |x, y| x * y), -exact(a, b, |x, y| x * y)],
        Metric::L2 => [
            sum(a, b, |x, y| (x - y) * (x - y)),
            exact(a, b, |x, y| (x - y) * (x - y)),
        ],
    }
}

/// Checks the bounds of the distance of two vectors of single precision, wherever an index can hold the second one.
#[track_caller]
fn assert_single_bounds(query: &[f32], vector: &[f32]) {
    for metric in METRICS {
        let kept = match metric {
            Metric::Cosine => Kept::Direction,
            Metric::InnerProduct | Metric::L2 => Kept::Elements,
        };
        let sought = kept.sought(query);
        let Ok(halves) = kept.of(vector) else {
            continue;
        };
        if !metric.takes(&sought.halves) || !metric.takes(&halves) {
            continue;
        }
        let looking = Query::new(metric, &sought.halves, None).converted(sought.lost);
        let norm = kernels::norm_squared(&halves);
        let measure = looking.measure(Rounded::of(&halves).get(), norm);
        for distance in single_distances(metric, query, vector) {
            // A sum that is too large for single precision is infinite, or NaN: after all others in either case.
            let beyond = distance.is_nan() || distance == f64::INFINITY;
            assert!(
                beyond || (measure.least() <= distance && distance <= measure.most()),
                "{metric:?}: {distance} is not within {measure:?}, {} lost",
                sought.lost
            );
        }
    }
}

/// Elements of a kind that is hard to round or to add.
fn vector(kind: u8, dims: usize, exponent: f32, random: &mut Random) -> Vec<f16> {
    let singles = singles(kind, dims, exponent, random);
    let clamped = singles.iter().map(|x| x.clamp(-LARGEST, LARGEST));
    clamped.map(f16::from_f32).collect()
}

/// The same in single precision.
fn singles(kind: u8, dims: usize, exponent: f32, random: &mut Random) -> Vec<f32> {
    let size = 2f32.powf(exponent);
    (0..dims)
        .map(|i| match kind {
            // Like noise, all of one sign, few of any size, of all sizes, and half way between two levels.
            0 => size * random.normal(),
            1 => size * (1.0 + 0.01 * random.normal()),
            2 => match random.below(dims) {
                0..3 => size * random.normal(),
                _ => 0.0,
            },
            3 => size * random.normal() * 2f32.powi(random.below(24) as i32 - 12),
            _ => {
                size * if i == 0 {
                    127.0
                } else {
                    0.5 + random.below(100) as f32
                } / 127.0
            }
        })
        .map(|x| x.clamp(f32::MIN, f32::MAX))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_distance_is_within_its_bounds(
        dims in 1_usize..700,
        kinds in (0_u8..5, 0_u8..5),
        exponents in (-24f32..15.0, -24f32..15.0),
        near in 0_u8..4,
        seed: u64,
    ) {
        let mut random = Random::new(seed);
        let query = vector(kinds.0, dims, exponents.0, &mut random);
        assert_bounds(&query, &vector(kinds.1, dims, exponents.1, &mut random));
        // Vectors that are nearly the query, or point the same or the other way, where bounds are tightest.
        let close: Vec<f16> = query
            .iter()
            .map(|x| x.to_f32() * match near {
                0 => 1.0,
                1 => 1.0 + 0.01 * random.normal(),
                2 => -3.0,
                _ => 0.3,
            })
            .map(|x| f16::from_f32(x.clamp(-LARGEST, LARGEST)))
            .collect();
        assert_bounds(&query, &close);
        assert_bounds(&close, &query);
    }

    #[test]
    fn a_distance_of_singles_is_within_its_bounds(
        dims in 1_usize..700,
        kinds in (0_u8..5, 0_u8..5),
        exponents in (-30f32..17.0, -30f32..17.0),
        far in -120f32..127.0,
        near in 0_u8..6,
        seed: u64,
    ) {
        let mut random = Random::new(seed);
        let query = singles(kinds.0, dims, exponents.0, &mut random);
        assert_single_bounds(&query, &singles(kinds.1, dims, exponents.1, &mut random));
        let close: Vec<f32> = query
            .iter()
            .map(|x| x * match near {
                0 => 1.0,
                1 => 1.0 + 0.01 * random.normal(),
                2 => 1.0 + 1e-4 * random.normal(),
                3 => -3.0,
                4 => 0.3,
                _ => 2f32.powf(far),
            })
            .map(|x| x.clamp(f32::MIN, f32::MAX))
            .collect();
        assert_single_bounds(&query, &close);
        assert_single_bounds(&close, &query);
        assert_single_bounds(&singles(kinds.0, dims, far, &mut random), &query);
    }
}

#[test]
fn bounds_hold_at_the_limits() {
    let mut random = Random::new(1);
    let extreme = [
        f16::ZERO,
        f16::MAX,
        f16::MIN,
        f16::MIN_POSITIVE_SUBNORMAL,
        f16::MIN_POSITIVE,
        f16::ONE,
    ];
    for dims in [1, 2, 7, 512, 4_000, 16_000] {
        for &a in &extreme {
            for &b in &extreme {
                assert_bounds(&vec![a; dims], &vec![b; dims]);
                let mut one = vec![f16::ZERO; dims];
                one[dims / 2] = a;
                assert_bounds(&one, &vec![b; dims]);
                assert_bounds(&vec![b; dims], &one);
            }
        }
        let (a, b) = (
            vector(0, dims, 0.0, &mut random),
            vector(0, dims, 0.0, &mut random),
        );
        assert_bounds(&a, &b);
        assert_bounds(&a, &a);
        for a in [
            0.0, 1e-38, 1e-30, 1e-14, 1e-8, 1e-4, 0.1, 65_519.0, 65_521.0, 1e17, 3e38,
        ] {
            for b in [0.0, 1e-8, 1e-4, 0.1, 65_519.0] {
                assert_single_bounds(&vec![a; dims], &vec![b; dims]);
                assert_single_bounds(&vec![a; dims], &vec![-b; dims]);
            }
        }
    }
}

/// The bound is of use: it leaves a few thousandths of the norms open.
#[test]
fn bounds_are_near() {
    let mut random = Random::new(1);
    for dims in [512, 768, 1_024] {
        let (a, b) = (
            vector(0, dims, 0.0, &mut random),
            vector(0, dims, 0.0, &mut random),
        );
        let query = Query::new(Metric::Cosine, &a, None);
        let measure = query.measure(Rounded::of(&b).get(), kernels::norm_squared(&b));
        assert!(measure.error < 0.01, "{dims}: {measure:?}");
        let own = query.measure(Rounded::of(&a).get(), kernels::norm_squared(&a));
        assert!(own.error < 0.001, "{dims}: {own:?}");
    }
}

#[test]
fn a_rounded_vector_is_what_it_says() {
    let mut random = Random::new(1);
    for kind in 0..5 {
        let x = vector(kind, 300, 0.0, &mut random);
        let rounded = Rounded::of(&x);
        let y = rounded.get();
        let halves = y.halves();
        let mut order: Vec<f16> = x.clone();
        order.sort_by(|a, b| b.to_f32().abs().total_cmp(&a.to_f32().abs()));
        let peaks: Vec<f16> = y.peaks.iter().map(|peak| peak.value()).collect();
        assert_eq!(peaks, order[..PEAKS]);
        let kept = |at: usize| y.levels[at] == 0 && x[at] == halves[at] && peaks.contains(&x[at]);
        let differences = (0..x.len()).filter(|&at| !kept(at)).map(|at| {
            assert!(y.levels[at] > i8::MIN);
            x[at].to_f64() - f64::from(y.scale) * f64::from(y.levels[at])
        });
        let error = differences.map(|x| x * x).sum::<f64>().sqrt();
        assert!(error <= f64::from(y.error) && f64::from(y.error) <= error * 1.000_001 + 1e-12);
        let norm = f64::from(kernels::norm_squared(&x));
        assert!((y.norm_squared() - norm).abs() <= 1e-5 * norm, "{kind}");
        if norm == 0.0 {
            continue;
        }
        let own = cosine_distance_from(
            kernels::dot(&x, &halves),
            kernels::norm_squared(&x),
            kernels::norm_squared(&halves),
        );
        assert!(own < 1e-3, "{own}");
    }
    // What has no more elements than that is kept as it is.
    let few = [-1.0, 2.5, 0.0, 1e-3].map(f16::from_f64);
    assert_eq!(Rounded::of(&few).get().halves(), few);
    assert_eq!(Rounded::of(&few).get().error, 0.0);
    let zeros = Rounded::of(&[f16::ZERO; 5]);
    assert_eq!(zeros.get().halves(), [f16::ZERO; 5]);
    assert_eq!((zeros.get().scale, zeros.get().error), (0.0, 0.0));
}

/// Products of two rounded vectors are those of the vectors that they stand for, whichever elements are peaks.
#[test]
fn products_of_rounded_vectors_count_every_element_once() {
    let mut random = Random::new(3);
    for round in 0..200 {
        let mut a = vector(0, 40, 0.0, &mut random);
        let mut b = vector(0, 40, 0.0, &mut random);
        for (x, at) in [(&mut a, round % 40), (&mut b, round % 7)] {
            x[at] = f16::from_f64(40.0 + round as f64);
        }
        let (a, b) = (Rounded::of(&a), Rounded::of(&b));
        let whole = |rounded: &Rounded| -> Vec<f64> {
            let y = rounded.get();
            let halves = y.halves();
            let level = |(&c, half): (&i8, f16)| match c {
                0 => half.to_f64(),
                c => f64::from(y.scale) * f64::from(c),
            };
            y.levels.iter().zip(halves).map(level).collect()
        };
        let (x, y) = (whole(&a), whole(&b));
        let product: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        let found = a.get().dot(b.get());
        assert!(
            (found - product).abs() <= 1e-9 * product.abs().max(1.0),
            "{found} for {product}"
        );
    }
}

/// One element far larger than the others, as some models have it, costs next to nothing.
#[test]
fn a_large_element_leaves_the_others_as_they_were() {
    let mut random = Random::new(5);
    let plain = vector(0, 512, 0.0, &mut random);
    let norm = kernels::norm_squared(&plain).sqrt();
    let mut peaked = plain.clone();
    peaked[133] = f16::from_f32(0.7 * norm);
    assert!(Rounded::of(&peaked).get().error < 1.1 * Rounded::of(&plain).get().error);
}
