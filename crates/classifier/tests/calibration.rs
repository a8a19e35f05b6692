//! Fits against what a sample was made with, and against the conditions that an optimum meets.

use classifier::calibration::{Fit, MOST_BIASES, Sample};
use classifier::{Activation, Class, Classifier, Error};
use proptest::collection::vec;
use proptest::prelude::*;

fn plain(activation: Activation, classes: usize, scale: f64) -> Classifier {
    let classes = (0..classes).map(|class| Class::new(Some(format!("c{class}")), vec![1.0]));
    Classifier::new(None, activation, scale, classes.collect()).unwrap()
}

fn no_pause() -> Result<(), Error> {
    Ok(())
}

/// Logits by a repeatable sequence, and a class drawn by the probabilities of `k · logits + biases`.
fn drawn(rows: usize, k: f64, biases: [f64; 3]) -> Vec<([f64; 3], usize)> {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    let mut row = || {
        let logits: [f64; 3] = std::array::from_fn(|_| 6.0 * uniform());
        let mut probabilities: [f64; 3] =
            std::array::from_fn(|class| k * logits[class] + biases[class]);
        Activation::Softmax.apply(&mut probabilities);
        let mut rest = uniform();
        let drawn = probabilities.iter().position(|p| {
            rest -= p;
            rest < 0.0
        });
        (logits, drawn.unwrap_or(2))
    };
    (0..rows).map(|_| row()).collect()
}

fn sample(classifier: &Classifier, rows: &[([f64; 3], usize)]) -> Sample {
    let mut sample = Sample::new(classifier);
    for (logits, truth) in rows {
        sample.add(logits, Some(*truth)).unwrap();
    }
    sample
}

#[test]
fn the_temperature_is_found() {
    let classifier = plain(Activation::Softmax, 3, 10.0);
    for k in [0.3, 1.0, 2.5] {
        let sample = sample(&classifier, &drawn(50_000, k, [0.0; 3]));
        let fitted = sample.fit(&classifier, Fit::Temperature, no_pause).unwrap();
        assert!(
            (fitted.scale() / (10.0 * k) - 1.0).abs() < 0.06,
            "{} for {k}",
            fitted.scale()
        );
        assert_eq!(fitted.biases(), [0.0; 3]);
    }
}

#[test]
fn temperature_and_biases_are_found() {
    let classifier = plain(Activation::Softmax, 3, 10.0);
    let biases = [-0.5, 0.0, 0.5];
    let sample = sample(&classifier, &drawn(50_000, 0.8, biases));
    let fitted = sample
        .fit(&classifier, Fit::TemperatureAndBiases, no_pause)
        .unwrap();
    assert!((fitted.scale() - 8.0).abs() < 0.2, "{}", fitted.scale());
    for (got, want) in fitted.biases().iter().zip(biases) {
        assert!((got - want).abs() < 0.06, "{got} is not {want}");
    }
}

#[test]
fn biases_scale_with_the_temperature() {
    let classifier = plain(Activation::Softmax, 3, 10.0);
    let classifier = classifier
        .with_scale_and_biases(10.0, vec![1.0, 2.0, 3.0])
        .unwrap();
    let sample = sample(&classifier, &drawn(1_000, 0.5, [0.0; 3]));
    let fitted = sample.fit(&classifier, Fit::Temperature, no_pause).unwrap();
    let factor = fitted.scale() / 10.0;
    for (bias, before) in fitted.biases().iter().zip([1.0, 2.0, 3.0]) {
        assert!((bias - factor * before).abs() < 1e-12);
    }
}

#[test]
fn what_is_always_right_stays_finite() {
    let classifier = plain(Activation::Softmax, 3, 1.0);
    let mut sample = Sample::new(&classifier);
    for _ in 0..10 {
        sample.add(&[3.0, 1.0, 0.0], Some(0)).unwrap();
    }
    // No logits are those of a vector without a direction.
    sample.add(&[f64::NAN; 3], Some(1)).unwrap();
    assert_eq!(sample.len(), 10);
    for fit in [Fit::Temperature, Fit::TemperatureAndBiases] {
        let fitted = sample.fit(&classifier, fit, no_pause).unwrap();
        assert!(
            fitted.scale() <= 100.0 && fitted.scale() > 1.0,
            "{}",
            fitted.scale()
        );
        assert!(fitted.biases().iter().all(|bias| bias.abs() < 20.0));
    }
}

#[test]
fn nothing_to_go_by() {
    let classifier = plain(Activation::Sigmoid, 3, 1.0);
    let sample = Sample::new(&classifier);
    assert!(sample.is_empty());
    assert_eq!(
        sample.fit(&classifier, Fit::Temperature, no_pause).unwrap(),
        classifier
    );
    assert_eq!(
        sample.debias(&classifier, &[0.2; 3], no_pause).unwrap(),
        classifier
    );
}

#[test]
fn biases_of_very_many_classes_are_refused() {
    let many = plain(Activation::Sigmoid, MOST_BIASES + 1, 1.0);
    let sample = Sample::new(&many);
    let shares = vec![0.5; MOST_BIASES + 1];
    let refused = [
        sample.debias(&many, &shares, no_pause).unwrap_err(),
        sample
            .fit(&many, Fit::TemperatureAndBiases, no_pause)
            .unwrap_err(),
    ];
    assert!(
        refused
            .iter()
            .all(|error| matches!(error, Error::ManyBiases(1001)))
    );
    assert!(sample.fit(&many, Fit::Temperature, no_pause).is_ok());
}

#[test]
fn shares_are_checked() {
    let softmax = plain(Activation::Softmax, 2, 1.0);
    let sample = Sample::new(&softmax);
    let refused = |shares: &[f64]| sample.debias(&softmax, shares, no_pause).unwrap_err();
    assert!(matches!(
        refused(&[1.0]),
        Error::Count {
            actual: 1,
            expected: 2,
            ..
        }
    ));
    assert!(matches!(refused(&[1.0, 0.0]), Error::Share(_)));
    assert!(matches!(refused(&[f64::NAN, 0.5]), Error::Share(_)));
    assert!(matches!(refused(&[0.5, 0.6]), Error::Shares(_)));
}

#[test]
fn a_pause_may_end_it() {
    let classifier = plain(Activation::Softmax, 3, 1.0);
    let sample = sample(&classifier, &drawn(10, 1.0, [0.0; 3]));
    let ended = sample.fit(&classifier, Fit::Temperature, || Err(Error::NoLabels));
    assert!(matches!(ended, Err(Error::NoLabels)));
}

fn mean_shares(classifier: &Classifier, before: &Classifier, rows: &[Vec<f64>]) -> Vec<f64> {
    let factor = classifier.scale() / before.scale();
    let mut shares = vec![0.0; rows[0].len()];
    for row in rows {
        // The logits of `rows` are by a classifier without biases.
        let logits: Vec<f64> = row
            .iter()
            .zip(classifier.biases())
            .map(|(logit, bias)| factor * logit + bias)
            .collect();
        for (share, p) in shares.iter_mut().zip(classifier.probabilities(&logits)) {
            *share += p / rows.len() as f64;
        }
    }
    shares
}

proptest! {
    #[test]
    fn shares_are_met(
        rows in vec(vec(-30.0..30.0f64, 4), 1..60),
        weights in vec(0.05..1.0f64, 4),
        softmax in any::<bool>(),
    ) {
        let activation = if softmax { Activation::Softmax } else { Activation::Sigmoid };
        let classifier = plain(activation, 4, 1.0);
        let sum: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        let mut sample = Sample::new(&classifier);
        rows.iter().for_each(|row| sample.add(row, None).unwrap());
        let fitted = sample.debias(&classifier, &shares, no_pause).unwrap();
        for (got, want) in mean_shares(&fitted, &classifier, &rows).iter().zip(shares) {
            prop_assert!((got - want).abs() < 1e-5, "{got} is not {want}");
        }
    }

    /// Labelled rows are never less likely than before.
    #[test]
    fn fits_do_not_harm(
        rows in vec((vec(-20.0..20.0f64, 3), 0..3usize), 1..40),
        softmax in any::<bool>(),
    ) {
        let activation = if softmax { Activation::Softmax } else { Activation::Sigmoid };
        let classifier = plain(activation, 3, 1.0);
        let mut sample = Sample::new(&classifier);
        rows.iter().for_each(|(logits, truth)| sample.add(logits, Some(*truth)).unwrap());
        let loss = |by: &Classifier| {
            let one = |(logits, truth): &(Vec<f64>, usize)| {
                let logits: Vec<f64> = logits
                    .iter()
                    .zip(by.biases())
                    .map(|(logit, bias)| by.scale() * logit + bias)
                    .collect();
                let probabilities = by.probabilities(&logits);
                let wrong = probabilities.iter().enumerate().filter(|(class, _)| class != truth);
                let others: f64 = wrong.map(|(_, p)| -(1.0 - p).max(1e-300).ln()).sum();
                let others = if softmax { 0.0 } else { others };
                others - probabilities[*truth].max(1e-300).ln()
            };
            rows.iter().map(one).sum::<f64>()
        };
        let before = loss(&classifier);
        let temperature = loss(&sample.fit(&classifier, Fit::Temperature, no_pause).unwrap());
        let both = loss(&sample.fit(&classifier, Fit::TemperatureAndBiases, no_pause).unwrap());
        prop_assert!(temperature <= before * (1.0 + 1e-6) + 1e-6, "{temperature} after {before}");
        prop_assert!(both <= before * (1.0 + 1e-6) + 1e-6, "{both} after {before}");
    }
}
