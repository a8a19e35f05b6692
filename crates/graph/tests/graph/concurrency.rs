//! Scans, inserts and vacuums beside each other.

use std::collections::HashSet;

use crate::common::*;
use graph::check::check;
use graph::index::Index;
use graph::insert::insert;
use graph::mem::{MemStore, interleave};
use graph::retrain::retrain;
use graph::scan::{Order, Row, Scan};
use graph::space::Metric;
use graph::vacuum::bulk_delete;
use half::f16;

fn build<'s>(store: &'s MemStore, metric: Metric, data: &[Vec<f16>]) -> Index<&'s MemStore> {
    built(store, parameters(metric), data, ALONE)
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
    insert_from(&mut index, &data, 1_500);
    while let Some(Row { bound, tid, .. }) = scan.next_row(&reader).unwrap() {
        let row = row(tid);
        rows.push(row);
        let distance = sql_distance(Metric::L2, &data[0], &data[row]);
        assert!(bound <= distance, "row {row}");
        assert!(bound >= distance - 0.1, "row {row}");
    }
    let distinct: HashSet<usize> = rows.iter().copied().collect();
    assert_eq!(distinct.len(), rows.len());
}

#[test]
fn a_scan_begins_where_the_index_is_now() {
    let data = vectors(100, 1);
    let store = MemStore::new();
    let mut index = inserted(&store, &parameters(Metric::L2), &data);
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
        let (store, data) = (&MemStore::new(), &vectors(900, seed));
        build(store, Metric::Cosine, &data[..600]);
        store.lie_about_free_pages(seed);
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
                    nearest(&index, data, &data[row], 20, 3).contains(&row),
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
        let (store, data) = (&MemStore::new(), &vectors(900, seed));
        build(store, Metric::Cosine, &data[..600]);
        store.lie_about_free_pages(seed);
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
