//! An index built in less memory than its rows take, part by part.

use crate::common::*;
use graph::build::Phase;
use graph::check::check;
use graph::error::Error;
use graph::index::Parameters;
use graph::mem::MemStore;
use graph::random::Random;
use graph::space::Metric;
use half::f16;
use proptest::prelude::*;

/// Memory in which rows of these tests are put aside.
const LITTLE: usize = 300_000;

/// Rows in an index are those that were given, each once.
#[track_caller]
fn has_all<S: graph::store::PageStore>(index: &graph::index::Index<S>, count: usize) {
    let (report, rows) = check(index).unwrap();
    assert_eq!(report.problems, [""; 0]);
    assert_eq!((report.unreachable, report.orphans), (0, 0));
    let mut rows: Vec<usize> = rows.into_iter().map(row).collect();
    rows.sort_unstable();
    assert!(rows.into_iter().eq(0..count));
}

#[test]
fn parts_make_one_graph() {
    let data = vectors(12_000, 1);
    let rows: Vec<usize> = (0..data.len()).step_by(10).collect();
    for (metric, less) in [
        (Metric::Cosine, 0.01),
        (Metric::InnerProduct, 0.03),
        (Metric::L2, 0.01),
    ] {
        let whole_store = MemStore::new();
        let whole = built(&whole_store, parameters(metric), &data, THREADS);
        let store = MemStore::new();
        let mut phases = Vec::new();
        let mut index = builder(&store, parameters(metric), LITTLE, &data)
            .finish(THREADS, |phase, done, of| {
                assert!(done <= of, "{phase:?}");
                if phases.last() != Some(&phase) {
                    phases.push(phase);
                }
            })
            .unwrap();
        use Phase::*;
        assert_eq!(phases, [Training, Dividing, Ordering, Linking, Writing]);
        has_all(&index, data.len());
        let expected = recall(&whole, metric, &data, &rows, 40);
        let found = recall(&index, metric, &data, &rows, 40);
        assert!(
            found >= expected - less,
            "{metric:?}: {found}, not {expected}"
        );

        let more = vectors(500, 2);
        let all: Vec<Vec<f16>> = data.iter().chain(&more).cloned().collect();
        insert_from(&mut index, &all, data.len());
        has_all(&index, all.len());
    }
}

#[test]
fn rows_in_the_order_of_their_topics_are_no_worse() {
    let mut data = vectors(9_000, 3);
    let key = |vector: &Vec<f16>| vector.iter().take(3).map(|x| x.to_f32()).sum::<f32>();
    data.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let rows: Vec<usize> = (0..data.len()).step_by(10).collect();
    let store = MemStore::new();
    let index = builder(&store, parameters(Metric::Cosine), LITTLE, &data)
        .finish(ALONE, |_, _, _| ())
        .unwrap();
    has_all(&index, data.len());
    let found = recall(&index, Metric::Cosine, &data, &rows, 40);
    assert!(found >= 0.97, "{found}");
}

#[test]
fn equal_vectors_are_one_node_in_parts() {
    let distinct = vectors(4_000, 4);
    let mut random = Random::new(5);
    // Each a few times, and one in every second row.
    let data: Vec<Vec<f16>> = (0..30_000)
        .map(|row| match row % 2 {
            0 => distinct[0].clone(),
            _ => distinct[random.below(distinct.len())].clone(),
        })
        .collect();
    let mut different: Vec<&Vec<f16>> = data.iter().collect();
    different.sort_by(|a, b| a.partial_cmp(b).unwrap());
    different.dedup();
    let store = MemStore::new();
    let index = builder(&store, parameters(Metric::L2), LITTLE, &data)
        .finish(THREADS, |_, _, _| ())
        .unwrap();
    has_all(&index, data.len());
    assert_eq!(whole(&index).live, different.len());
}

#[test]
fn rows_of_one_vector_take_no_more_memory() {
    let data = vec![vectors(1, 6).remove(0); 8_000];
    let store = MemStore::new();
    let index = builder(&store, parameters(Metric::Cosine), 50_000, &data)
        .finish(ALONE, |_, _, _| ())
        .unwrap();
    has_all(&index, data.len());
    assert_eq!(whole(&index).live, 1);
}

#[test]
fn vectors_that_no_centres_tell_apart_are_divided_all_the_same() {
    // Nearly all are in one place, and differ in the last bits of a few elements.
    let place = vectors(1, 7).remove(0);
    let mut random = Random::new(8);
    let mut data: Vec<Vec<f16>> = vectors(1_000, 9);
    data.extend((0..9_000).map(|_| {
        let mut near = place.clone();
        for _ in 0..4 {
            let at = random.below(DIMS);
            near[at] = f16::from_bits(near[at].to_bits() ^ (random.bits() & 3) as u16);
        }
        near
    }));
    let store = MemStore::new();
    let index = builder(&store, parameters(Metric::Cosine), LITTLE, &data)
        .finish(THREADS, |_, _, _| ())
        .unwrap();
    has_all(&index, data.len());
}

#[test]
fn a_build_in_parts_stops_where_the_store_does() {
    let data = vectors(6_000, 1);
    let commits = {
        let store = MemStore::new();
        let builder = builder(&store, parameters(Metric::L2), LITTLE, &data);
        builder.finish(ALONE, |_, _, _| ()).unwrap();
        store.commits()
    };
    for after in [1, commits / 2, commits - 1] {
        let store = MemStore::new();
        let builder = builder(&store, parameters(Metric::L2), LITTLE, &data);
        store.crash_after(after);
        let failed = builder.finish(THREADS, |_, _, _| ());
        assert!(matches!(failed, Err(Error::Store(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_row_is_there_once(
        seed in 0..u64::MAX,
        count in 1_500_usize..5_000,
        copies in 1_usize..50,
        dims in 3_usize..40,
        m in 2_usize..12,
        budget in 1_usize..600_000,
        metric in prop::sample::select(vec![Metric::Cosine, Metric::InnerProduct, Metric::L2]),
    ) {
        let mut random = Random::new(seed);
        let distinct: Vec<Vec<f16>> = (0..count.div_ceil(copies))
            .map(|_| {
                let scale = (random.normal() * 2.0).exp();
                (0..dims).map(|_| f16::from_f32(random.normal() * scale)).collect()
            })
            .collect();
        let data: Vec<Vec<f16>> = (0..count)
            .map(|_| distinct[random.below(distinct.len())].clone())
            .collect();
        let store = MemStore::new();
        let parameters = Parameters { metric, dims, m, ..parameters(metric) };
        let index = builder(&store, parameters, budget, &data)
            .finish(THREADS, |_, _, _| ())
            .unwrap();
        let (report, rows) = check(&index).unwrap();
        prop_assert_eq!(report.problems, [""; 0]);
        prop_assert_eq!(report.unreachable, 0);
        let mut rows: Vec<usize> = rows.into_iter().map(row).collect();
        rows.sort_unstable();
        prop_assert!(rows.into_iter().eq(0..count));
    }
}
