//! Rows that go, slots that are used again, and crashes in between.

use std::collections::HashSet;

use crate::common::*;
use graph::check::check;
use graph::index::{Index, Parameters};
use graph::insert::insert;
use graph::mem::MemStore;
use graph::retrain::retrain;
use graph::space::Metric;
use graph::store::PageStore;
use graph::vacuum::bulk_delete;
use half::f16;

fn build<'s>(store: &'s MemStore, metric: Metric, data: &[Vec<f16>]) -> Index<&'s MemStore> {
    built(store, parameters(metric), data, ALONE)
}

/// Nodes in a thousand that may be out of reach after churn.
const LOST: usize = 1;

#[test]
fn recall_recovers_after_nine_of_ten_rows_are_gone() {
    for metric in [Metric::Cosine, Metric::L2] {
        let data = vectors(4_000, 1);
        let store = MemStore::new();
        let mut index = build(&store, metric, &data[..3_000]);
        let done = bulk_delete(&mut index, |tid| row(tid) % 10 != 3).unwrap();
        assert_eq!(
            (done.rows, done.removed, done.nodes, done.freed),
            (300, 2_700, 300, 2_700)
        );
        let left: Vec<usize> = (3..3_000).step_by(10).collect();
        let recall_left = recall(&index, metric, &data, &left, 40);
        assert!(recall_left >= 0.97, "{metric:?}: {recall_left}");
        let report = whole(&index);
        assert_eq!((report.live, report.dying, report.unreachable), (300, 0, 0));
        assert_eq!(everything(&index, &data[0]), 300);

        let blocks = store.blocks().unwrap();
        insert_from(&mut index, &data, 3_000);
        assert_eq!(store.blocks().unwrap(), blocks, "slots used again");
        let report = whole(&index);
        assert!(report.unreachable <= LOST, "{report:?}");
        let rows: Vec<usize> = left.into_iter().chain(3_000..4_000).collect();
        let again = recall(&index, metric, &data, &rows, 40);
        assert!(again >= 0.95, "{metric:?}: {again}");
    }
}

/// Nodes on a closed curve are all that a list of the nearest leads to: the way round, and out of a fold
/// that passes near the query, is by long edges.
#[test]
fn long_edges_stay_when_their_neighbours_go() {
    let on_curve = |n: usize| -> Vec<f16> {
        let value = |i: f64| (n as f64 * (1.0 + i / 10.0) + i).sin() + 0.5;
        (1..=8)
            .map(|i| f16::from_f64(value(f64::from(i))))
            .collect()
    };
    let data: Vec<Vec<f16>> = (1..=4_500).map(on_curve).collect();
    let parameters = Parameters {
        metric: Metric::L2,
        dims: 8,
        m: 16,
        ef_construction: 64,
        columns: 0,
    };
    let store = MemStore::new();
    let mut index = built(&store, parameters, &data[..3_000], ALONE);
    insert_from(&mut index, &data, 3_000);
    bulk_delete(&mut index, |tid| row(tid).is_multiple_of(3)).unwrap();
    let kept: Vec<usize> = (0..data.len()).filter(|row| row % 3 != 0).collect();
    let lost: Vec<usize> = (5_000..5_500)
        .filter(|&n| {
            let query = on_curve(n);
            let exact = kept
                .iter()
                .map(|&row| distance(Metric::L2, &query, &data[row]));
            let exact = exact.fold(f64::INFINITY, f64::min);
            let found = nearest(&index, &data, &query, 40, 1)[0];
            distance(Metric::L2, &query, &data[found]) > exact + 0.1
        })
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// Clusters become islands when the nodes between them go.
#[test]
fn clusters_stay_within_reach_through_churn() {
    let data = vectors(16_000, 1);
    let store = MemStore::new();
    let mut index = build(&store, Metric::Cosine, &data[..6_000]);
    let mut rows: Vec<usize> = (0..6_000).collect();
    for round in 1..=4 {
        let gone = |row: usize| (row * 7_919 + round * 31) % 100 < 40;
        bulk_delete(&mut index, |tid| gone(row(tid))).unwrap();
        rows.retain(|&row| !gone(row));
        let lost = rows.len() - found_by_themselves(&index, &data, &rows);
        assert!(lost * 500 <= rows.len(), "round {round}: {lost} lost");
        let new = 4_000 + round * 2_000..6_000 + round * 2_000;
        for (vector, row) in data[new.clone()].iter().zip(new) {
            insert(&mut index, vector, tid(row)).unwrap();
            rows.push(row);
        }
        let lost = rows.len() - found_by_themselves(&index, &data, &rows);
        assert!(lost * 500 <= rows.len(), "after round {round}: {lost} lost");
    }
    whole(&index);
}

#[test]
fn each_row_is_asked_about_once() {
    let data = vectors(600, 1);
    let store = MemStore::new();
    let mut index = build(&store, Metric::L2, &data);
    for row in 600..1_600 {
        insert(&mut index, &data[0], tid(row)).unwrap();
    }
    let mut seen = HashSet::new();
    let done = bulk_delete(&mut index, |tid| {
        assert!(seen.insert(tid));
        false
    })
    .unwrap();
    assert_eq!((seen.len(), done.rows, done.mended), (1_600, 1_600, 0));
}

#[test]
fn an_emptied_index_fills_again() {
    let data = vectors(700, 1);
    let store = MemStore::new();
    let mut index = build(&store, Metric::Cosine, &data);
    let done = bulk_delete(&mut index, |_| true).unwrap();
    assert_eq!((done.rows, done.freed), (0, 700));
    assert_eq!(everything(&index, &data[0]), 0);
    for (row, vector) in data.iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    assert_eq!(everything(&index, &data[0]), 700);
    whole(&index);
}

#[test]
fn long_chains_shrink_and_go() {
    let data = vectors(2, 1);
    let store = MemStore::new();
    let mut index = Index::create(&store, &parameters(Metric::Cosine)).unwrap();
    insert(&mut index, &data[1], tid(5_000)).unwrap();
    for row in 0..3_000 {
        insert(&mut index, &data[0], tid(row)).unwrap();
    }
    let chunks = check(&index).unwrap().0.overflow;
    let done = bulk_delete(&mut index, |tid| (200..2_900).contains(&row(tid))).unwrap();
    assert_eq!((done.rows, done.nodes), (301, 2));
    let report = whole(&index);
    assert!(
        report.overflow < chunks && report.orphans == 0,
        "{report:?}"
    );
    assert_eq!(everything(&index, &data[0]), 301);
    bulk_delete(&mut index, |tid| row(tid) < 3_000).unwrap();
    let report = check(&index).unwrap().0;
    assert_eq!((report.live, report.overflow, report.rows), (1, 0, 1));
}

#[test]
fn what_nothing_leads_to_is_linked_again() {
    let data = vectors(800, 2);
    for trained in [false, true] {
        let store = MemStore::new();
        let mut index = inserted(&store, &parameters(Metric::L2), &data);
        if trained {
            retrain(&mut index).unwrap();
        }
        let shape = *index.shape();
        for block in 1..store.blocks().unwrap() {
            store.spoil(block, |page| {
                for number in 0..if page.has_slots() { shape.slots } else { 0 } {
                    let mut slot = page.slot_mut(&shape, number);
                    // Some lead to others still: islands.
                    let degree = slot.get().degree();
                    slot.set_degree(if number % 2 == 0 { 0 } else { degree / 4 });
                }
            });
        }
        assert!(check(&index).unwrap().0.unreachable > 300);
        let done = bulk_delete(&mut index, |_| false).unwrap();
        assert!(done.mended > 0 && done.freed == 0);
        let report = whole(&index);
        assert_eq!(report.unreachable, 0);
        assert_eq!(everything(&index, &data[0]), 800);
    }
}

/// Searches wait for no vacuum that has nothing to change where they are.
#[test]
fn pages_are_locked_for_writing_only_to_change_them() {
    let data = vectors(1_500, 1);
    let store = MemStore::new();
    let mut index = build(&store, Metric::L2, &data);
    for row in 1_500..2_500 {
        insert(&mut index, &data[0], tid(row)).unwrap();
    }
    bulk_delete(&mut index, |_| false).unwrap();
    let before = (store.writes(), store.commits());
    bulk_delete(&mut index, |_| false).unwrap();
    retrain(&mut index).unwrap();
    assert_eq!((store.writes(), store.commits()), before);
    bulk_delete(&mut index, |tid| row(tid) == 7 || row(tid) == 2_000).unwrap();
    let (writes, commits) = (store.writes() - before.0, store.commits() - before.1);
    assert!(
        writes == commits && commits < 200,
        "{writes} writes, {commits} commits"
    );
}

#[test]
fn a_crash_anywhere_in_vacuum_or_training_leaves_a_valid_index() {
    let data = vectors(560, 5);
    let full = MemStore::new();
    let mut index = inserted(&full, &parameters(Metric::L2), &data);
    for row in 560..900 {
        insert(&mut index, &data[4], tid(row)).unwrap();
    }
    let mut commits = 0;
    loop {
        let store = full.restart();
        let mut index = Index::open(&store, None).unwrap();
        store.crash_after(commits);
        let gone = |row: usize| !(40..600).contains(&row);
        let crashed = bulk_delete(&mut index, |tid| gone(row(tid)))
            .and_then(|_| retrain(&mut index))
            .is_err();
        let store = store.restart();
        let mut index = Index::open(&store, None).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "after {commits} commits");
        let left: Vec<usize> = (40..560).collect();
        let found = found_by_themselves(&index, &data, &left);
        assert!(found >= 519, "{found} of 520 after {commits} commits");
        // The next vacuum ends what this one began.
        bulk_delete(&mut index, |tid| gone(row(tid))).unwrap();
        retrain(&mut index).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "after {commits} commits");
        assert_eq!((report.rows, report.dying, report.orphans), (560, 0, 0));
        assert_eq!(report.unreachable, 0, "after {commits} commits");
        assert_eq!(report.uncoded, 0, "after {commits} commits");
        if !crashed {
            break;
        }
        commits += 1 + commits / 6;
    }
}

#[test]
fn a_crash_between_writing_and_linking_a_chain_leaves_what_vacuum_removes() {
    let data = vectors(1, 1);
    let mut orphans = 0;
    for commits in 0..400 {
        let store = MemStore::new();
        let mut index = Index::create(&store, &parameters(Metric::L2)).unwrap();
        store.crash_after(commits);
        let done = (0..)
            .take_while(|&row| insert(&mut index, &data[0], tid(row)).is_ok())
            .count();
        let store = store.restart();
        let mut index = Index::open(&store, None).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "after {commits} commits");
        orphans += report.orphans;
        assert_eq!(
            everything(&index, &data[0]),
            done,
            "after {commits} commits"
        );
        // The row whose insertion was cut short belongs to a transaction that never ended.
        bulk_delete(&mut index, |tid| row(tid) == done).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(
            (report.rows, report.orphans),
            (done, 0),
            "after {commits} commits"
        );
    }
    assert!(orphans > 0);
}
