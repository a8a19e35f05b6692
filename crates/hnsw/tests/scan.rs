//! Scans that stop early, and rows that are marked dead.

mod common;

use common::*;
use hnsw::codes::Metric;
use hnsw::index::Index;
use hnsw::insert::insert;
use hnsw::mem::MemStore;
use hnsw::scan::{Limits, Options, Order, Row, Scan};
use hnsw::vacuum::bulk_delete;

fn filled(store: &MemStore, rows: usize) -> Index<&MemStore> {
    let mut index = Index::create(store, &parameters(Metric::L2)).unwrap();
    for (row, vector) in vectors(rows, 1).iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    index
}

fn all(index: &Index<&MemStore>, scan: &mut Scan) -> Vec<usize> {
    let mut rows = Vec::new();
    let mut last = f64::NEG_INFINITY;
    while let Some(Row { distance, tid }) = scan.next_row(index).unwrap() {
        assert!(distance >= last);
        last = distance;
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

fn all_relaxed(index: &Index<&MemStore>, mut scan: Scan) -> Vec<usize> {
    let mut rows = Vec::new();
    while let Some(found) = scan.next_row(index).unwrap() {
        rows.push(row(found.tid));
    }
    rows
}
