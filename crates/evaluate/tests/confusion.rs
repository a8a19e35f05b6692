//! Figures of confusion matrices: published ones, scikit-learn's, and what holds of all.

use evaluate::{Confusion, Error, MAX_COUNT, MAX_LABEL_BYTES, MAX_LABELS, Tally};
use proptest::prelude::*;

fn confusion(labels: &[&str], counts: &[&[u64]], none: &[u64]) -> Confusion {
    let mut tally = Tally::default();
    for (truth, row) in labels.iter().zip(counts) {
        for (predicted, &rows) in labels.iter().zip(*row) {
            // A pair without a row does make its labels known.
            tally.add(truth, Some(predicted), rows).unwrap();
        }
    }
    for (truth, &rows) in labels.iter().zip(none) {
        tally.add(truth, None, rows).unwrap();
    }
    tally.confusion()
}

/// Illustrations of French newspapers, as printed in "Image-Language Models in the Library" (BnF, 2023).
fn newspapers() -> Confusion {
    confusion(
        &[
            "Chart",
            "Comics",
            "Drawing",
            "Engraving",
            "Games",
            "Manuscript",
            "Map",
            "Photo",
            "Score",
        ],
        &[
            &[251, 0, 108, 15, 8, 12, 3, 2, 16],
            &[0, 281, 11, 0, 0, 0, 0, 0, 0],
            &[3, 23, 1738, 15, 0, 2, 0, 31, 0],
            &[0, 32, 51, 537, 0, 1, 0, 73, 0],
            &[0, 0, 0, 41, 198, 15, 0, 20, 2],
            &[0, 0, 4, 1, 0, 80, 0, 2, 1],
            &[6, 0, 7, 0, 0, 0, 292, 2, 2],
            &[11, 11, 73, 54, 1, 0, 3, 2749, 1],
            &[0, 0, 2, 0, 0, 0, 0, 0, 136],
        ],
        &[],
    )
}

/// Photographs of bindings under restoration, from the same.
fn conservation() -> Confusion {
    confusion(
        &[
            "Coins",
            "Dos",
            "Etiquette",
            "Fleuron",
            "Illustration",
            "Nerfs",
            "Papier",
            "Plat",
        ],
        &[
            &[9, 17, 0, 1, 0, 1, 1, 1],
            &[2, 36, 0, 6, 0, 3, 0, 1],
            &[5, 17, 11, 6, 0, 2, 0, 14],
            &[2, 18, 0, 31, 0, 7, 6, 13],
            &[9, 2, 1, 12, 19, 1, 3, 47],
            &[0, 46, 1, 0, 0, 26, 4, 1],
            &[3, 4, 0, 0, 0, 2, 21, 4],
            &[7, 30, 1, 5, 0, 11, 4, 11],
        ],
        &[],
    )
}

fn percentages(shares: impl IntoIterator<Item = f64>) -> Vec<String> {
    shares
        .into_iter()
        .map(|share| format!("{:.2}", share * 100.0))
        .collect()
}

#[test]
fn published_figures_come_out() {
    let recalls =
        |confusion: &Confusion| percentages(confusion.report().iter().map(|row| row.recall));
    let newspapers = newspapers();
    assert_eq!(
        percentages([newspapers.accuracy().unwrap().micro]),
        ["90.40"]
    );
    assert_eq!(
        recalls(&newspapers),
        [
            "60.48", "96.23", "95.92", "77.38", "71.74", "90.91", "94.50", "94.70", "98.55"
        ]
    );
    let conservation = conservation();
    assert_eq!(
        percentages([conservation.accuracy().unwrap().micro]),
        ["33.81"]
    );
    assert_eq!(
        recalls(&conservation),
        [
            "30.00", "75.00", "20.00", "40.26", "20.21", "33.33", "61.76", "15.94"
        ]
    );
}

/// The figures of `accuracy_score`, `precision_recall_fscore_support` (macro, then F1 weighted), `balanced_accuracy_score`
/// and `cohen_kappa_score` of scikit-learn 1.7.2, `zero_division=0`; of rows without a prediction by a label more, which
/// is not among `labels`.
#[track_caller]
fn assert_accuracy(confusion: &Confusion, expected: [f64; 7]) {
    let a = confusion.accuracy().unwrap();
    let figures = [
        a.micro,
        a.macro_precision,
        a.macro_recall,
        a.macro_f1,
        a.weighted_f1,
        a.balanced,
        a.kappa,
    ];
    for (figure, expected) in figures.iter().zip(expected) {
        assert!((figure - expected).abs() < 1e-14, "{figures:?}");
    }
}

#[test]
fn figures_are_those_of_scikit_learn() {
    assert_accuracy(
        &newspapers(),
        [
            0.9039988450988884,
            0.8774258103198626,
            0.8671121240460361,
            0.8639878283589201,
            0.9017712302903774,
            0.8671121240460361,
            0.8689779282609817,
        ],
    );
    assert_accuracy(
        &conservation(),
        [
            0.33814432989690724,
            0.4871889687175061,
            0.3706407180229757,
            0.35153325837715527,
            0.34557941047134727,
            0.3706407180229757,
            0.24751321932970516,
        ],
    );
    let precisions: Vec<f64> = conservation()
        .report()
        .iter()
        .map(|row| row.precision)
        .collect();
    assert_eq!(
        percentages(precisions),
        [
            "24.32", "21.18", "78.57", "50.82", "100.00", "49.06", "53.85", "11.96"
        ]
    );
}

#[test]
fn labels_may_be_on_one_side_only() {
    // No row is "c", "d" is never predicted, and three rows have no prediction.
    let sides = confusion(
        &["a", "b", "c", "d"],
        &[&[3, 1, 2, 0], &[0, 5, 1, 0], &[0, 0, 0, 0], &[1, 2, 0, 0]],
        &[2, 0, 0, 1],
    );
    assert_accuracy(
        &sides,
        [
            0.4444444444444444,
            0.34375,
            0.30208333333333337,
            0.3035714285714286,
            0.46031746031746024,
            0.40277777777777785,
            0.2622950819672131,
        ],
    );
    let report = sides.report();
    assert_eq!((report[2].support, report[2].predicted), (0, 3));
    assert_eq!(
        (report[2].precision, report[2].recall, report[2].f1),
        (0.0, 0.0, 0.0)
    );
    assert_eq!((report[3].support, report[3].predicted), (4, 0));
    assert_eq!(
        (report[3].precision, report[3].recall, report[3].f1),
        (0.0, 0.0, 0.0)
    );
}

#[test]
fn no_rows_have_no_accuracy() {
    assert_eq!(Tally::default().confusion().accuracy(), None);
    assert!(Tally::default().confusion().report().is_empty());
    assert_eq!(confusion(&["a"], &[&[0]], &[]).accuracy(), None);
}

#[test]
fn chance_that_leaves_nothing_to_gain_has_kappa_0() {
    let accuracy = confusion(&["a"], &[&[7]], &[]).accuracy().unwrap();
    assert_eq!((accuracy.micro, accuracy.kappa), (1.0, 0.0));
}

#[test]
fn json_is_checked() {
    let error = |json: &str| Confusion::from_json(json).unwrap_err();
    assert!(matches!(error("{"), Error::Json(_)));
    assert!(matches!(error(r#"[["a"], [[1]], null]"#), Error::Json(_)));
    assert!(matches!(error(r#"{"labels": ["a"]}"#), Error::Json(_)));
    assert!(matches!(
        error(r#"{"labels": ["a"], "counts": [[-1]]}"#),
        Error::Json(_)
    ));
    assert!(matches!(
        error(r#"{"labels": ["a"], "counts": [[0.5]]}"#),
        Error::Json(_)
    ));
    assert!(matches!(
        error(r#"{"labels": ["a"], "counts": [[1]], "more": 1}"#),
        Error::Json(_)
    ));
    let shape = |json: &str| error(json).to_string();
    assert_eq!(
        shape(r#"{"labels": ["a", "b"], "counts": [[1, 2]]}"#),
        "\"counts\" of a confusion matrix has 1 elements for 2 labels"
    );
    assert_eq!(
        shape(r#"{"labels": ["a", "b"], "counts": [[1, 2], [3]]}"#),
        "\"counts[1]\" of a confusion matrix has 1 elements for 2 labels"
    );
    assert_eq!(
        shape(r#"{"labels": ["a"], "counts": [[1]], "none": []}"#),
        "\"none\" of a confusion matrix has 0 elements for 1 labels"
    );
    assert!(matches!(
        error(r#"{"labels": ["a", "a"], "counts": [[1, 2], [3, 4]]}"#),
        Error::DuplicateLabel(label) if label == "a"
    ));
    let much = format!(r#"{{"labels": ["a"], "counts": [[{MAX_COUNT}]], "none": [1]}}"#);
    assert!(matches!(error(&much), Error::TooManyRows));
    let labels: Vec<String> = (0..=MAX_LABELS).map(|n| n.to_string()).collect();
    let many = serde_json::json!({ "labels": labels, "counts": [] }).to_string();
    assert!(matches!(error(&many), Error::TooManyLabels));
}

#[test]
fn tallies_have_limits() {
    let mut tally = Tally::default();
    for n in 0..MAX_LABELS {
        tally.add(&n.to_string(), Some("0"), 1).unwrap();
    }
    tally.add("0", Some("1"), 1).unwrap();
    assert!(matches!(
        tally.add("0", Some("one more"), 1),
        Err(Error::TooManyLabels)
    ));
    assert!(matches!(
        tally.add("0", None, u64::MAX),
        Err(Error::TooManyRows)
    ));
}

fn pairs() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    proptest::collection::vec(
        ("[a-e]{1,2}|é|図", proptest::option::of("[a-f]{1,2}|図")),
        0..60,
    )
}

fn tally(pairs: &[(String, Option<String>)]) -> Tally {
    let mut tally = Tally::default();
    for (truth, predicted) in pairs {
        tally.add(truth, predicted.as_deref(), 1).unwrap();
    }
    tally
}

proptest! {
    #[test]
    fn parts_add_up_to_the_whole(pairs in pairs(), at in 0_usize..60) {
        let (first, second) = pairs.split_at(at.min(pairs.len()));
        let mut merged = Tally::from_json(&tally(second).to_json()).unwrap();
        merged.merge(&tally(first)).unwrap();
        prop_assert_eq!(merged.confusion(), tally(&pairs).confusion());
    }

    #[test]
    fn json_is_read_back(pairs in pairs()) {
        let confusion = tally(&pairs).confusion();
        prop_assert_eq!(Confusion::from_json(&confusion.to_json()).unwrap(), confusion);
    }

    #[test]
    fn figures_are_shares_of_the_rows(pairs in pairs()) {
        let confusion = tally(&pairs).confusion();
        for row in confusion.report() {
            let with_label = pairs.iter().filter(|(truth, _)| truth == row.label);
            prop_assert_eq!(row.support, with_label.count() as u64);
            let predicted = pairs.iter().filter(|(_, predicted)| predicted.as_deref() == Some(row.label));
            prop_assert_eq!(row.predicted, predicted.count() as u64);
            prop_assert!([row.precision, row.recall, row.f1].iter().all(|share| (0.0..=1.0).contains(share)));
        }
        prop_assert_eq!(confusion.support(), pairs.len() as u64);
        if let Some(accuracy) = confusion.accuracy() {
            let hits = pairs.iter().filter(|(truth, predicted)| predicted.as_ref() == Some(truth));
            prop_assert!((accuracy.micro - hits.count() as f64 / pairs.len() as f64).abs() < 1e-15);
            prop_assert!(accuracy.kappa <= 1.0);
        }
    }
}

#[test]
fn long_labels_are_refused() {
    let longest = "a".repeat(MAX_LABEL_BYTES);
    let longer = "a".repeat(MAX_LABEL_BYTES + 1);
    let mut tally = Tally::default();
    tally.add(&longest, None, 1).unwrap();
    assert!(
        matches!(tally.add("a", Some(&longer), 1), Err(Error::LongLabel(n)) if n == longer.len())
    );
    let json = format!(r#"{{"labels": ["{longer}"], "counts": [[1]]}}"#);
    assert!(matches!(
        Confusion::from_json(&json),
        Err(Error::LongLabel(_))
    ));
}
