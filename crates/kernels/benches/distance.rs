//! Time per call of every kernel on every instruction set of this machine, operands in L1.
//!
//! `cargo bench -p kernels -- f16/cosine/512` narrows it down; 513 shows the price of a tail.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use half::f16;
use kernels::{Element, cosine_distance_from, instruction_sets};

const DIMENSIONS: [usize; 4] = [512, 768, 1024, 513];

fn distances(criterion: &mut Criterion) {
    element(criterion, "f16", f16::from_f32);
    element(criterion, "f32", |x| x);
}

fn element<T: Element>(criterion: &mut Criterion, name: &str, from: impl Fn(f32) -> T) {
    let wave =
        |n: usize, step: f32| -> Vec<T> { (0..n).map(|i| from((i as f32 * step).sin())).collect() };
    for n in DIMENSIONS {
        let (a, b) = (wave(n, 0.37), wave(n, 1.13));
        let norm_squared = kernels::norm_squared(&a);
        for set in instruction_sets() {
            let kernels = T::kernels(set);
            let mut measure = |what: &str, distance: &dyn Fn(&[T], &[T]) -> f64| {
                let id = format!("{name}/{what}/{n}/{}", set.name());
                criterion.bench_function(&id, |bencher| {
                    bencher.iter(|| distance(black_box(&a), black_box(&b)));
                });
            };
            measure("dot", &|a, b| kernels.dot(a, b).into());
            measure("cosine", &|a, b| kernels.cosine_distance(a, b));
            measure("cosine_known_norm", &|a, b| {
                let (dot, b_norm_squared) = kernels.dot_and_norm_squared(a, b);
                cosine_distance_from(dot, norm_squared, b_norm_squared)
            });
            measure("l2_squared", &|a, b| kernels.l2_squared(a, b).into());
            measure("l1", &|a, b| kernels.l1(a, b).into());
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .sample_size(50);
    targets = distances
}
criterion_main!(benches);
