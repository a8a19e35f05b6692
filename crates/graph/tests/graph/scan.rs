//! Scans that stop early, and rows that are marked dead.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::common::*;
use graph::gated::STRETCH;
use graph::index::Index;
use graph::insert::insert;
use graph::mem::{MemStore, interleave};
use graph::reorder::Reordered;
use graph::retrain::retrain;
use graph::scan::{Options, Order, Row, Scan};
use graph::search::Limits;
use graph::space::Metric;
use graph::store::{Gate, Mode, PageStore};
use graph::vacuum::bulk_delete;

fn filled(store: &MemStore, rows: usize) -> Index<&MemStore> {
    inserted(store, &parameters(Metric::L2), &vectors(rows, 1))
}

fn all(index: &Index<&MemStore>, scan: &mut Scan) -> Vec<usize> {
    let mut rows = Vec::new();
    let mut last = f64::NEG_INFINITY;
    while let Some(Row { bound, tid, .. }) = scan.next_row(index).unwrap() {
        assert!(bound >= last);
        last = bound;
        rows.push(row(tid));
    }
    rows
}

#[test]
fn limits_end_a_scan() {
    let store = MemStore::new();
    let index = filled(&store, 400);
    let query = || index.query(&vectors(1, 2)[0]).unwrap();
    let scan = |limits| {
        let options = Options {
            limits,
            ..options(10, Order::Strict)
        };
        let mut scan = Scan::new(query(), options);
        (all(&index, &mut scan), scan)
    };

    let (rows, whole) = scan(Limits::NONE);
    assert!(rows.len() > 350 && !whole.truncated());

    let (some, short) = scan(Limits {
        nodes: 50,
        ..Limits::NONE
    });
    assert!(short.truncated());
    // What was visited is handed out, the nearest of all as in a scan without limits.
    assert!((30..=160).contains(&some.len()), "{}", some.len());
    assert_eq!(some[..10], rows[..10]);

    let (some, short) = scan(Limits {
        bytes: 1,
        ..Limits::NONE
    });
    assert!(short.truncated() && some.len() >= 10);
}

#[test]
fn dead_rows_are_passed_over() {
    let store = MemStore::new();
    let mut index = filled(&store, 200);
    let data = vectors(200, 1);
    let scan = |index: &Index<&MemStore>, skip_dead| {
        let options = Options {
            skip_dead,
            ..options(10, Order::Relaxed)
        };
        Scan::new(index.query(&data[7]).unwrap(), options)
    };
    let mut first = scan(&index, true);
    let nearest = first.next_row(&index).unwrap().unwrap();
    assert_eq!(row(nearest.tid), 7);
    first.mark_dead(&index, nearest.tid).unwrap();

    assert!(!all_relaxed(&index, scan(&index, true)).contains(&7));
    assert!(all_relaxed(&index, scan(&index, false)).contains(&7));
    // Vacuum is asked about it like about any other.
    let mut asked = 0;
    bulk_delete(&mut index, |tid| {
        asked += usize::from(row(tid) == 7);
        false
    })
    .unwrap();
    assert_eq!(asked, 1);
}

/// Vacuum waits for a scan's gate for some pages, not for a batch.
#[test]
fn a_scan_lets_go_of_the_gate() {
    let store = MemStore::new();
    let index = filled(&store, 3_000);
    let (taken, before) = (AtomicBool::new(false), store.reads());
    let tasks: Vec<Box<dyn FnOnce() + Send>> = vec![
        Box::new(|| {
            let options = options(1_000, Order::Strict);
            let mut scan = Scan::new(index.query(&vectors(1, 2)[0]).unwrap(), options);
            scan.next_row(&index).unwrap();
            assert!(scan.hops() > 4 * STRETCH);
            assert!(taken.load(Relaxed), "a batch keeps others waiting");
        }),
        Box::new(|| {
            // Not before the batch has begun; the other gate is nobody's.
            while store.reads() < before + 10 {
                drop(PageStore::lock_gate(&store, Gate::Insert, Mode::Shared).unwrap());
            }
            drop(PageStore::lock_gate(&store, Gate::Scan, Mode::Exclusive).unwrap());
            taken.store(true, Relaxed);
        }),
    ];
    interleave(1, tasks);
}

/// The number of a row that vacuum has removed may belong to another row by the time it is marked.
#[test]
fn a_row_that_came_in_place_of_another_is_not_marked() {
    let store = MemStore::new();
    let mut index = filled(&store, 200);
    let data = vectors(200, 1);
    // Two rows of one node.
    insert(&mut index, &data[7], tid(500)).unwrap();
    let mut scan = Scan::new(index.query(&data[7]).unwrap(), options(10, Order::Strict));
    let dead = scan.next_row(&index).unwrap().unwrap().tid;
    bulk_delete(&mut index, |tid| tid == dead).unwrap();
    insert(&mut index, &data[7], dead).unwrap();
    scan.mark_dead(&index, dead).unwrap();

    let options = Options {
        skip_dead: true,
        ..options(10, Order::Strict)
    };
    let scan = Scan::new(index.query(&data[7]).unwrap(), options);
    assert!(all_relaxed(&index, scan).contains(&row(dead)));
}

/// Rows in the order that the executor returns them in, with their distances, of a scan of `data`, whose row of a number is
/// `row` modulo 1 000; and how many came late.
fn rows_of(
    index: &Index<&MemStore>,
    scan: Scan,
    query: &[half::f16],
    data: &[Vec<half::f16>],
) -> (Vec<(usize, f64)>, usize) {
    let distance = |tid| sql_distance(index.metric(), query, &data[row(tid) % 1_000]);
    let mut scan = Reordered::new(index, scan, distance);
    let mut rows = Vec::new();
    while let Some((distance, tid)) = scan.next_row().unwrap() {
        rows.push((row(tid), distance));
    }
    (rows, scan.scan().late())
}

/// What a scan should return: the rows in order of distance.
fn exact(metric: Metric, query: &[half::f16], data: &[Vec<half::f16>]) -> Vec<(usize, f64)> {
    let mut rows: Vec<(usize, f64)> = data
        .iter()
        .enumerate()
        .map(|(row, vector)| (row, sql_distance(metric, query, vector)))
        .collect();
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    rows
}

#[test]
fn a_complete_scan_returns_every_row() {
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let store = MemStore::new();
        let data = vectors(700, 1);
        let index = inserted(&store, &parameters(metric), &data);
        for (seed, nodes) in [(2, usize::MAX), (3, 1), (4, 100), (5, 400)] {
            let query = &vectors(1, seed)[0];
            let wanted = exact(metric, query, &data);
            for order in [Order::Strict, Order::Relaxed] {
                let options = Options {
                    limits: Limits {
                        nodes,
                        ..Limits::NONE
                    },
                    ..options(10, order)
                };
                let scan = Scan::new(index.query(query).unwrap(), options).complete();
                let (mut rows, late) = rows_of(&index, scan, query, &data);
                if order == Order::Strict {
                    assert!(rows.is_sorted_by(|a, b| a.1 <= b.1));
                    assert!(late <= 20, "{metric:?}: {late} late");
                    assert_eq!(rows.len() + late, data.len());
                    assert!(rows.iter().all(|row| wanted.contains(row)));
                } else {
                    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
                    assert_eq!(rows, wanted);
                }
            }
        }
    }
}

#[test]
fn an_exact_scan_misses_nothing() {
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let store = MemStore::new();
        let data = vectors(500, 1);
        let index = inserted(&store, &parameters(metric), &data);
        let query = &vectors(1, 2)[0];
        let wanted = exact(metric, query, &data);
        let narrow = Options {
            limits: Limits {
                nodes: 1,
                ..Limits::NONE
            },
            ..options(1, Order::Strict)
        };
        let scan = || Scan::new(index.query(query).unwrap(), narrow).exact();
        let (rows, late) = rows_of(&index, scan(), query, &data);
        assert_eq!((rows, late), (wanted.clone(), 0));
        if metric == Metric::Cosine {
            let radius = wanted[123].1;
            let (mut rows, _) = rows_of(&index, scan().within(radius), query, &data);
            // What may be as near comes, too, for the executor to check.
            assert!(rows.len() < 200);
            rows.retain(|&(_, distance)| distance <= radius);
            assert_eq!(rows, wanted[..=123]);
        }
    }
}

/// Rows that a filter leaves are found however few they are, and at little more than the price of reading all pages.
#[test]
fn a_complete_scan_changes_over_in_time() {
    let store = MemStore::new();
    let mut index = filled(&store, 3_000);
    let pages = PageStore::blocks(&store).unwrap() as u64;
    retrain(&mut index).unwrap();
    for seed in 2..8 {
        let query = index.query(&vectors(1, seed)[0]).unwrap();
        let mut scan = Scan::new(query, options(40, Order::Strict)).complete();
        let before = store.reads();
        assert!(scan.next_row(&index).unwrap().is_some());
        assert!(store.reads() - before < 200);
        while scan.next_row(&index).unwrap().is_some() {}
        let reads = store.reads() - before;
        // A node's rows are read when its turn has come.
        assert!(
            reads < pages + 3_000 + 2 * 3_000 / 8,
            "{reads} reads, {pages} pages"
        );
        assert!(scan.late() <= 8, "{}", scan.late());
    }
}

/// Islands, and nodes that nothing leads to, are part of the index.
#[test]
fn a_complete_scan_finds_what_the_graph_does_not_lead_to() {
    let store = MemStore::new();
    let index = filled(&store, 500);
    let shape = *index.shape();
    for block in 1..PageStore::blocks(&store).unwrap() {
        store.spoil(block, |page| {
            for slot in 0..if page.has_slots() { shape.slots } else { 0 } {
                page.slot_mut(&shape, slot).set_degree(0);
            }
        });
    }
    let query = || index.query(&vectors(1, 2)[0]).unwrap();
    let scan = || Scan::new(query(), options(10, Order::Relaxed));
    assert!(all_relaxed(&index, scan()).len() < 10);
    assert_eq!(all_relaxed(&index, scan().complete()).len(), 500);
}

#[test]
fn all_within_a_radius_are_found_in_no_order() {
    let store = MemStore::new();
    let mut index = Index::create(&store, &parameters(Metric::Cosine)).unwrap();
    let data = vectors(800, 1);
    for (row, vector) in data.iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
        if row.is_multiple_of(50) {
            for copy in 1..40 {
                insert(&mut index, vector, tid(copy * 1_000 + row)).unwrap();
            }
        }
    }
    let query = &vectors(1, 2)[0];
    let wanted = exact(Metric::Cosine, query, &data);
    let copies = |row: usize| if row.is_multiple_of(50) { 40 } else { 1 };
    for within in [0, 1, 37, 400, 800] {
        let radius = match within {
            0 => -0.5,
            _ => wanted[within - 1].1,
        };
        let mut scan = Scan::all(&index, index.query(query).unwrap(), radius, false).unwrap();
        let (mut found, mut rechecked) = (Vec::new(), 0);
        while let Some(Row { recheck, tid, .. }) = scan.next_row(&index).unwrap() {
            let row = row(tid);
            let distance = sql_distance(Metric::Cosine, query, &data[row % 1_000]);
            assert!(recheck || distance <= radius, "row {row}");
            rechecked += usize::from(recheck);
            if distance <= radius {
                found.push((row, distance));
            }
        }
        assert!(rechecked < 100, "{rechecked} within {radius}");
        let expected: usize = wanted[..within].iter().map(|&(row, _)| copies(row)).sum();
        assert_eq!(found.len(), expected);
        found.sort_by_key(|&(row, _)| row);
        found.dedup_by_key(|&mut (row, _)| row);
        assert_eq!(found.len(), expected, "a row came twice");

        // By the graph, in either order: all of those near, none of those beyond.
        for order in [Order::Strict, Order::Relaxed] {
            let scan = Scan::new(index.query(query).unwrap(), options(20, order)).within(radius);
            let mut near = rows_of(&index, scan, query, &data).0;
            let found = near.len();
            near.retain(|&(_, distance)| distance <= radius);
            assert!(found <= near.len() + 100);
            assert!(
                near.len() * 100 >= expected * 95,
                "{} of {expected}",
                near.len()
            );
            let scan = Scan::new(index.query(query).unwrap(), options(20, order));
            let scan = scan.within(radius).complete();
            assert!(rows_of(&index, scan, query, &data).0.len() >= near.len());
        }
    }
}

/// A long chain of equal rows is read as far as rows are wanted.
#[test]
fn equal_rows_are_read_as_they_are_wanted() {
    let store = MemStore::new();
    let mut index = filled(&store, 200);
    let data = vectors(200, 1);
    let first = |index: &Index<&MemStore>| {
        let before = store.reads();
        let mut scan = Scan::new(index.query(&data[7]).unwrap(), options(10, Order::Strict));
        assert_eq!(scan.next_row(index).unwrap().unwrap().bound, 0.0);
        store.reads() - before
    };
    let without = first(&index);
    for row in 1_000..9_000 {
        insert(&mut index, &data[7], tid(row)).unwrap();
    }
    assert!(first(&index) < 2 * without);
    let scan = Scan::new(index.query(&data[7]).unwrap(), options(10, Order::Relaxed));
    let rows = all_relaxed(&index, scan);
    assert!(rows[..8_001].iter().all(|&row| row == 7 || row >= 1_000));
}

/// A reader's rows come once each although vacuum frees slots of their chain, and inserts fill them again, while he
/// pauses in the middle of it.
#[test]
fn a_scan_that_pauses_in_a_chain_returns_each_of_its_rows_once() {
    let data = vectors(2, 1);
    for (seed, pause) in (0..12).map(|seed| (seed, 5 + 61 * seed)) {
        let store = MemStore::new();
        let mut index = Index::create(&store, &parameters(Metric::L2)).unwrap();
        for row in 0..900 {
            insert(&mut index, &data[0], tid(row)).unwrap();
        }
        let reader = Index::open(store.standby(), None).unwrap();
        let mut scan = Scan::new(reader.query(&data[0]).unwrap(), options(10, Order::Strict));
        let mut rows = Vec::new();
        while let Some(found) = scan.next_row(&reader).unwrap() {
            rows.push(row(found.tid));
            if rows.len().is_multiple_of(pause) && rows.len() < 5 * pause {
                // Some of the reader's rows are dead to everybody: those of one remainder, and a stretch of them.
                let round = rows.len() / pause;
                let gone = |row: usize| {
                    row % 10 == round || (200 * round..200 * round + 150).contains(&row)
                };
                bulk_delete(&mut index, |tid| row(tid) < 900 && gone(row(tid))).unwrap();
                for row in 0..150 {
                    insert(&mut index, &data[0], tid(1_000 * round + row)).unwrap();
                    insert(&mut index, &data[1], tid(10_000 * round + row)).unwrap();
                }
            }
        }
        let mut own: Vec<usize> = rows.into_iter().filter(|&row| row < 900).collect();
        let count = own.len();
        own.sort_unstable();
        own.dedup();
        assert_eq!(own.len(), count, "seed {seed}: a row came twice");
        let alive = |row: usize| {
            (1..5)
                .all(|round| row % 10 != round && !(200 * round..200 * round + 150).contains(&row))
        };
        for row in (0..900).filter(|&row| alive(row)) {
            assert!(
                own.binary_search(&row).is_ok(),
                "seed {seed}: row {row} is lost"
            );
        }
    }
}

fn all_relaxed(index: &Index<&MemStore>, mut scan: Scan) -> Vec<usize> {
    let mut rows = Vec::new();
    while let Some(found) = scan.next_row(index).unwrap() {
        rows.push(row(found.tid));
    }
    rows
}
