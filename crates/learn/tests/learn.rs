//! What is learned, against slow and plain computations of the same.

use half::f16;
use learn::logistic::{self, Linear, Options};
use learn::rows::Rows;
use learn::{Error, kmeans};
use proptest::prelude::*;

/// A small generator of numbers between -1 and 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Vectors around one of `classes` directions, all of them around a common one, and which.
fn data(count: usize, dims: usize, classes: usize, noise: f32) -> (Vec<Vec<f16>>, Vec<usize>) {
    let mut random = Noise(7);
    let mut direction =
        |size: f32| -> Vec<f32> { (0..dims).map(|_| size * random.next()).collect() };
    let common = direction(2.0);
    let centres: Vec<Vec<f32>> = (0..classes).map(|_| direction(1.0)).collect();
    let labels: Vec<usize> = (0..count)
        .map(|row| (row * row + row / 7) % classes)
        .collect();
    let row = |&label: &usize| {
        let own = direction(noise);
        let parts = common.iter().zip(&centres[label]).zip(own);
        parts.map(|((a, b), c)| f16::from_f32(a + b + c)).collect()
    };
    (labels.iter().map(row).collect(), labels)
}

fn rows(vectors: &[Vec<f16>]) -> Rows<'_> {
    let mut rows = Rows::default();
    vectors.iter().for_each(|vector| rows.push(vector).unwrap());
    rows
}

fn unit(vector: &[f16]) -> Vec<f64> {
    let norm = vector
        .iter()
        .map(|x| x.to_f64().powi(2))
        .sum::<f64>()
        .sqrt();
    vector.iter().map(|x| x.to_f64() / norm).collect()
}

/// The dot product of weights, or of a centre, with a vector of length 1.
fn along(weights: &[f32], x: &[f64]) -> f64 {
    weights.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum()
}

fn logit(model: &Linear, class: usize, x: &[f64]) -> f64 {
    model.biases[class] + along(&model.weights[class * x.len()..][..x.len()], x)
}

fn train(
    vectors: &[Vec<f16>],
    labels: &[usize],
    classes: usize,
    penalty: f64,
    balanced: bool,
) -> Linear {
    logistic::train(
        &rows(vectors),
        labels,
        classes,
        Options { penalty, balanced },
        &|| Ok(()),
    )
    .unwrap()
}

/// The largest element of the documented function's gradient at a solution, in double precision, without tricks, beside what it
/// may be: the norm that is asked for, in coordinates in which directions are as long as the function curves, and rounding.
fn gradient(
    vectors: &[Vec<f16>],
    labels: &[usize],
    shares: &[f64],
    penalty: f64,
    model: &Linear,
) -> f64 {
    let (dims, classes) = (vectors[0].len(), model.biases.len());
    let mut gradient: Vec<f64> = model
        .weights
        .iter()
        .map(|&w| penalty / vectors.len() as f64 * f64::from(w))
        .collect();
    gradient.resize(classes * (dims + 1), 0.0);
    for (vector, &label) in vectors.iter().zip(labels) {
        let x = unit(vector);
        let logits = (0..classes).map(|class| logit(model, class, &x));
        let exponentials: Vec<f64> = logits.map(f64::exp).collect();
        let sum: f64 = exponentials.iter().sum();
        for class in 0..classes {
            let residual =
                shares[label] * (exponentials[class] / sum - f64::from(u8::from(class == label)));
            for (at, x) in x.iter().enumerate() {
                gradient[class * dims + at] += residual * x;
            }
            gradient[classes * dims + class] += residual;
        }
    }
    let curves = 1.0 / classes as f64 + penalty / vectors.len() as f64;
    gradient.iter().fold(0.0, |largest, x| x.abs().max(largest)) / (1e-4 * curves.sqrt() + 2e-6)
}

#[test]
fn the_gradient_vanishes() {
    for (count, dims, classes, penalty) in [
        (300, 24, 3, 1.0),
        (700, 40, 5, 0.03),
        (50, 64, 2, 0.5),
        (20, 1, 2, 0.1),
    ] {
        let (vectors, labels) = data(count, dims, classes, 1.5);
        let model = train(&vectors, &labels, classes, penalty, false);
        let shares = vec![1.0 / count as f64; classes];
        let left = gradient(&vectors, &labels, &shares, penalty, &model);
        assert!(left < 1.0, "{count} × {dims}: {left}, {:?}", model.outcome);
    }
}

#[test]
fn balanced_classes_count_the_same() {
    let (vectors, mut labels) = data(400, 16, 3, 2.0);
    // Few of the last class.
    let kept: Vec<usize> = (0..400)
        .filter(|row| labels[*row] != 2 || row % 10 == 0)
        .collect();
    let vectors: Vec<Vec<f16>> = kept.iter().map(|&row| vectors[row].clone()).collect();
    labels = kept.iter().map(|&row| labels[row]).collect();
    let model = train(&vectors, &labels, 3, 0.2, true);
    let share = |class| 1.0 / (3 * labels.iter().filter(|&&label| label == class).count()) as f64;
    let shares: Vec<f64> = (0..3).map(share).collect();
    assert!(gradient(&vectors, &labels, &shares, 0.2, &model) < 1.0);
}

#[test]
fn order_and_length_do_not_count() {
    let (vectors, labels) = data(200, 12, 3, 1.0);
    let model = train(&vectors, &labels, 3, 0.1, false);
    let reversed: Vec<Vec<f16>> = vectors.iter().rev().cloned().collect();
    let reversed_labels: Vec<usize> = labels.iter().rev().copied().collect();
    let again = train(&reversed, &reversed_labels, 3, 0.1, false);
    assert_eq!(
        (&model.weights, &model.biases),
        (&again.weights, &again.biases)
    );
    let longer: Vec<Vec<f16>> = vectors
        .iter()
        .map(|v| v.iter().map(|&x| x * f16::from_f32(4.0)).collect())
        .collect();
    let again = train(&longer, &labels, 3, 0.1, false);
    let differences = model.weights.iter().zip(&again.weights);
    assert!(differences.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-2);
    let flat = kmeans::cluster(&rows(&vectors), 4, 1, &|| Ok(())).unwrap();
    assert_eq!(
        flat,
        kmeans::cluster(&rows(&reversed), 4, 1, &|| Ok(())).unwrap()
    );
}

#[test]
fn without_a_penalty_it_ends() {
    let (vectors, labels) = data(60, 8, 2, 0.1);
    let model = train(&vectors, &labels, 2, 0.0, false);
    assert!(model.weights.iter().all(|weight| weight.is_finite()));
    for (vector, &label) in vectors.iter().zip(&labels) {
        let x = unit(vector);
        assert_eq!(logit(&model, 1, &x) > logit(&model, 0, &x), label == 1);
    }
}

#[test]
fn more_dimensions_than_are_looked_at_together() {
    let (vectors, labels) = data(40, 2100, 2, 1.0);
    let model = train(&vectors, &labels, 2, 0.5, false);
    assert!(gradient(&vectors, &labels, &[1.0 / 40.0; 2], 0.5, &model) < 1.0);
}

#[test]
fn a_class_without_rows_is_never_likely() {
    let (vectors, labels) = data(60, 8, 2, 1.0);
    let model = train(&vectors, &labels, 3, 0.1, false);
    let x = unit(&vectors[0]);
    let logit = |class| logit(&model, class, &x);
    assert!(logit(2) < logit(0) && logit(2) < logit(1));
}

#[test]
fn clusters_are_found() {
    let (vectors, labels) = data(500, 32, 6, 0.3);
    let centres = kmeans::cluster(&rows(&vectors), 6, 3, &|| Ok(())).unwrap();
    assert_eq!(centres.len(), 6);
    let nearest = |vector: &[f16]| {
        let x = unit(vector);
        (0..6)
            .max_by(|&a, &b| along(&centres[a], &x).total_cmp(&along(&centres[b], &x)))
            .unwrap()
    };
    let mut cluster_of = [None; 6];
    let mut sizes = [0; 6];
    for (vector, &label) in vectors.iter().zip(&labels) {
        let cluster = nearest(vector);
        sizes[cluster] += 1;
        assert_eq!(*cluster_of[label].get_or_insert(cluster), cluster);
    }
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    for centre in &centres {
        assert!((kernels::norm::<f32>(centre) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn no_more_clusters_than_directions() {
    let half = |x: f32| f16::from_f32(x);
    let vectors = [
        vec![half(1.0), half(0.0)],
        vec![half(3.0), half(0.0)],
        vec![half(0.0), half(2.0)],
    ];
    let centres = kmeans::cluster(&rows(&vectors), 5, 0, &|| Ok(())).unwrap();
    assert_eq!(centres, [[1.0, 0.0], [0.0, 1.0]]);
    assert!(
        kmeans::cluster(&Rows::default(), 5, 0, &|| Ok(()))
            .unwrap()
            .is_empty()
    );
    // Opposite directions have no middle.
    let vectors = [vec![half(1.0), half(0.0)], vec![half(-1.0), half(0.0)]];
    assert_eq!(
        kmeans::cluster(&rows(&vectors), 1, 0, &|| Ok(()))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_is_wrong_is_said() {
    let (vectors, labels) = data(20, 4, 2, 1.0);
    let rows = rows(&vectors);
    let go = |penalty, labels: &[usize]| {
        logistic::train(
            &rows,
            labels,
            2,
            Options {
                penalty,
                balanced: false,
            },
            &|| Ok(()),
        )
    };
    assert!(matches!(go(-1.0, &labels), Err(Error::Penalty(_))));
    assert!(matches!(go(f64::NAN, &labels), Err(Error::Penalty(_))));
    assert!(matches!(go(f64::INFINITY, &labels), Err(Error::Penalty(_))));
    assert!(matches!(go(1.0, &[1; 20]), Err(Error::Classes(1))));
    for k in [-1, 0, 10_001, i64::MAX] {
        assert!(matches!(
            kmeans::cluster(&rows, k, 0, &|| Ok(())),
            Err(Error::Clusters(_))
        ));
    }
    let mut other = Rows::default();
    other.push(&vectors[0]).unwrap();
    assert!(matches!(
        other.push(&vectors[1][..3]),
        Err(Error::Dimensions(4, 3))
    ));
    assert!(matches!(other.push(&[f16::ZERO; 4]), Err(Error::Zero)));
}

#[test]
fn it_ends_when_asked_to() {
    let (vectors, labels) = data(600, 16, 3, 1.0);
    let rows = rows(&vectors);
    let asked = std::cell::Cell::new(0);
    let mut runs = 0;
    // At whichever question it is.
    for at in (1..).step_by(7) {
        asked.set(0);
        let interrupt = || {
            asked.set(asked.get() + 1);
            if asked.get() >= at {
                Err(Error::Interrupted)
            } else {
                Ok(())
            }
        };
        let options = Options {
            penalty: 0.1,
            balanced: false,
        };
        let trained = logistic::train(&rows, &labels, 3, options, &interrupt);
        if trained.is_ok() {
            break;
        }
        assert!(matches!(trained, Err(Error::Interrupted)));
        assert_eq!(asked.get(), at);
        runs += 1;
    }
    assert!(runs > 5);
    let stop = || Err(Error::Interrupted);
    assert!(matches!(
        kmeans::cluster(&rows, 3, 0, &stop),
        Err(Error::Interrupted)
    ));
}

proptest! {
    /// Any rows give as many centres of unit length as they may, and each row's nearest one is at least as near as a random row's.
    #[test]
    fn any_rows_are_clustered(
        vectors in prop::collection::vec(prop::collection::vec(-100_i16..100, 3), 1..60), k in 1_i64..12, seed in any::<u64>()
    ) {
        let vectors: Vec<Vec<f16>> = vectors.into_iter().map(|v| v.into_iter().map(|x| f16::from_f32(x.into())).collect()).collect();
        let vectors: Vec<Vec<f16>> = vectors.into_iter().filter(|v| kernels::norm::<f16>(v) > 0.0).collect();
        let rows = rows(&vectors);
        let centres = kmeans::cluster(&rows, k, seed, &|| Ok(())).unwrap();
        prop_assert!(centres.len() <= vectors.len().min(k as usize));
        prop_assert_eq!(centres.is_empty(), vectors.is_empty());
        for centre in &centres {
            prop_assert!((kernels::norm::<f32>(centre) - 1.0).abs() < 1e-4);
        }
    }

    /// Any rows with two labels are learned from, and the result is finite and a minimum.
    #[test]
    fn any_rows_are_learned_from(
        vectors in prop::collection::vec(prop::collection::vec(-100_i16..100, 3), 2..40), penalty in 0.01_f64..10.0
    ) {
        let vectors: Vec<Vec<f16>> = vectors.into_iter().map(|v| v.into_iter().map(|x| f16::from_f32(f32::from(x) + 0.5)).collect()).collect();
        let labels: Vec<usize> = (0..vectors.len()).map(|row| row % 2).collect();
        let model = train(&vectors, &labels, 2, penalty, false);
        let left = gradient(&vectors, &labels, &[1.0 / vectors.len() as f64; 2], penalty, &model);
        prop_assert!(left < 1.0, "{} {:?}", left, model.outcome);
    }
}
