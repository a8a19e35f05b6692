//! Estimates against true distances.

use std::sync::Arc;

use graph::basis::Basis;
use graph::error::Error;
use graph::estimator::Scratch;
use graph::layout::{Factors, Shape};
use graph::query::Query;
use graph::random::Random;
use graph::space::{Metric, Space};
use half::f16;
use kernels::quantize::Bits;
use proptest::prelude::*;

const DIMS: usize = 128;

/// Vectors off the origin whose elements beyond `rank` are small.
fn vectors(count: usize, rank: usize, scale: f32) -> Vec<Vec<f16>> {
    let mut random = Random::new(3);
    (0..count)
        .map(|_| {
            (0..DIMS)
                .map(|i| {
                    let spread = if i < rank { 1.0 } else { 0.05 };
                    f16::from_f32(scale * (0.8 + spread * random.normal()))
                })
                .collect()
        })
        .collect()
}

/// A shape whose codes have fewer elements of four bits than there are dimensions.
fn shape() -> Shape {
    let mut shape = Shape::new(DIMS, 16, 0).unwrap();
    shape.code_bytes = 17;
    shape
}

fn learn(metric: Metric, data: &[Vec<f16>]) -> Basis {
    let norms = data.iter().map(|vector| kernels::norm_squared(vector));
    let space = Space::fit(metric, norms);
    let sample = data
        .iter()
        .flat_map(|vector| space.node(vector, kernels::norm_squared(vector)));
    Basis::train(space, &shape(), 1, sample.collect(), || Ok(())).unwrap()
}

/// The correlation of estimates with true distances, and their mean difference in units of the
/// distances' standard deviation.
fn agreement(metric: Metric, data: &[Vec<f16>]) -> (f64, f64) {
    let basis = Arc::new(learn(metric, data));
    let query = Query::new(metric, &data[0], Some(&basis));
    let (mut factors, mut codes) = (Vec::new(), Vec::new());
    for vector in &data[1..] {
        let code = basis.encode(vector, kernels::norm_squared(vector));
        factors.push(code.factors);
        codes.extend_from_slice(&code.bytes);
    }
    let mut estimates = Vec::new();
    let estimator = query.estimator.as_ref().unwrap();
    estimator.estimate(&factors, &codes, &mut Scratch::default(), &mut estimates);
    let pairs: Vec<(f64, f64)> = data[1..]
        .iter()
        .zip(&estimates)
        .map(|(vector, &estimate)| {
            let distance = query.distance(vector, kernels::norm_squared(vector));
            (distance, f64::from(estimate))
        })
        .collect();
    let n = pairs.len() as f64;
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let covariance = mean(&|p| (p.0 - x) * (p.1 - y));
    let (dx, dy) = (
        mean(&|p| (p.0 - x).powi(2)).sqrt(),
        mean(&|p| (p.1 - y).powi(2)).sqrt(),
    );
    (covariance / (dx * dy), (y - x) / dx)
}

#[test]
fn estimates_follow_distances_at_any_scale() {
    for metric in [Metric::Cosine, Metric::InnerProduct, Metric::L2] {
        for scale in [0.01, 1.0, 20.0] {
            let (correlation, bias) = agreement(metric, &vectors(800, 24, scale));
            assert!(correlation > 0.99, "{metric:?} at {scale}: {correlation}");
            assert!(bias.abs() < 0.1, "{metric:?} at {scale}: {bias}");
        }
    }
}

proptest! {
    /// A factor is as good at any size.
    #[test]
    fn factors_keep_their_leading_digits(scale in -30f32..30.0, bias in -30f32..30.0, sign: bool) {
        let (scale, bias) = (10f32.powf(scale), 10f32.powf(bias));
        let bias = if sign { -bias } else { bias };
        let factors = Factors::new(scale, bias);
        prop_assert!(factors.coded());
        prop_assert!((factors.scale() / scale - 1.0).abs() <= 1.0 / 256.0);
        prop_assert!((factors.bias() / bias - 1.0).abs() <= 1.0 / 256.0);
    }
}

#[test]
fn factors_saturate() {
    let factors = Factors::new(f32::INFINITY, f32::NEG_INFINITY);
    assert!(factors.coded() && factors.scale().is_finite() && factors.bias().is_finite());
    assert!(!Factors::UNCODED.coded() && Factors::UNCODED.scale().is_nan());
}

/// Between two looks at whether to go on there is no more work than that of a point with the sample, or of a row
/// with a square matrix; and an error ends it there.
#[test]
fn learning_stops_when_told_to() {
    let data = vectors(400, 24, 1.0);
    let points: Vec<f32> = data.iter().flatten().map(|x| x.to_f32()).collect();
    let space = Space::unknown(Metric::L2);
    let asked = std::cell::Cell::new(0);
    let learn = |last: usize| {
        asked.set(0);
        Basis::train(space, &shape(), 1, points.clone(), || {
            asked.set(asked.get() + 1);
            if asked.get() > last {
                return Err(Error::Store("canceled".into()));
            }
            Ok(())
        })
    };
    learn(usize::MAX).unwrap();
    let all = asked.get();
    // Four rounds of all points to find centres, then their remainders, their coordinates and each of the dimensions;
    // six rounds of the directions, twice each.
    let (points, rows) = (data.len(), DIMS);
    assert!(all >= 6 * points + DIMS + 12 * rows, "{all}");
    for last in (0..all).step_by(all / 20) {
        assert!(matches!(learn(last), Err(Error::Store(_))), "{last}");
        assert_eq!(asked.get(), last + 1);
    }
}

#[test]
fn the_spectrum_decides_the_bits() {
    assert_eq!(learn(Metric::L2, &vectors(800, 24, 1.0)).bits(), Bits::Four);
    assert_eq!(learn(Metric::L2, &vectors(800, 60, 1.0)).bits(), Bits::Two);
    assert_eq!(
        learn(Metric::L2, &vectors(800, DIMS, 1.0)).bits(),
        Bits::One
    );
}

#[test]
fn an_edge_without_a_code_has_no_estimate() {
    let data = vectors(300, 24, 1.0);
    let basis = Arc::new(learn(Metric::L2, &data));
    let query = Query::new(Metric::L2, &data[0], Some(&basis));
    let mut estimates = Vec::new();
    let estimator = query.estimator.as_ref().unwrap();
    let factors = [Factors::UNCODED];
    estimator.estimate(&factors, &[0; 17], &mut Scratch::default(), &mut estimates);
    assert!(estimates[0].is_nan());
}

#[test]
fn equal_samples_are_no_trouble() {
    let same = vec![vectors(1, 24, 1.0)[0].clone(); 50];
    let basis = Arc::new(learn(Metric::Cosine, &same));
    let query = Query::new(Metric::Cosine, &same[0], Some(&basis));
    let code = basis.encode(&same[0], kernels::norm_squared(&same[0]));
    let estimate = query
        .estimator
        .unwrap()
        .estimate_one(code.factors, &code.bytes);
    assert!(estimate.abs() < 1e-4, "{estimate}");
}
