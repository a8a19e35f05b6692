//! Everything that is done to an index, on a few rows: what an interpreter such as Miri has the patience for.

mod common;

use common::{ALONE, Threads, tid};
use graph::build::Builder;
use graph::census::census;
use graph::check::check;
use graph::index::{Index, Parameters};
use graph::insert::insert;
use graph::mem::MemStore;
use graph::random::Random;
use graph::retrain::retrain;
use graph::scan::{Options, Order, Scan};
use graph::search::Limits;
use graph::space::Metric;
use graph::vacuum::bulk_delete;
use half::f16;

const PARAMETERS: Parameters = Parameters {
    metric: Metric::Cosine,
    dims: 4,
    m: 2,
    ef_construction: 4,
    columns: 0,
};

fn vectors(count: usize) -> Vec<Vec<f16>> {
    let mut random = Random::new(1);
    let mut vector = || (0..4).map(|_| f16::from_f32(random.normal())).collect();
    (0..count).map(|_| vector()).collect()
}

fn rows(index: &Index<&MemStore>, query: &[f16], exact: bool) -> usize {
    let options = Options {
        ef: 8,
        order: Order::Relaxed,
        limits: Limits::NONE,
        skip_dead: true,
    };
    let mut scan = Scan::new(index.query(query).unwrap(), options);
    if exact {
        scan = scan.exact();
    }
    let mut count = 0;
    while let Some(row) = scan.next_row(index).unwrap() {
        if count == 0 {
            scan.mark_dead(index, row.tid).unwrap();
        }
        count += 1;
    }
    scan.close();
    count
}

#[test]
fn rows_come_and_go() {
    let data = vectors(80);
    let store = MemStore::new();
    let mut index = Index::create(&store, &PARAMETERS).unwrap();
    for (row, vector) in data.iter().enumerate().take(70) {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    for row in 70..76 {
        insert(&mut index, &data[0], tid(row)).unwrap();
    }
    retrain(&mut index).unwrap();
    assert_eq!(index.meta().epoch, 1);
    for (row, vector) in data.iter().enumerate().skip(76) {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    assert_eq!(rows(&index, &data[3], false), 80);
    // Each scan has marked a row dead.
    assert_eq!(rows(&index, &data[3], true), 79);
    let done = bulk_delete(&mut index, |tid| tid.offset() % 2 == 0).unwrap();
    assert_eq!(done.rows, 40);
    let report = check(&index).unwrap().0;
    assert_eq!(report.problems, [""; 0]);
    assert_eq!((report.rows, report.unreachable), (40, 0));
    assert_eq!(census(&index).unwrap().rows, 40);
}

#[test]
fn threads_build_a_graph() {
    for threads in [ALONE, Threads { count: 2, ..ALONE }] {
        let store = MemStore::new();
        let mut builder = Builder::new(&store, PARAMETERS, usize::MAX).unwrap();
        for (row, vector) in vectors(72).iter().enumerate() {
            builder.push(vector, tid(row)).unwrap();
        }
        let index = builder.finish(threads, |_, _, _| ()).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0]);
        assert_eq!((report.rows, report.unreachable), (72, 0));
    }
}
