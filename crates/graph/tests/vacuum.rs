//! Rows that go, slots that are used again, and bases learned late.

mod common;

use std::collections::HashSet;

use common::*;
use graph::build::Builder;
use graph::census::census;
use graph::check::check;
use graph::index::{Index, Parameters};
use graph::insert::insert;
use graph::mem::{MemStore, interleave};
use graph::random::Random;
use graph::retrain::retrain;
use graph::scan::{Order, Row, Scan};
use graph::space::Metric;
use graph::store::PageStore;
use graph::threads::Threads;
use graph::vacuum::bulk_delete;
use half::f16;

fn build<'s>(store: &'s MemStore, metric: Metric, data: &[Vec<f16>]) -> Index<&'s MemStore> {
    let mut builder = Builder::new(parameters(metric), usize::MAX).unwrap();
    for (row, vector) in data.iter().enumerate() {
        builder.push(vector, tid(row)).unwrap();
    }
    let threads = Threads {
        count: 1,
        spawning: |start| start(),
    };
    builder.finish(store, threads, |_, _, _| ()).unwrap()
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
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0]);
        assert_eq!((report.live, report.dying, report.unreachable), (300, 0, 0));
        assert_eq!(everything(&index, &data[0]), 300);

        let blocks = store.blocks().unwrap();
        for (row, vector) in data.iter().enumerate().skip(3_000) {
            insert(&mut index, vector, tid(row)).unwrap();
        }
        assert_eq!(store.blocks().unwrap(), blocks, "slots used again");
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0]);
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
    };
    let store = MemStore::new();
    let mut builder = Builder::new(parameters, usize::MAX).unwrap();
    for (row, vector) in data[..3_000].iter().enumerate() {
        builder.push(vector, tid(row)).unwrap();
    }
    let threads = Threads {
        count: 1,
        spawning: |start| start(),
    };
    let mut index = builder.finish(&store, threads, |_, _, _| ()).unwrap();
    for (row, vector) in data.iter().enumerate().skip(3_000) {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    bulk_delete(&mut index, |tid| row(tid).is_multiple_of(3)).unwrap();
    let kept: Vec<usize> = (0..data.len()).filter(|row| row % 3 != 0).collect();
    let lost: Vec<usize> = (5_000..5_500)
        .filter(|&n| {
            let query = on_curve(n);
            let exact = kept
                .iter()
                .map(|&row| distance(Metric::L2, &query, &data[row]));
            let exact = exact.fold(f64::INFINITY, f64::min);
            let found = answers(&index, &query, 40, 1)[0];
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
    assert_eq!(check(&index).unwrap().0.problems, [""; 0]);
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
    assert_eq!(check(&index).unwrap().0.problems, [""; 0]);
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
    let report = check(&index).unwrap().0;
    assert_eq!(report.problems, [""; 0]);
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
fn a_basis_is_learned_when_there_are_rows_enough() {
    let data = vectors(1_200, 1);
    for metric in [Metric::Cosine, Metric::L2] {
        let store = MemStore::new();
        let mut index = Index::create(&store, &parameters(metric)).unwrap();
        for (row, vector) in data[..100].iter().enumerate() {
            insert(&mut index, vector, tid(row)).unwrap();
        }
        retrain(&mut index).unwrap();
        assert_eq!(index.meta().epoch, 0);
        for (row, vector) in data.iter().enumerate().take(900).skip(100) {
            insert(&mut index, vector, tid(row)).unwrap();
        }
        retrain(&mut index).unwrap();
        assert_eq!((index.meta().epoch, index.meta().recoded), (1, 1));
        assert_eq!(check(&index).unwrap().0.uncoded, 0);
        for (row, vector) in data.iter().enumerate().skip(900) {
            insert(&mut index, vector, tid(row)).unwrap();
        }
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0]);
        assert_eq!(report.uncoded, 0);
        let rows: Vec<usize> = (0..data.len()).collect();
        let recall = recall(&index, metric, &data, &rows, 40);
        assert!(recall >= 0.95, "{metric:?}: {recall}");
        assert!(found_by_themselves(&index, &data, &rows) >= 1_199);
    }
}

/// The mean share of the ten nearest rows that scans for some of `data` itself find, and the nodes that these visit.
fn recall_of_own(index: &Index<&MemStore>, metric: Metric, data: &[Vec<f16>]) -> (f64, usize) {
    let queries = data.iter().step_by(10);
    let (mut found, mut hops) = (0, 0);
    for query in queries.clone() {
        let mut exact: Vec<f64> = data.iter().map(|x| distance(metric, query, x)).collect();
        exact.sort_by(f64::total_cmp);
        let mut scan = Scan::new(index.query(query).unwrap(), options(20, Order::Strict));
        for _ in 0..10 {
            if let Some(Row { tid, .. }) = scan.next_row(index).unwrap() {
                found += usize::from(distance(metric, query, &data[row(tid)]) <= exact[9]);
            }
        }
        hops += scan.hops();
    }
    (
        found as f64 / (10 * queries.len()) as f64,
        hops / queries.len(),
    )
}

#[test]
fn codes_serve_vectors_whose_lengths_differ_by_any_factor() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for decades in [0.0, 4.0, 9.0] {
            let mut random = Random::new(5);
            let mut data = vectors(1_000, 1);
            for vector in &mut data {
                // As if by a sine: most are among the shortest and the longest. Halves end at 65504 and 6e-8.
                let height = 0.5 + 0.5 * (100.0 * random.uniform()).sin();
                let length = 10f32.powf(4.0 - decades * height);
                let factor = length / kernels::norm(vector.as_slice()) as f32;
                for x in vector {
                    *x = f16::from_f32((x.to_f32() - 1.5) * factor);
                }
            }
            data.retain(|vector| metric.takes(vector));
            let store = MemStore::new();
            let mut index = Index::create(&store, &parameters(metric)).unwrap();
            for (row, vector) in data.iter().enumerate() {
                insert(&mut index, vector, tid(row)).unwrap();
            }
            let (before, _) = recall_of_own(&index, metric, &data);
            retrain(&mut index).unwrap();
            assert_eq!(index.meta().epoch, 1);
            let (after, hops) = recall_of_own(&index, metric, &data);
            let what = format!("{metric:?} over {decades} decades");
            assert!(after >= before - 0.02, "{what}: {before}, then {after}");
            assert!(hops <= 100, "{what}: {hops} nodes are visited");
        }
    }
}

/// What learning leaves of pages for codes and for where searches begin.
fn of_codes<S: PageStore>(index: &Index<S>) -> (u64, u64, u64) {
    let census = census(index).unwrap();
    (census.basis_pages, census.entry_pages, census.entries)
}

#[test]
fn learning_that_was_cut_short_leaves_no_pages() {
    let data = vectors(600, 5);
    let full = MemStore::new();
    let mut index = Index::create(&full, &parameters(Metric::L2)).unwrap();
    for (row, vector) in data.iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    let clean = full.restart();
    let mut index = Index::open(&clean, None).unwrap();
    retrain(&mut index).unwrap();
    let expected = of_codes(&index);
    let mut more = false;
    for commits in 0..20 {
        // Time and again, each time from where the one before has ended.
        let mut store = full.restart();
        for _ in 0..3 {
            let mut index = Index::open(&store, None).unwrap();
            store.crash_after(commits);
            if retrain(&mut index).is_ok() {
                break;
            }
            store = store.restart();
        }
        let mut index = Index::open(&store, None).unwrap();
        more |= of_codes(&index).0 > 0 && index.meta().epoch == 0;
        retrain(&mut index).unwrap();
        assert_eq!(of_codes(&index), expected, "after {commits} commits");
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "after {commits} commits");
        assert_eq!(report.uncoded, 0, "after {commits} commits");
        // What was freed is used again, but for what recovery forgot of free slots.
        let blocks = store.blocks().unwrap();
        for row in 0..census(&index).unwrap().free as usize {
            let vector: Vec<f16> = data[row % 600].iter().map(|x| x + f16::ONE).collect();
            insert(&mut index, &vector, tid(1_000 + row)).unwrap();
        }
        let more = store.blocks().unwrap() - blocks;
        assert!(more <= 8, "{more} pages more after {commits} commits");
    }
    assert!(more, "no pages were left");
}

/// A directory that is given up because the index has not grown after all.
#[test]
fn an_unfinished_basis_goes_although_none_is_learned_after() {
    let data = vectors(600, 5);
    let store = MemStore::new();
    let mut index = Index::create(&store, &parameters(Metric::L2)).unwrap();
    for (row, vector) in data.iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    store.crash_after(2);
    retrain(&mut index).unwrap_err();
    let store = store.restart();
    let mut index = Index::open(&store, None).unwrap();
    assert!(of_codes(&index).0 > 0);
    bulk_delete(&mut index, |tid| row(tid) >= 50).unwrap();
    retrain(&mut index).unwrap();
    assert_eq!((index.meta().epoch, of_codes(&index)), (0, (0, 0, 0)));
}

#[test]
fn what_nothing_leads_to_is_linked_again() {
    let data = vectors(800, 2);
    for learned in [false, true] {
        let store = MemStore::new();
        let mut index = Index::create(&store, &parameters(Metric::L2)).unwrap();
        for (row, vector) in data.iter().enumerate() {
            insert(&mut index, vector, tid(row)).unwrap();
        }
        if learned {
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
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0]);
        assert_eq!(report.unreachable, 0);
        assert_eq!(everything(&index, &data[0]), 800);
    }
}

/// A vacuum without dead rows reads nothing of an index that it has seen but a page, and all of one that has grown.
#[test]
fn an_index_is_explored_when_it_has_grown() {
    let data = vectors(1_500, 1);
    let store = MemStore::new();
    let mut index = build(&store, Metric::L2, &data[..1_200]);
    let reads = |index: &mut Index<&MemStore>| {
        let before = store.reads();
        retrain(index).unwrap();
        store.reads() - before
    };
    assert_eq!(reads(&mut index), 1);
    for (row, vector) in data.iter().enumerate().skip(1_200) {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    let blocks = u64::from(store.blocks().unwrap());
    let grown = reads(&mut index);
    assert!((blocks..3 * blocks).contains(&grown), "{grown} of {blocks}");
    assert_eq!(reads(&mut index), 1);
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
fn a_crash_anywhere_in_vacuum_or_learning_leaves_a_valid_index() {
    let data = vectors(560, 5);
    let full = MemStore::new();
    let mut index = Index::create(&full, &parameters(Metric::L2)).unwrap();
    for (row, vector) in data.iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
    }
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
fn a_scan_that_pauses_over_a_vacuum_returns_no_row_twice_and_none_that_is_wrong() {
    let data = vectors(3_000, 1);
    let store = MemStore::new();
    let mut index = build(&store, Metric::L2, &data[..1_500]);
    let standby = store.standby();
    let reader = Index::open(standby, None).unwrap();
    let mut scan = Scan::new(reader.query(&data[0]).unwrap(), options(10, Order::Relaxed));
    let mut rows = Vec::new();
    for _ in 0..40 {
        rows.push(row(scan.next_row(&reader).unwrap().unwrap().tid));
    }
    bulk_delete(&mut index, |tid| row(tid).is_multiple_of(2)).unwrap();
    for (row, vector) in data.iter().enumerate().skip(1_500) {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    while let Some(Row {
        distance: found,
        tid,
    }) = scan.next_row(&reader).unwrap()
    {
        let row = row(tid);
        rows.push(row);
        let true_distance = distance(Metric::L2, &data[0], &data[row]).sqrt();
        assert!((found - true_distance).abs() < 1e-6, "row {row}");
    }
    let distinct: HashSet<usize> = rows.iter().copied().collect();
    assert_eq!(distinct.len(), rows.len());
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

#[test]
fn a_scan_begins_where_the_index_is_now() {
    let data = vectors(100, 1);
    let store = MemStore::new();
    let mut index = Index::create(&store, &parameters(Metric::L2)).unwrap();
    for (row, vector) in data.iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    let reader = Index::open(&store, None).unwrap();
    let mut scan = Scan::new(reader.query(&data[0]).unwrap(), options(10, Order::Strict));
    bulk_delete(&mut index, |tid| row(tid) < 90).unwrap();
    for (row, vector) in data.iter().enumerate().take(90) {
        insert(&mut index, vector, tid(row + 100)).unwrap();
    }
    assert_eq!(row(scan.next_row(&reader).unwrap().unwrap().tid), 100);
}

#[test]
fn everyone_at_once() {
    for seed in 0..6 {
        let data = vectors(900, seed);
        let store = MemStore::new();
        build(&store, Metric::Cosine, &data[..600]);
        store.lie_about_free_pages(seed);
        let (store, data) = (&store, &data);
        let mut tasks: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        for task in 0..2 {
            tasks.push(Box::new(move || {
                let mut index = Index::open(store, None).unwrap();
                for row in (600 + task..900).step_by(2) {
                    insert(
                        &mut index,
                        &data[if row % 7 == 0 { 1 } else { row }],
                        tid(row),
                    )
                    .unwrap();
                }
            }));
        }
        tasks.push(Box::new(move || {
            let mut index = Index::open(store, None).unwrap();
            for modulus in [5, 3] {
                bulk_delete(&mut index, |tid| row(tid) < 600 && row(tid) % modulus == 1).unwrap();
                retrain(&mut index).unwrap();
            }
        }));
        tasks.push(Box::new(move || {
            let index = Index::open(store, None).unwrap();
            for row in (0..600).step_by(15) {
                // 0, 15, ... are never 1 modulo 3 or 5: they stay.
                assert!(
                    answers(&index, &data[row], 20, 3).contains(&row),
                    "row {row}"
                );
            }
        }));
        interleave(seed, tasks);
        let mut index = Index::open(store, None).unwrap();
        bulk_delete(&mut index, |_| false).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "seed {seed}");
        assert_eq!(report.rows, 900 - 120 - 160, "seed {seed}");
        assert_eq!((report.dying, report.unreachable), (0, 0), "seed {seed}");
    }
}

/// Scans that read all pages, on the primary and on a standby, beside inserts and vacuums: every row that is there from
/// beginning to end comes once.
#[test]
fn exact_scans_beside_everyone() {
    for seed in 0..6 {
        let data = vectors(900, seed);
        let store = MemStore::new();
        build(&store, Metric::Cosine, &data[..600]);
        store.lie_about_free_pages(seed);
        let (store, data) = (&store, &data);
        let mut tasks: Vec<Box<dyn FnOnce() + Send>> = vec![
            Box::new(move || {
                let mut index = Index::open(store, None).unwrap();
                for row in 600..900 {
                    insert(
                        &mut index,
                        &data[if row % 3 == 0 { 15 } else { row }],
                        tid(row),
                    )
                    .unwrap();
                }
            }),
            Box::new(move || {
                let mut index = Index::open(store, None).unwrap();
                for modulus in [5, 3, 2] {
                    bulk_delete(&mut index, |tid| row(tid) % modulus == 1).unwrap();
                    retrain(&mut index).unwrap();
                }
            }),
        ];
        for order in [None, Some(Order::Strict), Some(Order::Relaxed)] {
            tasks.push(Box::new(move || {
                stays(&Index::open(store, None).unwrap(), &data[0], order);
            }));
            tasks.push(Box::new(move || {
                stays(
                    &Index::open(store.standby(), None).unwrap(),
                    &data[0],
                    order,
                );
            }));
        }
        interleave(seed, tasks);
    }
}

/// Looks for the rows that no vacuum removes in the test above, again and again.
fn stays<S: graph::store::PageStore>(index: &Index<S>, query: &[f16], order: Option<Order>) {
    for nodes in [1, 30, 200] {
        let query = index.query(query).unwrap();
        let mut scan = match order {
            None => Scan::all(index, query, 2.0, false).unwrap(),
            Some(order) => {
                let mut options = options(10, order);
                options.limits.nodes = nodes;
                Scan::new(query, options).complete()
            }
        };
        let mut rows = Vec::new();
        while let Some(found) = scan.next_row(index).unwrap() {
            rows.push(row(found.tid));
        }
        rows.retain(|&row| row < 600 && row.is_multiple_of(30));
        let found = rows.len();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), found, "a row came twice");
        let lost = if order == Some(Order::Strict) {
            scan.late()
        } else {
            0
        };
        assert!(found + lost >= 20, "{found} of 20, {order:?}");
    }
}
