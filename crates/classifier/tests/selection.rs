//! Which classes count, by number, by probability and by what the likeliest one has.

use classifier::{Activation, Class, Classifier, Scores, Selection};
use half::f16;
use proptest::prelude::*;

const ALL: Selection = Selection {
    top_k: usize::MAX,
    threshold: None,
    margin: None,
};

/// Three classes whose logits are the elements of an embedding of length 1, the second with a threshold.
fn three() -> Classifier {
    let axis = |n: usize| {
        let mut axis = vec![0.0; 3];
        axis[n] = 1.0;
        Class::new(Some(n.to_string()), axis)
    };
    let mut classes = vec![axis(0), axis(1), axis(2)];
    classes[1].threshold = Some(0.9);
    Classifier::new(None, Activation::Sigmoid, 4.0, classes).unwrap()
}

fn scores(embedding: [f32; 3]) -> Scores {
    let mut scores = Scores::default();
    three()
        .score(&embedding.map(f16::from_f32), &mut scores)
        .unwrap();
    scores
}

fn numbers(selected: Vec<(usize, f64)>) -> Vec<usize> {
    selected.into_iter().map(|(class, _)| class).collect()
}

#[test]
fn the_likeliest_comes_first() {
    let scores = scores([1.0, 2.0, -2.0]);
    assert_eq!(numbers(ALL.classes(&three(), &scores)), [1, 0, 2]);
    let two = Selection { top_k: 2, ..ALL };
    assert_eq!(numbers(two.classes(&three(), &scores)), [1, 0]);
}

#[test]
fn thresholds_are_for_all_or_of_each() {
    let scores = scores([1.0, 2.0, -2.0]);
    // About 0.79, 0.94 and 0.06.
    assert_eq!(numbers(ALL.labels(&three(), &scores)), [1, 0]);
    let given = Selection {
        threshold: Some(0.8),
        ..ALL
    };
    assert_eq!(numbers(given.labels(&three(), &scores)), [1]);
    assert_eq!(numbers(given.classes(&three(), &scores)), [1]);
    let low = Selection {
        threshold: Some(0.01),
        ..ALL
    };
    assert_eq!(numbers(low.labels(&three(), &scores)), [1, 0, 2]);
}

#[test]
fn margins_are_of_the_likeliest() {
    let scores = scores([1.0, 2.0, -2.0]);
    let near = |margin| Selection {
        margin: Some(margin),
        ..ALL
    };
    assert_eq!(numbers(near(0.8).classes(&three(), &scores)), [1, 0]);
    // The likeliest counts even so.
    assert_eq!(numbers(near(1.0).classes(&three(), &scores)), [1]);
}

#[test]
fn nothing_reaches_a_threshold_without_a_direction() {
    let scores = scores([0.0; 3]);
    assert!(ALL.labels(&three(), &scores).is_empty());
    assert_eq!(ALL.classes(&three(), &scores).len(), 3);
}

proptest! {
    #[test]
    fn a_narrower_selection_is_the_beginning(embedding in prop::array::uniform3(-2.0..2f32), top_k in 1..4_usize, threshold in 0.0..1.0) {
        prop_assume!(embedding.iter().any(|element| element.abs() > 0.01));
        let scores = scores(embedding);
        let all = ALL.classes(&three(), &scores);
        let narrower = Selection { top_k, threshold: Some(threshold), margin: None }.classes(&three(), &scores);
        prop_assert!(narrower.len() <= top_k);
        prop_assert!(all.starts_with(&narrower));
        prop_assert!(narrower.iter().all(|&(_, probability)| probability >= threshold));
    }
}
