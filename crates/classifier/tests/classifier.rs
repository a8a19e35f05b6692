//! What a classifier makes of embeddings, against formulas written out, and what it refuses to be.

use classifier::{Activation, Class, Classifier, Direction, Error, Origin, Scores};
use half::f16;
use proptest::collection::vec;
use proptest::prelude::*;

fn halves(values: &[f32]) -> Vec<f16> {
    values.iter().copied().map(f16::from_f32).collect()
}

fn class(label: &str, vector: &[f32]) -> Class {
    Class::new(Some(label.to_owned()), vector.to_vec())
}

fn origin() -> Option<Origin> {
    Some(Origin {
        name: "some-model".to_owned(),
        identity: "0123456789abcdef".repeat(4),
    })
}

/// Three classes in the plane, the last one a distractor.
fn three(activation: Activation) -> Classifier {
    let mut classes = vec![
        class("map", &[1.0, 0.0]),
        class("портрет", &[0.0, 1.0]),
        Class::new(None, vec![-0.6, 0.8]),
    ];
    classes[0].bias = -0.25;
    classes[1].threshold = Some(0.4);
    Classifier::new(origin(), activation, 10.0, classes).unwrap()
}

fn scored(classifier: &Classifier, embedding: &[f32]) -> Scores {
    let mut scores = Scores::default();
    classifier.score(&halves(embedding), &mut scores).unwrap();
    scores
}

#[track_caller]
fn assert_close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-6, "{got} is not {want}");
}

#[test]
fn formulas() {
    let scores = scored(&three(Activation::Softmax), &[3.0, 4.0]);
    for (got, want) in scores.similarities.iter().zip([0.6, 0.8, 0.28]) {
        assert_close(*got, want);
    }
    for (got, want) in scores.logits.iter().zip([5.75, 8.0, 2.8]) {
        assert_close(*got, want);
    }
    assert_eq!(scores.best(), Some(1));
    assert_eq!(scores.order(), [1, 0, 2]);
    let exponentials = [5.75f64, 8.0, 2.8].map(f64::exp);
    let sum: f64 = exponentials.iter().sum();
    let classifier = three(Activation::Softmax);
    let softmax = classifier.probabilities(&scores.logits);
    for (got, want) in softmax.iter().zip(exponentials) {
        assert_close(*got, want / sum);
    }
    let lead = (exponentials[1] - exponentials[0]) / sum;
    assert_close(classifier.uncertainty(&scores), 1.0 - lead);
    let sigmoid = three(Activation::Sigmoid).probabilities(&scores.logits);
    for (got, want) in sigmoid.iter().zip([5.75f64, 8.0, 2.8]) {
        assert_close(*got, 1.0 / (1.0 + (-want).exp()));
    }
}

#[test]
fn one_class_by_sigmoid() {
    let classes = vec![class("map", &[1.0, 0.0])];
    let classifier = Classifier::new(None, Activation::Sigmoid, 1.0, classes).unwrap();
    let scores = scored(&classifier, &[0.0, 1.0]);
    assert_close(classifier.probabilities(&scores.logits)[0], 0.5);
    assert_close(classifier.uncertainty(&scores), 1.0);
    let sure = scored(&classifier, &[-1.0, 0.0]);
    let probability = classifier.probabilities(&sure.logits)[0];
    assert_close(classifier.uncertainty(&sure), 2.0 * probability);
}

#[test]
fn no_direction() {
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let classifier = three(activation);
        let scores = scored(&classifier, &[0.0, 0.0]);
        assert!(scores.similarities.iter().all(|score| score.is_nan()));
        let probabilities = classifier.probabilities(&scores.logits);
        assert!(probabilities.iter().all(|probability| probability.is_nan()));
        assert_eq!(scores.best(), None);
        assert_eq!(scores.order(), [0, 1, 2]);
        assert!(classifier.uncertainty(&scores).is_nan());
    }
}

#[test]
fn ties_go_to_the_first() {
    let classes = vec![class("b", &[1.0, 0.0]), class("a", &[1.0, 0.0])];
    let classifier = Classifier::new(None, Activation::Softmax, 1.0, classes).unwrap();
    let scores = scored(&classifier, &[1.0, 0.5]);
    assert_eq!((scores.best(), scores.order()), (Some(0), vec![0, 1]));
}

#[test]
fn other_dimensions() {
    let message = |classifier: Classifier| {
        let mut scores = Scores::default();
        let error = classifier.score(&halves(&[1.0; 3]), &mut scores);
        error.unwrap_err().to_string()
    };
    assert_eq!(
        message(three(Activation::Softmax)),
        "embedding has 3 dimensions, the classifier by model \"some-model\" has 2"
    );
    let classes = vec![class("a", &[1.0])];
    let anonymous = Classifier::new(None, Activation::Sigmoid, 1.0, classes).unwrap();
    assert_eq!(
        message(anonymous),
        "embedding has 3 dimensions, the classifier has 1"
    );
}

#[test]
fn thresholds() {
    let classifier = three(Activation::Softmax);
    let set = classifier
        .clone()
        .with_thresholds([("map", Some(0.9)), ("портрет", None)]);
    assert_eq!(set.unwrap().thresholds(), [Some(0.9), None, None]);
    let unknown = classifier.clone().with_thresholds([("Map", None)]);
    assert!(matches!(unknown, Err(Error::UnknownLabel(label)) if label == "Map"));
    for threshold in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let outside = classifier
            .clone()
            .with_thresholds([("map", Some(threshold))]);
        assert!(matches!(outside, Err(Error::Threshold(_))), "{threshold}");
    }
}

#[test]
fn what_no_classifier_is() {
    use Activation::{Sigmoid, Softmax};
    let two = || vec![class("a", &[1.0]), class("b", &[2.0])];
    let with = |change: fn(&mut Vec<Class>)| {
        let mut classes = two();
        change(&mut classes);
        Classifier::new(origin(), Softmax, 1.0, classes).unwrap_err()
    };
    assert!(matches!(with(Vec::clear), Error::NoLabels));
    assert!(matches!(
        with(|classes| drop(classes.pop())),
        Error::OneLabel(_)
    ));
    assert!(matches!(
        with(|classes| classes[1].label = Some(String::new())),
        Error::EmptyLabel(2)
    ));
    assert!(matches!(
        with(|classes| classes[1].label = Some("a\0".into())),
        Error::Character(_)
    ));
    assert!(matches!(
        with(|classes| classes[1].label = Some("a".into())),
        Error::DuplicateLabel(_)
    ));
    assert!(matches!(
        with(|classes| classes[1].vector.push(1.0)),
        Error::VectorLength {
            position: 2,
            expected: 1,
            actual: 2
        }
    ));
    assert!(matches!(
        with(|classes| classes.iter_mut().for_each(|class| class.vector.clear())),
        Error::DimensionCount(0)
    ));
    assert!(matches!(
        with(|classes| classes
            .iter_mut()
            .for_each(|class| class.vector.resize(16_001, 0.0))),
        Error::DimensionCount(16_001)
    ));
    assert!(matches!(
        with(|classes| classes[0].vector[0] = f32::NAN),
        Error::Number { .. }
    ));
    assert!(matches!(
        with(|classes| classes[0].vector[0] = 1e10),
        Error::Number { .. }
    ));
    assert!(matches!(
        with(|classes| classes[0].bias = f64::INFINITY),
        Error::Number { .. }
    ));
    assert!(matches!(
        with(|classes| classes[0].threshold = Some(2.0)),
        Error::Threshold(_)
    ));
    for scale in [0.0, -1.0] {
        let error = Classifier::new(None, Sigmoid, scale, two()).unwrap_err();
        assert!(matches!(error, Error::Scale(_)), "{scale}");
    }
    for scale in [f64::NAN, 2e9] {
        let error = Classifier::new(None, Sigmoid, scale, two()).unwrap_err();
        assert!(matches!(error, Error::Number { .. }), "{scale}");
    }
    for identity in ["", "0123", &"x".repeat(64)] {
        let origin = Origin {
            name: "m".into(),
            identity: identity.to_owned(),
        };
        let error = Classifier::new(Some(origin), Softmax, 1.0, two()).unwrap_err();
        assert!(matches!(error, Error::Identity), "{identity}");
    }
    // Several distractors are fine.
    let mut distracted = two();
    distracted.iter_mut().for_each(|class| class.label = None);
    assert!(Classifier::new(None, Softmax, 1.0, distracted).is_ok());
}

#[test]
fn directions() {
    let mut direction = Direction::new(2);
    assert_eq!(direction.unit(), None);
    direction.add(&halves(&[0.0, 0.0]));
    assert_eq!(direction.unit(), None);
    direction.add(&halves(&[10.0, 0.0]));
    direction.add(&halves(&[0.0, 0.5]));
    let half = 0.5f32.sqrt();
    assert_eq!(direction.unit(), Some(vec![half, half]));
    direction.add(&halves(&[-1.0, 0.0]));
    direction.add(&halves(&[0.0, -1.0]));
    assert_eq!(direction.unit(), None);
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::Softmax), Just(Activation::Sigmoid)]
}

fn any_classifier() -> impl Strategy<Value = Classifier> {
    let classes = (1..20usize, 2..6usize).prop_flat_map(|(dimensions, count)| {
        let one = (
            proptest::option::of("\\PC{1,8}"),
            vec(-1e9..1e9f32, dimensions),
            -1e9..1e9f64,
            proptest::option::of(0.0..=1.0f64),
        );
        vec(one, count)
    });
    (any::<bool>(), activation(), 1e-9..1e9f64, classes).prop_map(
        |(known, activation, scale, classes)| {
            let classes = classes.into_iter().enumerate();
            let classes = classes.map(|(position, (label, vector, bias, threshold))| Class {
                // Distinct.
                label: label.map(|label| format!("{label}{position}")),
                vector,
                bias,
                threshold,
            });
            let origin = origin().filter(|_| known);
            Classifier::new(origin, activation, scale, classes.collect()).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn probabilities_are_probabilities(
        logits in vec(-1e6..1e6f64, 1..30),
        activation in activation(),
    ) {
        let mut probabilities = logits.clone();
        activation.apply(&mut probabilities);
        prop_assert!(probabilities.iter().all(|probability| (0.0..=1.0).contains(probability)));
        if activation == Activation::Softmax {
            prop_assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let one = three(activation);
        let single = one.probability(&logits, 0);
        prop_assert!((single - one.probabilities(&logits)[0]).abs() < 1e-12);
        // Larger logits have no smaller probabilities.
        for (&a, p) in logits.iter().zip(&probabilities) {
            for (&b, q) in logits.iter().zip(&probabilities) {
                prop_assert!(a < b || p >= q);
            }
        }
    }

    #[test]
    fn softmax_depends_on_differences(logits in vec(-50.0..50.0f64, 2..10), shift in -1e3..1e3f64) {
        let mut shifted: Vec<f64> = logits.iter().map(|logit| logit + shift).collect();
        let mut plain = logits;
        Activation::Softmax.apply(&mut plain);
        Activation::Softmax.apply(&mut shifted);
        for (a, b) in plain.iter().zip(&shifted) {
            prop_assert!((a - b).abs() < 1e-9);
        }
    }

    /// The softmax over "x" and "not x" is the sigmoid of what they differ by.
    #[test]
    fn pairs_are_differences(x in -100.0..100.0f64, not_x in -100.0..100.0f64) {
        let (mut pair, mut difference) = ([x, not_x], [x - not_x]);
        Activation::Softmax.apply(&mut pair);
        Activation::Sigmoid.apply(&mut difference);
        prop_assert!((pair[0] - difference[0]).abs() < 1e-12);
    }

    #[test]
    fn length_does_not_count(embedding in vec(0.25..1f32, 2), power in -4..5i32) {
        let longer: Vec<f32> = embedding.iter().map(|value| value * 2f32.powi(power)).collect();
        let classifier = three(Activation::Softmax);
        let (one, other) = (scored(&classifier, &embedding), scored(&classifier, &longer));
        for (a, b) in one.logits.iter().zip(&other.logits) {
            prop_assert!((a - b).abs() < 1e-5);
        }
    }

    #[test]
    fn order_begins_with_the_best(embedding in vec(-1.0..1f32, 2), activation in activation()) {
        let scores = scored(&three(activation), &embedding);
        if let Some(best) = scores.best() {
            let order = scores.order();
            prop_assert_eq!(order[0], best);
            prop_assert!(order.windows(2).all(|pair| scores.logits[pair[0]] >= scores.logits[pair[1]]));
        }
    }

    #[test]
    fn logits_are_finite(classifier in any_classifier(), element in -65504.0..65504f32) {
        let embedding = vec![element; classifier.dimensions()];
        let scores = scored(&classifier, &embedding);
        prop_assert!(scores.best().is_none() || scores.logits.iter().all(|logit| logit.is_finite()));
    }

    #[test]
    fn bytes_there_and_back(classifier in any_classifier()) {
        let bytes = classifier.to_bytes();
        let back = Classifier::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&back, &classifier);
        prop_assert_eq!(back.to_bytes(), bytes);
    }

    #[test]
    fn json_there_and_back(classifier in any_classifier()) {
        prop_assert_eq!(Classifier::from_json(&classifier.to_json()).unwrap(), classifier);
    }

    #[test]
    fn damage_is_found(classifier in any_classifier(), at in any::<prop::sample::Index>(), bit in 0..8u32) {
        let mut bytes = classifier.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Classifier::from_bytes(&bytes).is_err());
        bytes[at] ^= 1_u8 << bit;
        bytes.truncate(at);
        prop_assert!(Classifier::from_bytes(&bytes).is_err());
    }

    /// Also where somebody has made the fingerprint fit.
    #[test]
    fn forged_bytes_never_panic(
        classifier in any_classifier(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        use sha2::{Digest, Sha256};
        let mut bytes = classifier.to_bytes();
        for (at, byte) in edits {
            // Lengths and counts are near the front.
            let at = 16 + at.index((bytes.len() - 16).min(160));
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut.index(4));
        let digest = Sha256::digest(&bytes[16..]);
        bytes[..16].copy_from_slice(&digest[..16]);
        if let Ok(read) = Classifier::from_bytes(&bytes) {
            prop_assert_eq!(Classifier::from_bytes(&read.to_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(Classifier::from_bytes(&bytes).is_err());
    }

    #[test]
    fn any_text_never_panics(text in "\\PC*") {
        prop_assert!(Classifier::from_json(&text).is_err());
    }
}

#[test]
fn json_by_hand() {
    let json = r#"{"version":1,"model":{"name":"some-model","identity":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},"activation":"softmax","scale":10.0,"classes":[{"label":"map","bias":-0.25,"vector":[1.0,0.0]},{"label":"портрет","bias":0.0,"threshold":0.4,"vector":[0.0,1.0]},{"label":null,"bias":0.0,"vector":[-0.6,0.8]}]}"#;
    assert_eq!(three(Activation::Softmax).to_json(), json);
    assert_eq!(
        Classifier::from_json(json).unwrap(),
        three(Activation::Softmax)
    );
    let short = r#" {"version":1, "scale":1, "activation":"sigmoid", "classes":[{"label":"a","vector":[1]}]} "#;
    assert_eq!(Classifier::from_json(short).unwrap().origin(), None);
    for wrong in [
        "",
        "{}",
        "[1]",
        r#"{"version":2,"scale":1,"activation":"sigmoid","classes":[{"label":"a","vector":[1]}]}"#,
        r#"{"version":1,"scale":1,"activation":"pair","classes":[{"label":"a","vector":[1]}]}"#,
        r#"{"version":1,"scale":1,"activation":"sigmoid","classes":[{"label":"a","vector":[1e40]}]}"#,
        r#"{"version":1,"scale":1,"activation":"sigmoid","classes":[{"label":"a","vektor":[1]}]}"#,
        r#"{"version":1,"scale":1,"scale":1,"activation":"sigmoid","classes":[{"label":"a","vector":[1]}]}"#,
        r#"{"version":1,"scale":1,"activation":"sigmoid","classes":[{"label":"a","vector":[1]}]}x"#,
    ] {
        assert!(Classifier::from_json(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn version_is_read_first() {
    let mut bytes = three(Activation::Softmax).to_bytes();
    bytes[16] = 9;
    bytes.truncate(30);
    assert!(matches!(
        Classifier::from_bytes(&bytes),
        Err(Error::Version(9))
    ));
}
