//! An index built in memory, and what is inserted after.

use crate::common::*;
use graph::check::check;
use graph::error::Error;
use graph::index::{Index, Parameters};
use graph::mem::MemStore;
use graph::random::Random;
use graph::space::Metric;
use graph::threads::Threads;
use half::f16;

#[test]
fn a_build_goes_on_where_there_are_no_threads() {
    let data = vectors(1_200, 1);
    let store = MemStore::new();
    // None of those asked for comes to be.
    let none = Threads {
        count: 8,
        spawning: |_| (),
    };
    let index = built(&store, parameters(Metric::L2), &data, none);
    let report = whole(&index);
    assert_eq!(
        (report.live, report.unreachable, report.uncoded),
        (1_200, 0, 0)
    );
}

#[test]
fn a_built_index_finds_its_rows() {
    let data = vectors(3_000, 1);
    let rows: Vec<usize> = (0..data.len()).collect();
    // By inner product, a query's nearest are at the rim of what nodes are near to.
    for (metric, floor) in [
        (Metric::Cosine, 0.99),
        (Metric::InnerProduct, 0.85),
        (Metric::L2, 0.99),
    ] {
        let store = MemStore::new();
        let mut index = built(&store, parameters(metric), &data[..2_500], ALONE);
        let report = whole(&index);
        assert_eq!((report.live, report.unreachable), (2_500, 0), "{metric:?}");
        assert_eq!(report.uncoded, 0);
        let built = recall(&index, metric, &data, &rows[..2_500], 40);
        assert!(built >= floor, "{metric:?}: {built}");

        insert_from(&mut index, &data, 2_500);
        let report = whole(&index);
        assert_eq!(report.uncoded, 0);
        let grown = recall(&index, metric, &data, &rows, 40);
        assert!(grown >= floor, "{metric:?}: {grown}");
        if metric != Metric::InnerProduct {
            assert!(found_by_themselves(&index, &data, &rows) >= 2_997);
        }
    }
}

#[test]
fn every_node_is_in_reach_after_a_build() {
    for seed in 0..4 {
        let mut random = Random::new(seed);
        // Norms over four orders of magnitude: by inner product a few nodes are near to everything.
        let data: Vec<Vec<f16>> = vectors(1_500, seed)
            .iter()
            .map(|vector| {
                let norm = (1.5 * random.normal()).exp();
                let scaled = vector.iter().map(|x| x.to_f32() * norm);
                scaled.map(f16::from_f32).collect()
            })
            .collect();
        for metric in [Metric::Cosine, Metric::InnerProduct, Metric::L2] {
            for m in [2, 8] {
                let store = MemStore::new();
                let parameters = Parameters {
                    m,
                    ..parameters(metric)
                };
                let index = built(&store, parameters, &data, THREADS);
                let report = whole(&index);
                assert_eq!(
                    (report.live, report.unreachable),
                    (1_500, 0),
                    "{metric:?}, m = {m}"
                );
            }
        }
    }
}

#[test]
fn equal_vectors_are_one_node() {
    let data = vectors(1_000, 2);
    let store = MemStore::new();
    let mut builder = builder(&store, parameters(Metric::L2), usize::MAX, &data);
    for row in 1_000..11_000 {
        builder.push(&data[row % 2], tid(row)).unwrap();
    }
    let index = builder.finish(THREADS, |_, _, _| ()).unwrap();
    let report = whole(&index);
    assert_eq!(
        (report.live, report.rows, report.orphans),
        (1_000, 11_000, 0)
    );
    let rows = answers(&index, &data[1], 10, 5_001);
    assert!(
        rows.iter()
            .all(|&row| row == 1 || row >= 1_000 && row % 2 == 1)
    );
}

#[test]
fn a_small_build_learns_nothing() {
    let data = vectors(50, 2);
    let store = MemStore::new();
    let index = built(&store, parameters(Metric::Cosine), &data, THREADS);
    assert_eq!(index.meta().epoch, 0);
    assert_eq!(check(&index).unwrap().0.rows, 50);
}

#[test]
fn an_index_opens_again_with_its_basis() {
    let data = vectors(1_000, 2);
    let store = MemStore::new();
    let index = built(&store, parameters(Metric::L2), &data, THREADS);
    let again = Index::open(&store, None).unwrap();
    assert!(again.basis().is_some() && again.basis() == index.basis());
    let reads = store.reads();
    Index::open(&store, index.basis().cloned()).unwrap();
    assert_eq!(store.reads(), reads + 1);

    // A basis of the same epoch of another index is not taken for this one's.
    let other = MemStore::new();
    let other = built(&other, parameters(Metric::L2), &vectors(1_000, 3), THREADS);
    assert_eq!(other.meta().epoch, index.meta().epoch);
    let again = Index::open(&store, other.basis().cloned()).unwrap();
    assert!(again.basis() == index.basis());
    let empty = MemStore::new();
    Index::create(&empty, &parameters(Metric::L2)).unwrap();
    let again = Index::open(&empty, index.basis().cloned()).unwrap();
    assert!(again.basis().is_none());

    let block = index.meta().basis;
    store.spoil(block, |page| {
        let mut bytes = page.chunk().to_vec();
        bytes[100] ^= 1;
        page.set_chunk(&bytes);
    });
    assert!(matches!(
        Index::open(&store, None),
        Err(Error::Corrupt { block: at, .. }) if at == block
    ));
}
