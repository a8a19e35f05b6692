//! Against a graph of exact distances in memory: `hnsw_rs`, with the same `m` and `ef`.

use graph::build::Builder;
use graph::index::Parameters;
use graph::layout::Tid;
use graph::mem::MemStore;
use graph::random::Random;
use graph::reorder::Reordered;
use graph::scan::{Options, Order, Scan};
use graph::search::Limits;
use graph::space::Metric;
use graph::threads::Threads;
use half::f16;
use hnsw_rs::prelude::{DistL2, Hnsw};

const DIMS: usize = 512;
const COUNT: usize = 4_000;
const QUERIES: usize = 200;
const M: usize = 8;
const EF_CONSTRUCTION: usize = 40;

/// Vectors in clusters whose members differ in all directions alike, where codes are at their worst.
fn vectors(count: usize, random: &mut Random, centres: &[Vec<f32>]) -> Vec<Vec<f32>> {
    (0..count)
        .map(|_| {
            let centre = &centres[random.below(centres.len())];
            let vector = centre.iter().map(|x| x + 0.6 * random.normal());
            vector.map(|x| f16::from_f32(x).to_f32()).collect()
        })
        .collect()
}

fn halves(vector: &[f32]) -> Vec<f16> {
    vector.iter().map(|&x| f16::from_f32(x)).collect()
}

fn nearest(data: &[Vec<f32>], query: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..data.len()).collect();
    let distance = |i: usize| kernels::l2_squared(&data[i][..], query);
    order.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
    order.truncate(10);
    order
}

#[test]
fn the_same_settings_do_not_give_better_recall_elsewhere() {
    let mut random = Random::new(11);
    let centres: Vec<Vec<f32>> = (0..30)
        .map(|_| (0..DIMS).map(|_| random.normal()).collect())
        .collect();
    let data = vectors(COUNT, &mut random, &centres);
    let queries = vectors(QUERIES, &mut random, &centres);
    let truth: Vec<Vec<usize>> = queries.iter().map(|query| nearest(&data, query)).collect();

    let other: Hnsw<f32, DistL2> = Hnsw::new(M, COUNT, 16, EF_CONSTRUCTION, DistL2);
    let parameters = Parameters {
        metric: Metric::L2,
        dims: DIMS,
        m: M,
        ef_construction: EF_CONSTRUCTION,
        columns: 0,
    };
    let store = MemStore::new();
    let mut builder = Builder::new(&store, parameters, usize::MAX).unwrap();
    for (row, vector) in data.iter().enumerate() {
        other.insert((vector, row));
        builder
            .push(&halves(vector), Tid::new(row as u32, 1))
            .unwrap();
    }
    let alone = Threads {
        count: 1,
        spawning: |start| start(),
    };
    let index = builder.finish(alone, |_, _, _| ()).unwrap();

    for ef in [10, 20, 40, 80, 160] {
        let (mut here, mut there) = (0, 0);
        for (query, truth) in queries.iter().zip(&truth) {
            let options = Options {
                ef: ef / 2,
                order: Order::Strict,
                limits: Limits::NONE,
                skip_dead: false,
            };
            let query_halves = halves(query);
            let scan = Scan::new(index.query(&query_halves).unwrap(), options);
            let distance = |tid: Tid| {
                let vector = halves(&data[tid.block() as usize]);
                f64::from(kernels::l2_squared(&query_halves, &vector)).sqrt()
            };
            let mut scan = Reordered::new(&index, scan, distance);
            for _ in 0..10 {
                let (_, tid) = scan.next_row().unwrap().unwrap();
                here += usize::from(truth.contains(&(tid.block() as usize)));
            }
            let found = other.search(query, 10, ef);
            there += found.iter().filter(|at| truth.contains(&at.d_id)).count();
        }
        // Another machine's kernels round otherwise: a hundredth of leeway.
        assert!(
            here + QUERIES / 10 >= there,
            "ef {ef}: {here} here, {there} there"
        );
    }
}
