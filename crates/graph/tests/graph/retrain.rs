//! Bases trained late, and nodes linked to again.

use crate::common::*;
use graph::census::census;
use graph::check::check;
use graph::index::Index;
use graph::insert::insert;
use graph::mem::MemStore;
use graph::random::Random;
use graph::reorder::Reordered;
use graph::retrain::retrain;
use graph::scan::{Order, Scan};
use graph::space::Metric;
use graph::store::PageStore;
use graph::vacuum::bulk_delete;
use half::f16;

fn build<'s>(store: &'s MemStore, metric: Metric, data: &[Vec<f16>]) -> Index<&'s MemStore> {
    built(store, parameters(metric), data, ALONE)
}

#[test]
fn a_basis_is_trained_when_there_are_rows_enough() {
    let data = vectors(1_200, 1);
    for metric in [Metric::Cosine, Metric::L2] {
        let store = MemStore::new();
        let mut index = inserted(&store, &parameters(metric), &data[..100]);
        retrain(&mut index).unwrap();
        assert_eq!(index.meta().epoch, 0);
        insert_from(&mut index, &data[..900], 100);
        retrain(&mut index).unwrap();
        assert_eq!((index.meta().epoch, index.meta().recoded), (1, 1));
        assert_eq!(check(&index).unwrap().0.uncoded, 0);
        insert_from(&mut index, &data, 900);
        let report = whole(&index);
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
        let mut exact: Vec<f64> = data
            .iter()
            .map(|x| sql_distance(metric, query, x))
            .collect();
        exact.sort_by(f64::total_cmp);
        let scan = Scan::new(index.query(query).unwrap(), options(20, Order::Strict));
        let distance = |tid| sql_distance(metric, query, &data[row(tid)]);
        let mut scan = Reordered::new(index, scan, distance);
        for _ in 0..10 {
            if let Some((distance, _)) = scan.next_row().unwrap() {
                found += usize::from(distance <= exact[9]);
            }
        }
        hops += scan.scan().hops();
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
            let mut index = inserted(&store, &parameters(metric), &data);
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

/// Pages of the basis and of the entry tree, and entry points.
fn of_codes<S: PageStore>(index: &Index<S>) -> (u64, u64, u64) {
    let census = census(index).unwrap();
    (census.basis_pages, census.entry_pages, census.entries)
}

#[test]
fn training_that_was_cut_short_leaves_no_pages() {
    let data = vectors(600, 5);
    let full = MemStore::new();
    inserted(&full, &parameters(Metric::L2), &data);
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

/// An entry tree that is given up because the index has not grown after all.
#[test]
fn an_unfinished_basis_goes_although_none_is_trained_after() {
    let data = vectors(600, 5);
    let store = MemStore::new();
    let mut index = inserted(&store, &parameters(Metric::L2), &data);
    store.crash_after(2);
    retrain(&mut index).unwrap_err();
    let store = store.restart();
    let mut index = Index::open(&store, None).unwrap();
    assert!(of_codes(&index).0 > 0);
    bulk_delete(&mut index, |tid| row(tid) >= 50).unwrap();
    retrain(&mut index).unwrap();
    assert_eq!((index.meta().epoch, of_codes(&index)), (0, (0, 0, 0)));
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
    insert_from(&mut index, &data, 1_200);
    let blocks = u64::from(store.blocks().unwrap());
    let grown = reads(&mut index);
    assert!((blocks..3 * blocks).contains(&grown), "{grown} of {blocks}");
    assert_eq!(reads(&mut index), 1);
}
