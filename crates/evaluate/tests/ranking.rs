//! Metrics of rankings: scikit-learn's figures, and definitions written out naively.

use evaluate::Ranking;
use proptest::prelude::*;
use std::num::NonZeroU64;

/// Calls with the ranking of rows that are relevant or not.
fn ranked<T>(rows: &[(bool, f64)], metric: impl FnOnce(&Ranking<'_>) -> T) -> T {
    let scores = |wanted| {
        rows.iter()
            .filter(move |(relevant, _)| *relevant == wanted)
            .map(|(_, score)| *score)
    };
    let (mut relevant, mut others): (Vec<f64>, Vec<f64>) =
        (scores(true).collect(), scores(false).collect());
    metric(&Ranking::new(&mut relevant, &mut others, || ()))
}

fn precision_at(rows: &[(bool, f64)], depth: u64) -> Option<f64> {
    ranked(rows, |ranking| {
        ranking.precision_at(NonZeroU64::new(depth).unwrap())
    })
}

/// Rows from their truth and their scores.
fn rows(truth: &[u8], scores: &[f64]) -> Vec<(bool, f64)> {
    truth
        .iter()
        .zip(scores)
        .map(|(&truth, &score)| (truth == 1, score))
        .collect()
}

/// `average_precision_score`, and of the thresholds of `precision_recall_curve` the highest with the largest F1, by
/// scikit-learn 1.7.2.
#[track_caller]
fn assert_sklearn(rows: &[(bool, f64)], average_precision: f64, best_threshold: f64) {
    let found = ranked(rows, |r| r.average_precision()).unwrap();
    assert!((found - average_precision).abs() < 1e-14, "{found}");
    assert_eq!(ranked(rows, |r| r.best_threshold()), Some(best_threshold));
}

#[test]
fn figures_are_those_of_scikit_learn() {
    assert_sklearn(
        &rows(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8]),
        0.8333333333333333,
        0.35,
    );
    assert_sklearn(&rows(&[1, 1, 0], &[0.5, 0.5, 0.5]), 0.6666666666666666, 0.5);
    assert_sklearn(&rows(&[0, 1], &[0.9, 0.1]), 0.5, 0.1);
    assert_sklearn(
        &rows(
            &[1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1],
            &[0.9, 0.9, 0.8, 0.7, 0.7, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3, 0.1],
        ),
        0.548941798941799,
        0.5,
    );
    // A thousand rows with a hundred scores, of a linear congruential generator.
    let mut state = 12345_u64;
    let mut random = || {
        state = (state * 1_103_515_245 + 12345) % (1 << 31);
        (state >> 16) % 100
    };
    let many: Vec<(bool, f64)> = (0..1000)
        .map(|_| {
            let (score, chance) = (random(), random());
            (chance < score / 2, score as f64 / 100.0)
        })
        .collect();
    assert_sklearn(&many, 0.4010464818110309, 0.56);
}

#[test]
fn ties_count_by_their_expected_share() {
    let tied = rows(&[1, 1, 0, 0, 1, 0], &[0.9, 0.5, 0.5, 0.5, 0.5, 0.1]);
    assert_eq!(precision_at(&tied, 1), Some(1.0));
    // One of four places that two relevant rows share.
    assert_eq!(
        precision_at(&tied, 2),
        Some((1.0 + 2.0 * (1.0 / 4.0)) / 2.0)
    );
    assert_eq!(precision_at(&tied, 5), Some(3.0 / 5.0));
    assert_eq!(precision_at(&tied, 10), Some(3.0 / 10.0));
    assert_eq!(
        ranked(&tied, |r| r.r_precision()),
        Some((1.0 + 2.0 * (2.0 / 4.0)) / 3.0)
    );
}

#[test]
fn infinite_scores_have_their_place() {
    let extremes = rows(&[1, 0, 1], &[f64::INFINITY, 0.0, f64::NEG_INFINITY]);
    assert_eq!(precision_at(&extremes, 1), Some(1.0));
    assert_eq!(
        ranked(&extremes, |r| r.average_precision()),
        Some((1.0 + 2.0 / 3.0) / 2.0)
    );
}

#[test]
fn without_a_relevant_row_there_is_nothing_to_find() {
    for rows in [rows(&[], &[]), rows(&[0, 0], &[0.2, 0.1])] {
        assert_eq!(ranked(&rows, |r| r.average_precision()), None);
        assert_eq!(ranked(&rows, |r| r.r_precision()), None);
        assert_eq!(ranked(&rows, |r| r.best_threshold()), None);
        assert_eq!(precision_at(&rows, 3), None);
    }
}

#[test]
fn sorting_pauses() {
    let mut pauses = 0;
    let mut scores: Vec<f64> = (0..1_000_000_u64)
        .map(|n| (n * 7919 % 1_000_003) as f64)
        .collect();
    Ranking::new(&mut scores, &mut [], || pauses += 1);
    assert!(pauses > 5, "{pauses}");
    assert!(scores.is_sorted_by(|a, b| a >= b));
}

proptest! {
    #[test]
    fn metrics_are_as_defined(
        given in proptest::collection::vec((any::<bool>(), 0_u8..12), 1..40).prop_filter("none relevant", |rows| {
            rows.iter().any(|(relevant, _)| *relevant)
        }),
        depth in 1_usize..50,
    ) {
        let given: Vec<(bool, f64)> = given.into_iter().map(|(relevant, score)| (relevant, f64::from(score))).collect();
        let all = given.iter().filter(|(relevant, _)| *relevant).count() as f64;
        let at = |threshold: f64| {
            let kept = given.iter().filter(|(_, score)| *score >= threshold);
            (kept.clone().filter(|(relevant, _)| *relevant).count() as f64, kept.count() as f64)
        };

        // At each relevant row the precision of those that score as high.
        let relevant = given.iter().filter(|(relevant, _)| *relevant);
        let average = relevant.map(|(_, score)| at(*score)).map(|(relevant, rows)| relevant / rows).sum::<f64>() / all;
        prop_assert!((ranked(&given, |r| r.average_precision()).unwrap() - average).abs() < 1e-12);

        // The mean over orders in which each row of the tie that goes across the depth has each of its places.
        let mut sorted = given.clone();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let ties: Vec<&[(bool, f64)]> = sorted.chunk_by(|a, b| a.1 == b.1).collect();
        let across = sorted.get(depth - 1).map_or(1, |(_, score)| sorted.iter().filter(|row| row.1 == *score).count());
        let precisions = (0..across).map(|turn| {
            let turned = ties.iter().flat_map(|tie| {
                let (first, rest) = tie.split_at(turn % tie.len());
                [rest, first].concat()
            });
            turned.take(depth).filter(|(relevant, _)| *relevant).count() as f64 / depth as f64
        });
        let mean = precisions.sum::<f64>() / across as f64;
        prop_assert!((precision_at(&given, depth as u64).unwrap() - mean).abs() < 1e-12);

        let f1 = |threshold: f64| {
            let (relevant, rows) = at(threshold);
            2.0 * relevant / (rows + all)
        };
        let best = given.iter().map(|(_, score)| f1(*score)).fold(0.0, f64::max);
        let threshold = ranked(&given, |r| r.best_threshold()).unwrap();
        prop_assert!(f1(threshold) > best - 1e-12);
        prop_assert!(given.iter().all(|(_, score)| *score <= threshold || f1(*score) < best - 1e-12));
    }
}
