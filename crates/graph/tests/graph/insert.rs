//! An index filled row by row.

use crate::common::*;
use graph::check::check;
use graph::error::Error;
use graph::index::{Index, Parameters};
use graph::insert::insert;
use graph::mem::{MemStore, interleave};
use graph::space::Metric;
use graph::vacuum::bulk_delete;
use half::f16;

#[test]
fn an_empty_index_has_no_rows() {
    let store = MemStore::new();
    let index = Index::create(&store, &parameters(Metric::Cosine)).unwrap();
    assert!(answers(&index, &vectors(1, 1)[0], 10, 10).is_empty());
    assert!(check(&index).unwrap().0.problems.is_empty());
}

#[test]
fn rows_are_found_without_codes() {
    for metric in [Metric::Cosine, Metric::InnerProduct, Metric::L2] {
        let store = MemStore::new();
        let data = vectors(600, 1);
        let index = inserted(&store, &parameters(metric), &data);
        let rows: Vec<usize> = (0..data.len()).collect();
        let recall = recall(&index, metric, &data, &rows, 40);
        assert!(recall >= 0.95, "{metric:?}: {recall}");
        let report = whole(&index);
        assert_eq!((report.live, report.rows), (600, 600));
        // Nothing is nearest to a short vector by inner product, not even itself.
        if metric != Metric::InnerProduct {
            assert_eq!(report.unreachable, 0, "{metric:?}");
        }
    }
}

#[test]
fn equal_vectors_are_one_node() {
    let store = MemStore::new();
    let mut index = Index::create(&store, &parameters(Metric::Cosine)).unwrap();
    let data = vectors(2, 1);
    insert(&mut index, &data[1], tid(20_000)).unwrap();
    for row in 0..10_000 {
        insert(&mut index, &data[0], tid(row)).unwrap();
    }
    let report = whole(&index);
    assert_eq!((report.live, report.rows), (2, 10_001));
    let mut rows = answers(&index, &data[0], 10, 20_000);
    assert_eq!(rows.pop(), Some(20_000));
    rows.sort_unstable();
    assert!(rows.into_iter().eq(0..10_000));
}

#[test]
fn a_vector_without_direction_is_left_out() {
    let store = MemStore::new();
    let mut index = Index::create(&store, &parameters(Metric::Cosine)).unwrap();
    insert(&mut index, &[f16::ZERO; DIMS], tid(0)).unwrap();
    assert_eq!(check(&index).unwrap().0.rows, 0);
}

#[test]
fn mistakes_are_named() {
    let store = MemStore::new();
    let mut index = Index::create(&store, &parameters(Metric::L2)).unwrap();
    assert!(matches!(
        insert(&mut index, &[f16::ONE; 3], tid(0)),
        Err(Error::Dimensions {
            expected: DIMS,
            found: 3
        })
    ));
    let too_many = Parameters {
        dims: 16_000,
        ..parameters(Metric::L2)
    };
    assert!(matches!(
        Index::create(&MemStore::new(), &too_many),
        Err(Error::TooManyDimensions {
            dims: 16_000,
            limit: 1000..,
            ..
        })
    ));
    store.spoil(0, |page| page.init(graph::layout::Kind::Nodes, 0));
    assert!(matches!(
        Index::open(&store, None),
        Err(Error::Magic { .. })
    ));
}

#[test]
fn a_crash_loses_no_more_than_the_row_it_hit() {
    let data = vectors(60, 3);
    let mut commits = 0;
    loop {
        let store = MemStore::new();
        let mut index = Index::create(&store, &parameters(Metric::L2)).unwrap();
        store.crash_after(commits);
        let done = data
            .iter()
            .enumerate()
            .take_while(|(row, vector)| insert(&mut index, vector, tid(row / 2)).is_ok())
            .count();
        if done == data.len() {
            break;
        }
        let store = store.restart();
        let mut index = Index::open(&store, None).unwrap();
        let report = check(&index).unwrap().0;
        assert!(
            report
                .problems
                .iter()
                .all(|problem| problem.contains("twice")),
            "after {commits} commits: {report:?}"
        );
        for (row, vector) in data.iter().enumerate().take(done) {
            assert!(
                answers(&index, vector, 40, 6).contains(&(row / 2)),
                "row {row} after {commits} commits"
            );
        }
        insert(&mut index, &data[done], tid(1000)).unwrap();
        assert!(answers(&index, &data[done], 40, 6).contains(&1000));
        commits += 7;
    }
}

/// The fewest neighbours, chosen among the fewest candidates.
fn sparse(metric: Metric) -> Parameters {
    Parameters {
        m: 2,
        ef_construction: 4,
        columns: 0,
        ..parameters(metric)
    }
}

#[test]
fn no_node_is_pushed_out_of_reach() {
    for metric in [Metric::Cosine, Metric::InnerProduct, Metric::L2] {
        for seed in 0..10 {
            // Half of them in clusters, half on a curve.
            let mut data = vectors(700, seed);
            data.extend((0..700).map(|n| {
                let at = |i: usize| (n * i) as f64 * (0.3 + 0.01 * seed as f64) + (i + n) as f64;
                (0..DIMS).map(|i| f16::from_f64(at(i).sin())).collect()
            }));
            let store = MemStore::new();
            let index = inserted(&store, &sparse(metric), &data);
            let report = whole(&index);
            assert_eq!(report.unreachable, 0, "{metric:?}, seed {seed}");
        }
    }
}

#[test]
fn the_next_vacuum_links_what_crashed_insertions_left() {
    let data = vectors(60, 3);
    let (mut commits, mut lost) = (1, 0);
    loop {
        let store = MemStore::new();
        let mut index = Index::create(&store, &sparse(Metric::L2)).unwrap();
        store.crash_after(commits);
        let mut rows = data.iter().enumerate();
        if rows.all(|(row, vector)| insert(&mut index, vector, tid(row)).is_ok()) {
            break;
        }
        let store = store.restart();
        let mut index = Index::open(&store, None).unwrap();
        lost += check(&index).unwrap().0.unreachable;
        // It finds nothing to remove.
        bulk_delete(&mut index, |_| false).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "after {commits} commits");
        assert_eq!(report.unreachable, 0, "after {commits} commits");
        assert_eq!(everything(&index, &data[0]), report.rows);
        commits += 1;
    }
    assert!(lost > 0);
}

#[test]
fn inserts_with_few_neighbours_interleave() {
    for seed in 0..24 {
        let store = MemStore::new();
        Index::create(&store, &sparse(Metric::L2)).unwrap();
        let data = vectors(120, seed);
        let tasks: Vec<Box<dyn FnOnce() + Send>> = (0..4)
            .map(|task| {
                let (store, data) = (&store, &data);
                Box::new(move || {
                    let mut index = Index::open(store, None).unwrap();
                    for row in (task..120).step_by(4) {
                        insert(&mut index, &data[row], tid(row)).unwrap();
                    }
                }) as Box<dyn FnOnce() + Send>
            })
            .collect();
        interleave(seed, tasks);
        let mut index = Index::open(&store, None).unwrap();
        bulk_delete(&mut index, |_| false).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "seed {seed}");
        assert_eq!((report.rows, report.unreachable), (120, 0), "seed {seed}");
    }
}

#[test]
fn inserts_interleave() {
    for seed in 0..24 {
        let store = MemStore::new();
        Index::create(&store, &parameters(Metric::Cosine)).unwrap();
        store.lie_about_free_pages(seed);
        let data = vectors(90, seed);
        let tasks: Vec<Box<dyn FnOnce() + Send>> = (0..3)
            .map(|task| {
                let (store, data) = (&store, &data);
                Box::new(move || {
                    let mut index = Index::open(store, None).unwrap();
                    for row in (task..90).step_by(3) {
                        // Every third vector is the same, so that chains are fought for as well.
                        let vector = if row % 9 < 3 { &data[0] } else { &data[row] };
                        insert(&mut index, vector, tid(row)).unwrap();
                    }
                }) as Box<dyn FnOnce() + Send>
            })
            .collect();
        interleave(seed, tasks);
        let index = Index::open(&store, None).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "seed {seed}");
        assert_eq!(report.rows, 90, "seed {seed}");
        assert_eq!(report.unreachable, 0, "seed {seed}");
        assert_eq!(everything(&index, &data[0]), 90, "seed {seed}");
    }
}
