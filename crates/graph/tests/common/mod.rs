//! Data with exact answers.
#![allow(dead_code)]

use graph::build::Builder;
use graph::check::{Report, check};
use graph::index::{Index, Parameters};
use graph::insert::insert;
use graph::layout::Tid;
use graph::mem::MemStore;
use graph::random::Random;
use graph::reorder::Reordered;
use graph::scan::{Options, Order, Row, Scan};
use graph::search::Limits;
use graph::space::Metric;
use graph::store::PageStore;
pub use graph::threads::Threads;
use half::f16;

pub const DIMS: usize = 32;

/// Vectors in clusters, all different.
pub fn vectors(count: usize, seed: u64) -> Vec<Vec<f16>> {
    // The clusters are the same for every seed: queries come from where the data is.
    let mut random = Random::new(7);
    let centres: Vec<Vec<f32>> = (0..40)
        .map(|_| (0..DIMS).map(|_| random.normal()).collect())
        .collect();
    let mut random = Random::new(seed);
    (0..count)
        .map(|_| {
            let centre = &centres[random.below(centres.len())];
            centre
                .iter()
                .map(|x| f16::from_f32(1.5 + x + 0.6 * random.normal()))
                .collect()
        })
        .collect()
}

/// A build by one thread, which is the same every time.
pub const ALONE: Threads = Threads {
    count: 1,
    spawning: |start| start(),
};

/// A build by several, which makes every graph another one.
pub const THREADS: Threads = Threads {
    count: 3,
    spawning: |start| start(),
};

/// An index filled row by row.
pub fn inserted<'s>(
    store: &'s MemStore,
    parameters: &Parameters,
    data: &[Vec<f16>],
) -> Index<&'s MemStore> {
    let mut index = Index::create(store, parameters).unwrap();
    insert_from(&mut index, data, 0);
    index
}

/// Inserts the vectors from the number `first` on.
pub fn insert_from(index: &mut Index<&MemStore>, data: &[Vec<f16>], first: usize) {
    for (row, vector) in data.iter().enumerate().skip(first) {
        insert(index, vector, tid(row)).unwrap();
    }
}

/// A builder that has been given vectors.
pub fn builder<'s>(
    store: &'s MemStore,
    parameters: Parameters,
    budget: usize,
    data: &[Vec<f16>],
) -> Builder<&'s MemStore> {
    let mut builder = Builder::new(store, parameters, budget).unwrap();
    for (row, vector) in data.iter().enumerate() {
        builder.push(vector, tid(row)).unwrap();
    }
    builder
}

/// An index built in memory.
pub fn built<'s>(
    store: &'s MemStore,
    parameters: Parameters,
    data: &[Vec<f16>],
    threads: Threads,
) -> Index<&'s MemStore> {
    builder(store, parameters, usize::MAX, data)
        .finish(threads, |_, _, _| ())
        .unwrap()
}

/// What is in an index that has no problems.
#[track_caller]
pub fn whole<S: PageStore>(index: &Index<S>) -> Report {
    let report = check(index).unwrap().0;
    assert_eq!(report.problems, [""; 0]);
    report
}

pub fn parameters(metric: Metric) -> Parameters {
    Parameters {
        metric,
        dims: DIMS,
        m: 8,
        ef_construction: 40,
        columns: 0,
    }
}

/// The row of a vector's number.
pub fn tid(row: usize) -> Tid {
    Tid::new((row / 100) as u32, (row % 100) as u16 + 1)
}

pub fn row(tid: Tid) -> usize {
    tid.block() as usize * 100 + usize::from(tid.offset()) - 1
}

pub fn distance(metric: Metric, a: &[f16], b: &[f16]) -> f64 {
    metric.distance(a, kernels::norm_squared(a), b, kernels::norm_squared(b))
}

/// The distance as the SQL operator gives it.
pub fn sql_distance(metric: Metric, a: &[f16], b: &[f16]) -> f64 {
    match metric {
        Metric::L2 => distance(metric, a, b).sqrt(),
        Metric::Cosine | Metric::InnerProduct => distance(metric, a, b),
    }
}

/// A scan without limits.
pub fn options(ef: usize, order: Order) -> Options {
    Options {
        ef,
        order,
        limits: Limits::NONE,
        skip_dead: false,
    }
}

/// What the executor returns of a scan of `data`: rows and their distances.
pub fn returned<S: PageStore>(
    index: &Index<S>,
    scan: Scan,
    query: &[f16],
    data: &[Vec<f16>],
    limit: usize,
) -> Vec<(usize, f64)> {
    let metric = index.metric();
    // Of rows that have no vector there, copies of others, nothing is known but the bound.
    let distance = |tid| match data.get(row(tid)) {
        Some(vector) => sql_distance(metric, query, vector),
        None => f64::INFINITY,
    };
    let mut reordered = Reordered::new(index, scan, distance);
    let mut rows = Vec::new();
    while rows.len() < limit
        && let Some((distance, tid)) = reordered.next_row().unwrap()
    {
        rows.push((row(tid), distance));
    }
    rows
}

/// The nearest rows that the executor returns.
pub fn nearest<S: PageStore>(
    index: &Index<S>,
    data: &[Vec<f16>],
    query: &[f16],
    ef: usize,
    limit: usize,
) -> Vec<usize> {
    let scan = Scan::new(index.query(query).unwrap(), options(ef, Order::Strict));
    let rows = returned(index, scan, query, data, limit);
    rows.into_iter().map(|(row, _)| row).collect()
}

/// The first `limit` rows that a scan returns.
pub fn answers<S: PageStore>(
    index: &Index<S>,
    query: &[f16],
    ef: usize,
    limit: usize,
) -> Vec<usize> {
    let query = index.query(query).unwrap();
    let mut scan = Scan::new(query, options(ef, Order::Strict));
    let mut rows = Vec::new();
    let mut last = f64::NEG_INFINITY;
    while rows.len() < limit {
        let Some(Row { bound, tid, .. }) = scan.next_row(index).unwrap() else {
            break;
        };
        assert!(bound >= last, "{bound} after {last}");
        last = bound;
        rows.push(row(tid));
    }
    rows
}

/// Number of rows that a scan in relaxed order returns in all.
pub fn everything<S: PageStore>(index: &Index<S>, query: &[f16]) -> usize {
    let mut scan = Scan::new(index.query(query).unwrap(), options(40, Order::Relaxed));
    let mut count = 0;
    while scan.next_row(index).unwrap().is_some() {
        count += 1;
    }
    count
}

/// Mean share of the ten nearest among `rows` that a scan finds.
pub fn recall<S: PageStore>(
    index: &Index<S>,
    metric: Metric,
    data: &[Vec<f16>],
    rows: &[usize],
    ef: usize,
) -> f64 {
    let queries = vectors(50, 99);
    let mut found = 0;
    for query in &queries {
        let mut exact: Vec<(f64, usize)> = rows
            .iter()
            .map(|&row| (distance(metric, query, &data[row]), row))
            .collect();
        exact.sort_by(|a, b| a.0.total_cmp(&b.0));
        let farthest = exact[9.min(exact.len() - 1)].0;
        found += nearest(index, data, query, ef, 10)
            .into_iter()
            .filter(|&row| distance(metric, query, &data[row]) <= farthest + 1e-9)
            .count();
    }
    found as f64 / (10 * queries.len()) as f64
}

/// How many of `rows` their own vector finds.
pub fn found_by_themselves<S: PageStore>(
    index: &Index<S>,
    data: &[Vec<f16>],
    rows: &[usize],
) -> usize {
    rows.iter()
        .filter(|&&row| nearest(index, data, &data[row], 40, 3).contains(&row))
        .count()
}
